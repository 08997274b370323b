/** What the construct grants to applications, beside the calls that the library really makes, over the wire. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { APPLICATION_GRANTS, conditionOf, type Grant } from '../../cdk/grants.ts';
import { createDynamoClient } from '../../lambdas/adapters/table/dynamo-client.ts';
import { Endpoint } from '../../lambdas/endpoint/endpoint.ts';
import type { Ports } from '../../lambdas/ports.ts';
import { DeltaBuilder } from '../../lambdas/producer/produce-delta.ts';
import { composePorts } from '../../lambdas/runtime/compose.ts';
import { parseConfig } from '../../lambdas/runtime/config.ts';
import { Connection } from '../../lambdas/runtime/connection.ts';
import { type LocalTable, startTable } from '../../local/table.ts';
import { MemoryApiEngine } from '../support/model-api.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
import { ACTIONS } from './bucket-policy.ts';

let server: S3Server;
let table: LocalTable;
let root: string;
let connection: Connection;
let ports: Ports;
let calls = new Set<string>();

beforeAll(async () => {
  [server, table, root] = await Promise.all([startS3Server(), startTable(), mkdtemp(join(tmpdir(), 'grants-'))]);
  process.env.AWS_ENDPOINT_URL_S3 = server.endpoint;
  Object.assign(process.env, { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' });
  const config = parseConfig({
    STORE_URL: `s3://${server.bucket}`,
    TABLE_NAME: table.tableName,
    WORK_DIRECTORY: join(root, 'work'),
    CACHE_DIRECTORY: join(root, 'none'),
  });
  const silent = { metric: () => {}, info: () => {}, warn: () => {} };
  const dynamo = createDynamoClient(table.clientConfig);
  ports = composePorts(config, silent, { dynamo, capture: recorded });
  connection = new Connection(ports);
  await connection.createCollection('pets', { dimension: 3 });
});
afterAll(async () => {
  await Promise.all([server.close(), table.close(), rm(root, { recursive: true, force: true })]);
});

/** `<action> <prefix of the key>` for objects, `<action>` for all else. */
function recorded<Client>(client: Client): Client {
  (client as S3Client).middlewareStack.add(
    (next, { clientName, commandName = '' }) =>
      (args) => {
        const { Key } = args.input as { Key?: string | object };
        const name = commandName.replace(/Command$/, '');
        const service = clientName === 'S3Client' ? 's3' : 'dynamodb';
        const prefix = typeof Key === 'string' ? ` ${Key.split('/')[0]}/` : '';
        calls.add(`${service}:${ACTIONS[name] ?? name}${prefix}`);
        return next(args);
      },
    { step: 'initialize', name: 'record', priority: 'high' },
  );
  return client;
}

function granted(grants: readonly Grant[]): Set<string> {
  return new Set(
    grants.flatMap((grant) =>
      grant.actions.map((action) => `${action}${grant.on === 'objects' ? ` ${grant.prefix}` : ''}`),
    ),
  );
}

const without = (all: Set<string>, some: Set<string>) => [...all].filter((each) => !some.has(each)).sort();

/** What it took, by S3's and DynamoDB's names. */
async function callsOf(task: () => Promise<unknown>): Promise<Set<string>> {
  calls = new Set();
  await task();
  return calls;
}

const submit = () =>
  connection.submit({
    collection: 'pets',
    deltaId: 'one',
    operations: new DeltaBuilder().upsert({ id: 'cat', embedding: [1, 0, 0] }),
  });

it('submitting, and again', async () => {
  const made = await callsOf(async () => {
    await submit();
    await submit();
  });

  const needed = granted(APPLICATION_GRANTS.submit);
  expect(without(made, needed)).toEqual([]);
  // Parts of large deltas; and an absent key is told from a refused one by the right to list.
  expect(without(needed, made)).toEqual(['dynamodb:GetItem', 's3:AbortMultipartUpload deltas/', 's3:ListBucket']);
});

it('waiting', async () => {
  const sent = await submit();

  const made = await callsOf(() => connection.wait(sent, { timeoutMs: 0 }));

  const needed = granted(APPLICATION_GRANTS.wait);
  expect(without(made, needed)).toEqual([]);
  // For producers without the library.
  expect(without(needed, made)).toEqual(['dynamodb:GetItem']);
});

it('submitting from Python, as the page has it', () => {
  const page = readFileSync(new URL('../../docs/how-to/submit-from-python.md', import.meta.url), 'utf8');
  const calls = [...page.matchAll(/\b(s3|dynamodb)\.((?:put|get|head|list|batch|delete|update|query)_\w+)\(/g)];
  const pascal = (name = '') => name.replace(/(?:^|_)(\w)/g, (_, first: string) => first.toUpperCase());

  const made = new Set(calls.map(([, of, name]) => `${of}:${pascal(name)}${of === 's3' ? ' deltas/' : ''}`));

  expect([...made].sort()).toEqual(['dynamodb:GetItem', 's3:GetObject deltas/', 's3:PutObject deltas/']);
  expect(without(made, granted(APPLICATION_GRANTS.submit))).toEqual([]);
});

it('reading', async () => {
  const made = await callsOf(async () => (await connection.openReader('pets')).close());

  const needed = granted(APPLICATION_GRANTS.read);
  expect(without(made, needed)).toEqual([]);
  // Version 0 has no packs.
  expect(without(needed, made)).toEqual(['s3:GetObject packs/', 's3:ListBucket']);
});

/** What requests call is in endpoint-suite.ts; here is what comes before them, when the store is not known. */
it('serving, up to the first request', async () => {
  const options = { readLevel: 'index_and_wal', allowReset: false } as const;

  const made = await callsOf(async () =>
    (await Endpoint.start({ ...ports, api: new MemoryApiEngine() }, options)).close(),
  );

  expect(without(made, granted(APPLICATION_GRANTS.serve))).toEqual([]);
  expect([...made].sort()).toEqual(['s3:DeleteObject probes/', 's3:GetObject probes/', 's3:PutObject probes/']);
});

it('serving, by the policy that the how-to prints', () => {
  const page = readFileSync(new URL('../../docs/how-to/run-an-endpoint-in-a-container.md', import.meta.url), 'utf8');
  const { Statement } = JSON.parse(/^```json\n([\s\S]*?)^```$/m.exec(page)?.[1] ?? '{}') as {
    Statement: Array<{ Action: string | string[]; Resource: string | string[]; Condition?: object }>;
  };

  const conditions = APPLICATION_GRANTS.serve.flatMap((grant) =>
    grant.actions.map((action) => conditionOf(grant, action)).filter((condition) => condition !== undefined),
  );
  const printed = Statement.flatMap(({ Action, Resource }) =>
    [Action].flat().flatMap((action) =>
      [Resource].flat().map((resource) => {
        const prefix = /:::BUCKET\/(\w+\/)\*$/.exec(resource)?.[1];
        return prefix === undefined ? action : `${action} ${prefix}`;
      }),
    ),
  );

  expect(printed.sort()).toEqual([...granted(APPLICATION_GRANTS.serve)].sort());
  expect(Statement.flatMap(({ Condition }) => (Condition === undefined ? [] : [Condition]))).toEqual(conditions);
});
