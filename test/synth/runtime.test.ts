/**
 * The bundles as Lambda runs them: in a process of their own with Lambda's environment, over S3 and DynamoDB by the wire.
 * Each line of their log says what it is about, and so does their trace, which a stand-in for X-Ray's daemon receives.
 */
import { execFile } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Bundles, findHandlers } from '../../cdk/handlers.ts';
import type { Verb } from '../../cdk/verbs.ts';
import { createDynamoClient } from '../../lambdas/adapters/table/dynamo-client.ts';
import type { Telemetry } from '../../lambdas/ports.ts';
import { composePorts } from '../../lambdas/runtime/compose.ts';
import { parseConfig } from '../../lambdas/runtime/config.ts';
import { type LocalTable, startTable } from '../../local/table.ts';
import type { CompactionState } from '../../statemachine/contract.ts';
import { urlEvent } from '../endpoint/url-events.ts';
import { COLLECTION, createCollection, type MemoryPorts, submit } from '../support/memory-ports.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';

/** A part of a trace, as the X-Ray SDK sends it. */
interface Part {
  id: string;
  parent_id: string;
  name: string;
  trace_id: string;
  annotations?: Record<string, unknown>;
  cause?: { exceptions: Array<{ type: string }> };
  aws?: { operation: string };
}

const TRACE = '1-5759e988-bd862e3fe1be46a994272793';
const EXECUTION = 'arn:aws:states:us-east-1:111122223333:execution:compaction:books-batch';
const silent: Telemetry = { metric: () => {}, info: () => {}, warn: () => {} };

let server: S3Server;
let table: LocalTable;
let daemon: Socket;
let bundles: Bundles;
let environment: Record<string, string>;
let scratch: string;
const parts: Part[] = [];

