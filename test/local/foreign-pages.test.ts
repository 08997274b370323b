/** A web page in the user's browser, against everything that listens on this machine. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { type IncomingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { locateEngine } from '../../lambdas/adapters/chroma/locator.ts';
import { ChromaServer } from '../../lambdas/adapters/chroma/server.ts';
import { type LocalStack, startStack } from '../../local/stack.ts';
import { type LocalTable, startTable } from '../../local/table.ts';
import { COLLECTIONS, START_MS } from '../support/chroma-api.ts';

interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}
interface Sent {
  method?: string;
  path?: string;
  headers?: Record<string, string>;
  body?: string;
}

let directory: string;
let stack: LocalStack;
let table: LocalTable;
let chroma: ChromaServer;
const ports: Record<string, number> = {};

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'foreign-pages-'));
  stack = await startStack({ dataDirectory: join(directory, 'stack') });
  table = await startTable();
  chroma = await ChromaServer.start(await locateEngine(), join(directory, 'chroma'), {
    startMs: START_MS,
    graceMs: 500,
  });
  ports['the Step Functions endpoint and the console'] = Number(new URL(stack.file.sfnEndpoint).port);
  ports['the table'] = Number(new URL(table.endpoint).port);
  ports.Chroma = chroma.port;
});

afterAll(async () => {
  await chroma.stop();
  await Promise.all([stack.close(), table.close()]);
  await rm(directory, { recursive: true, force: true });
});

function send(who: string, { method = 'POST', path = '/', headers = {}, body = '' }: Sent): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: ports[who], method, path, headers, agent: false };
    const sent = request(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
    });
    sent.on('error', reject).end(body);
  });
}

const OURS = ['the Step Functions endpoint and the console', 'the table'];
const EVIL = 'https://evil.example';
const PUT_STATUS = JSON.stringify({
  TableName: 'compactor',
  Item: {
    collection: { S: 'pets' },
    item: { S: 'DELTA#one' },
    outcome: { S: 'applied' },
    version: { N: '1' },
    sha256: { S: 'a'.repeat(64) },
    rejectedOperations: { N: '0' },
  },
});
const AS_DYNAMO = {
  'x-amz-target': 'DynamoDB_20120810.PutItem',
  'content-type': 'application/x-amz-json-1.0',
  authorization:
    'AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=x',
  'x-amz-date': '20260101T000000Z',
};

describe.each(OURS)('%s', (who) => {
  it('answers no preflight of a foreign page', async () => {
    const headers = {
      origin: EVIL,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'x-amz-target,content-type',
    };

    const { status, headers: answered } = await send(who, { method: 'OPTIONS', headers });

    expect(status).toBe(403);
    expect(Object.keys(answered).filter((name) => name.startsWith('access-control-'))).toEqual([]);
  });

  it.each([EVIL, 'null', 'http://localhost:1', 'http://127.0.0.1.evil.example', ''])(
    'refuses a request whose Origin is "%s"',
    async (origin) => {
      for (const method of ['GET', 'POST']) {
        const reply = await send(who, { method, headers: { origin } });

        expect([method, reply.status]).toEqual([method, 403]);
        expect(JSON.parse(reply.body)).toMatchObject({ __type: 'AccessDeniedException' });
      }
    },
  );

  it.each(['evil.example', 'evil.example:80', '127.0.0.1.evil.example', 'localhost.evil.example', '[::2]:80'])(
    'refuses a request whose Host is "%s", as after DNS rebinding',
    async (host) => {
      const { status, body } = await send(who, { method: 'GET', path: '/health', headers: { host } });

      expect([host, status]).toEqual([host, 403]);
      expect(body).toContain('Host');
    },
  );

  it('hears its own pages and programs', async () => {
    const port = ports[who];
    const own: Array<Record<string, string>> = [
      {},
      { host: `localhost:${port}` },
      { host: `[::1]:${port}` },
      { origin: `http://localhost:${port}` },
    ];

    for (const headers of own) {
      const { status } = await send(who, { method: 'GET', path: '/health', headers });

      expect(status).not.toBe(403);
    }
  });
});

describe('the table', () => {
  const pages: Array<Record<string, string>> = [{ origin: EVIL }, { host: 'evil.example' }];

  it.each(pages)('lets no page mark a delta as applied: %j', async (page) => {
    for (const type of ['text/plain', 'application/x-amz-json-1.0']) {
      const headers = { ...AS_DYNAMO, 'content-type': type, ...page };
      expect((await send('the table', { headers, body: PUT_STATUS })).status).toBe(403);
    }

    const get = { ...AS_DYNAMO, 'x-amz-target': 'DynamoDB_20120810.Scan' };
    const { status, body } = await send('the table', { headers: get, body: '{"TableName":"compactor"}' });

    expect([status, JSON.parse(body)]).toEqual([200, expect.objectContaining({ Count: 0 })]);
  });
});

/** Chroma is not ours, and no check of `Host` can be put before it: this is what its own server does. */
describe('a Chroma server that the product starts', () => {
  const path = COLLECTIONS;

  it('gives a foreign page no permission to ask or to read', async () => {
    const headers = {
      origin: EVIL,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
    };

    const preflight = await send('Chroma', { method: 'OPTIONS', path, headers });
    const read = await send('Chroma', { method: 'GET', path, headers: { origin: EVIL } });

    expect(preflight.headers['access-control-allow-origin']).toBeUndefined();
    expect(read.headers['access-control-allow-origin']).toBeUndefined();
  });

  it('takes no request that a page can send without asking', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded']) {
      const headers = { origin: EVIL, 'content-type': type };
      const { status } = await send('Chroma', { path, headers, body: '{"name":"from-a-page"}' });

      expect([type, status]).toEqual([type, 415]);
    }
    expect((await send('Chroma', { method: 'GET', path })).body).toBe('[]');
  });
});

it('every server of local/ listens by the one door', async () => {
  const root = fileURLToPath(new URL('../../local', import.meta.url));
  const files = (await readdir(root, { recursive: true })).filter(
    (name) => name.endsWith('.ts') && name !== 'listen.ts',
  );

  const listening = await Promise.all(
    files.map(async (name) => (/\.listen\(/.test(await readFile(join(root, name), 'utf8')) ? name : [])),
  );

  expect(files).toContain('table.ts');
  expect(listening.flat()).toEqual([]);
});
