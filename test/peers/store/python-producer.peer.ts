/** The producer of docs/how-to/submit-from-python.md, as it is printed there, with boto3: what it makes of S3's answers. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { sha256 } from '../../../lambdas/snapshot/blocks.ts';
import { describeWith, pythonRuntime } from '../runtimes.ts';

const PAGE = readFileSync(new URL('../../../docs/how-to/submit-from-python.md', import.meta.url), 'utf8');
const PROGRAM = /```python\n(.*?)```/s.exec(PAGE)?.[1] ?? '';
/** What the page submits. */
const MINE =
  '{"op": "upsert", "id": "cat", "embedding": [1, 0, 0], "metadata": {"legs": 4}, "document": "a feline"}\n' +
  '{"op": "delete", "id": "dog"}\n';
const failure = (code: string) => `<Error><Code>${code}</Code><Message>as told</Message></Error>`;
const ERRORS: Record<number, string> = {
  409: 'ConditionalRequestConflict',
  412: 'PreconditionFailed',
  403: 'AccessDenied',
};

describeWith('the producer in Python', await pythonRuntime(), (bin) => {
  interface World {
    /** What S3 says to one PUT after the other. */
    answers: number[];
    /** What lies under the key; `mine`: whatever was sent. */
    stored?: string;
    /** SHA-256 in the table, from the look with this number on. */
    decided?: { sha256: string; from: number };
  }

  /** A store and a table that give these answers. */
  async function play({ answers, stored, decided }: World) {
    const puts: string[] = [];
    const conditions = new Set<unknown>();
    let looks = 0;
    const server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      if (request.method === 'POST') {
        const isDecided = decided !== undefined && ++looks >= decided.from;
        const digest = decided?.sha256 === 'mine' ? sha256(Buffer.from(puts[0] ?? MINE)) : decided?.sha256;
        response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' });
        response.end(JSON.stringify(isDecided ? { Item: { sha256: { S: digest } } } : {}));
        return;
      }
      if (request.method === 'GET') {
        response.writeHead(stored === undefined ? 404 : 200, { 'content-type': 'application/xml' });
        response.end(stored === undefined ? failure('NoSuchKey') : stored === 'mine' ? puts[0] : stored);
        return;
      }
      puts.push(body);
      conditions.add(request.headers['if-none-match']);
      const status = answers[puts.length - 1] ?? 500;
      const code = ERRORS[status];
      response.writeHead(status, { 'content-type': 'application/xml' });
      response.end(code === undefined ? '' : failure(code));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const env = {
      ...process.env,
      AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      AWS_ACCESS_KEY_ID: 'a',
      AWS_SECRET_ACCESS_KEY: 'b',
      AWS_DEFAULT_REGION: 'us-east-1',
      // boto3's own retries know nothing of this conflict, and would only hide what the page does.
      AWS_MAX_ATTEMPTS: '1',
    };
    try {
      const told = `${PROGRAM}\nprint(outcome, digest)`;
      const { stdout } = await promisify(execFile)(join(bin, 'python'), ['-c', told], { env });
      return { ended: stdout.trim().split(' ')[0], puts, conditions };
    } catch (error) {
      const { stderr } = error as { stderr: string };
      return { ended: /^(?:\w+\.)*(\w+)(?:: |$)/.exec(stderr.trim().split('\n').at(-1) ?? '')?.[1], puts, conditions };
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  it.each<[what: string, world: World, ended: string]>([
    ['stored at once', { answers: [200] }, 'new'],
    ['waiting already', { answers: [412], stored: 'mine' }, 'duplicate'],
    ['waiting with other content', { answers: [412], stored: 'theirs' }, 'DeltaIdReused'],
    ['decided already', { answers: [], decided: { sha256: 'mine', from: 1 } }, 'duplicate'],
    ['decided with other content', { answers: [], decided: { sha256: 'f'.repeat(64), from: 1 } }, 'DeltaIdReused'],
    ['decided between the two', { answers: [412], decided: { sha256: 'mine', from: 2 } }, 'duplicate'],
    ['in conflict with another write, and then stored', { answers: [409, 409, 200] }, 'new'],
    ['in conflict with another write, which stored it', { answers: [409, 412], stored: 'mine' }, 'duplicate'],
    ['in conflict for ever', { answers: Array.from({ length: 6 }, () => 409) }, 'TimeoutError'],
    // Newer versions of boto3 have a class of that name.
    ['refused', { answers: [403] }, 'ClientError|AccessDenied'],
  ])('a delta that is %s', async (_, world, expected) => {
    const { ended, puts, conditions } = await play(world);

    expect(ended).toMatch(new RegExp(`^(?:${expected})$`));
    expect(puts).toHaveLength(world.answers.length);
    expect(new Set(puts).size).toBeLessThanOrEqual(1);
    expect(conditions).toEqual(new Set(puts.map(() => '*')));
  });
});
