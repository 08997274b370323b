/**
 * Lets the image's handler merge one delta: `npx node cdk/image/invoke-once.ts <root of the image's files>`. The store
 * is a directory inside the root, the table runs on this machine, and the answer must be a merge by the current Chroma.
 */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createDynamoClient } from '../../lambdas/adapters/table/dynamo-client.ts';
import type { Telemetry } from '../../lambdas/ports.ts';
import { composePorts } from '../../lambdas/runtime/compose.ts';
import { parseConfig } from '../../lambdas/runtime/config.ts';
import { createCollection } from '../../lambdas/steps/create-collection.ts';
import { planCompaction } from '../../lambdas/steps/plan-compaction.ts';
import { submitDelta } from '../../lambdas/steps/submit-delta.ts';
import { startTable } from '../../local/table.ts';
import { startRuntimeApi } from './runtime-api.ts';

const [root = '/'] = process.argv.slice(2);
const USER = 10_001;
const APP = '/opt/merge-deltas';
const collection = 'books';
const silent: Telemetry = { metric: () => {}, info: () => {}, warn: () => {} };

const table = await startTable();
for (const directory of ['srv', 'tmp', 'mnt/cache']) {
  mkdirSync(join(root, directory), { recursive: true });
}
rmSync(join(root, 'srv/store'), { recursive: true, force: true });
mkdirSync(join(root, 'srv/store'));
const common = { TABLE_NAME: table.tableName, CACHE_DIRECTORY: '/mnt/cache', LOCK_DURATION_MINUTES: '3' };
const config = parseConfig({ ...common, STORE_URL: `file://${join(root, 'srv/store')}` });
const ports = composePorts(config, silent, { dynamo: createDynamoClient(table.clientConfig) });
await createCollection(ports, { collection, dimension: 3, space: 'l2', creator: 'check' });
const body = Buffer.from('{"op":"upsert","id":"one","embedding":[1,0,0],"document":"the first"}\n');
await submitDelta(ports, { collection, deltaId: 'first', body });
const event = await planCompaction(ports, { input: { collection }, execution: 'arn:check' });
chmodSync(join(root, 'tmp'), 0o1777);
for (const directory of ['srv/store', 'mnt/cache']) chownSync(join(root, directory), USER, USER);

// A stand-in for X-Ray's daemon: a part of a trace is a header line and JSON.
const traced: Array<{ name: string; trace_id: string; annotations?: object }> = [];
const daemon = createSocket('udp4', (packet) => {
  traced.push(JSON.parse(packet.toString().split('\n')[1] ?? ''));
}).bind(0, '127.0.0.1');
await once(daemon, 'listening');
const traceId = '1-5759e988-bd862e3fe1be46a994272793';
const api = await startRuntimeApi(event, traceId);
const environment = {
  ...common,
  PATH: '/usr/local/bin:/usr/bin:/bin',
  STORE_URL: 'file:///srv/store',
  AWS_LAMBDA_RUNTIME_API: api.address,
  AWS_LAMBDA_FUNCTION_NAME: 'merge',
  AWS_LAMBDA_FUNCTION_VERSION: '1',
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '3072',
  AWS_LAMBDA_LOG_GROUP_NAME: 'merge',
  AWS_LAMBDA_LOG_STREAM_NAME: 'merge',
  // As in the Dockerfile.
  LAMBDA_TASK_ROOT: APP,
  _HANDLER: 'index.handler',
  HOME: '/tmp',
  AWS_EXECUTION_ENV: 'AWS_Lambda_Image',
  AWS_XRAY_DAEMON_ADDRESS: `127.0.0.1:${daemon.address().port}`,
  AWS_REGION: table.clientConfig.region,
  AWS_ENDPOINT_URL_DYNAMODB: table.endpoint,
  AWS_ACCESS_KEY_ID: table.clientConfig.credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: table.clientConfig.credentials.secretAccessKey,
};
const command = `cd ${APP} && exec node node_modules/aws-lambda-ric/index.mjs`;
const runtime = spawn('/usr/sbin/chroot', [`--userspec=${USER}:${USER}`, root, 'sh', '-c', command], {
  env: environment,
  stdio: ['ignore', 'inherit', 'inherit'],
});
const exited = new Promise<never>((_, reject) => {
  runtime.once('exit', (code) => reject(new Error(`The runtime interface client ended with ${code}.`)));
});
try {
  const { next, merge } = (await Promise.race([api.answer, exited])) as Awaited<ReturnType<typeof planCompaction>>;
  console.log(JSON.stringify({ next, records: merge?.records, deltas: merge?.deltas, pack: merge?.pack }, null, 2));
  if (next !== 'upload' || merge?.records !== 1) throw new Error('That is no merge of one delta.');
  const step = traced.find(({ name }) => name === '## mergeDeltas');
  console.log(JSON.stringify({ traced: traced.length, step: step?.name, annotations: step?.annotations }, null, 2));
  if (step?.trace_id !== traceId) throw new Error('The merge is not in the trace of its invocation.');
} finally {
  runtime.removeAllListeners('exit').kill('SIGKILL');
  api.close();
  daemon.close();
  await table.close();
}