beforeAll(async () => {
  [server, table] = await Promise.all([startS3Server(), startTable()]);
  daemon = createSocket('udp4', (packet) => {
    // A header line, and the part.
    parts.push(JSON.parse(packet.toString().split('\n')[1] ?? ''));
  }).bind(0, '127.0.0.1');
  await once(daemon, 'listening');
  bundles = findHandlers();
  // In the place of the pair that the image brings.
  symlinkSync(resolve('node_modules'), join(bundles.MergeDeltas, 'node_modules'));
  scratch = mkdtempSync(join(tmpdir(), 'bundles-'));
  const { accessKeyId, secretAccessKey } = table.clientConfig.credentials;
  const own = { STORE_URL: `s3://${server.bucket}`, TABLE_NAME: table.tableName };
  environment = {
    ...own,
    CACHE_DIRECTORY: join(scratch, 'cache'),
    WORK_DIRECTORY: join(scratch, 'work'),
    AWS_ENDPOINT_URL_S3: server.endpoint,
    AWS_ENDPOINT_URL_DYNAMODB: table.endpoint,
    AWS_REGION: table.clientConfig.region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    // What Lambda sets.
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    LAMBDA_TASK_ROOT: '/var/task',
    AWS_XRAY_DAEMON_ADDRESS: `127.0.0.1:${daemon.address().port}`,
    _X_AMZN_TRACE_ID: `Root=${TRACE};Parent=53995c3f42cd8ad8;Sampled=1`,
    POWERTOOLS_SERVICE_NAME: 'ChromaCompactor',
  };
  const dynamo = createDynamoClient(table.clientConfig);
  const config = parseConfig({ ...own, STORE_URL: `s3://${server.bucket}` });
  process.env.AWS_ENDPOINT_URL_S3 = server.endpoint;
  Object.assign(process.env, { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' });
  const ports = composePorts(config, silent, { dynamo }) as MemoryPorts;
  await createCollection(ports);
  await submit(ports, 'd-1', [{ op: 'upsert', id: 'one', embedding: [1, 1, 1, 1] }]);
});

afterAll(async () => {
  daemon.close();
  await Promise.all([server.close(), table.close()]);
  rmSync(scratch, { recursive: true, force: true });
});

interface Invoked {
  output: unknown;
  error: string | undefined;
  lines: Array<Record<string, unknown>>;
}

/** In a process of its own; resolves when all that it sent to the daemon has arrived. */
async function invoke(
  verb: Verb,
  event: unknown,
  { module = 'index', env = {} }: { module?: string; env?: Record<string, string> } = {},
): Promise<Invoked> {
  const script = `
    const { handler } = await import(process.argv[1]);
    const context = { functionName: 'f', functionVersion: '1', memoryLimitInMB: '512', awsRequestId: 'r-1',
      invokedFunctionArn: 'arn:aws:lambda:us-east-1:111122223333:function:f' };
    const answer = await handler(JSON.parse(process.argv[2]), context).then(
      (output) => ({ output }), ({ name }) => ({ error: name }));
    console.log(JSON.stringify({ answer }));`;
  const file = join(bundles[verb], `${module}.mjs`);
  const args = ['--input-type=module', '-e', script, file, JSON.stringify(event)];
  const received = parts.length;
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { env: { ...environment, ...env } });
  await expect.poll(() => parts.slice(received).some(({ name }) => name.startsWith('## '))).toBe(true);
  // Warnings go to standard error: Lambda takes both.
  const lines = `${stderr}\n${stdout}`.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
  const [{ answer }] = lines.splice(-1) as [{ answer: { output?: unknown; error?: string } }];
  return { output: answer.output, error: answer.error, lines: lines.filter((line) => !('_aws' in line)) };
}

/** The part of a step, and those of the calls inside. */
function traced(step: string): { part: Part | undefined; calls: string[] } {
  const part = parts.findLast(({ name }) => name === `## ${step}`);
  const inside = parts.filter(({ parent_id }) => parent_id === part?.id);
  return { part, calls: inside.map(({ name, aws }) => `${name} ${aws?.operation}`) };
}

it('merge a delta, with the scripts of threads beside the bundle', async () => {
  const planned = await invoke('PlanCompaction', { input: { collection: COLLECTION }, execution: EXECUTION });

  const { output, error } = await invoke('MergeDeltas', planned.output);

  expect({ output, error }).toMatchObject({ error: undefined, output: { next: 'upload', merge: { records: 1 } } });
});

it('log and trace what a step is about', async () => {
  const planned = await invoke('PlanCompaction', { input: { collection: COLLECTION }, execution: EXECUTION });
  const state = planned.output as CompactionState;
  const locked = await invoke('AcquireLock', { phase: 'validation', state });

  expect(state).toMatchObject({ next: 'merge', pending: 1 });
  const subject = { collection: COLLECTION, execution: EXECUTION, version: 0 };
  for (const { lines } of [planned, locked]) {
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect(line).toMatchObject({ ...subject, service: 'ChromaCompactor' });
    expect(lines.at(-1)).toMatchObject({ message: 'Done.', function_request_id: 'r-1', xray_trace_id: TRACE });
  }
  const plan = traced('planCompaction');
  expect(plan.part).toMatchObject({
    trace_id: TRACE,
    annotations: { ColdStart: true, Service: 'ChromaCompactor', collection: COLLECTION, execution: EXECUTION },
  });
  expect(plan.calls).toEqual(expect.arrayContaining(['S3 GetObject', 'S3 ListObjectsV2', 'DynamoDB BatchGetItem']));
  const lock = traced('acquireLock');
  expect(lock.part?.annotations).toMatchObject(subject);
  expect(lock.calls).toEqual(['DynamoDB UpdateItem']);
});

it('log and trace why a step ended', async () => {
  const { error, lines } = await invoke('PlanCompaction', { input: { collection: 'unknown' }, execution: EXECUTION });

  expect(error).toBe('CollectionNotFoundError');
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({
    level: 'WARN',
    collection: 'unknown',
    execution: EXECUTION,
    step: 'planCompaction',
    error: { name: 'CollectionNotFoundError', message: expect.stringContaining('unknown') },
  });
  const { part } = traced('planCompaction');
  expect(part?.annotations).toMatchObject({ collection: 'unknown' });
  expect(part?.cause?.exceptions[0]).toMatchObject({ type: 'CollectionNotFoundError' });
});

it('serve an endpoint, whose token they read from Secrets Manager', async () => {
  const secrets = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' }).end('{"SecretString":"the token"}');
  }).listen(0, '127.0.0.1');
  await once(secrets, 'listening');
  const env = {
    ENDPOINT_TOKEN_SECRET: 'arn:aws:secretsmanager:us-east-1:111122223333:secret:Token-AbCdEf',
    AWS_ENDPOINT_URL_SECRETS_MANAGER: `http://127.0.0.1:${(secrets.address() as AddressInfo).port}`,
  };
  const event = (token: string) =>
    urlEvent({ method: 'GET', path: '/api/v2/auth/identity', headers: { 'X-Chroma-Token': token } });

  const wrong = await invoke('MergeDeltas', event('another'), { module: 'serve-endpoint', env });
  // An engine that is too old is answered with 500: what counts here is who may ask.
  const right = await invoke('MergeDeltas', event('the token'), { module: 'serve-endpoint', env });

  secrets.close();
  expect(wrong.output).toMatchObject({ statusCode: 403, body: expect.stringContaining('AuthError') });
  expect((right.output as { statusCode: number }).statusCode).not.toBe(403);
  expect(right.lines.at(-1)).toMatchObject({ message: 'Done.', service: 'ChromaCompactor' });
});
