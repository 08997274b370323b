/** One endpoint, made to be killed: the real one over the real adapters. Says on which port it listens. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createDynamoClient } from '../../../lambdas/adapters/table/dynamo-client.ts';
import type { Telemetry } from '../../../lambdas/ports.ts';
import { composePorts } from '../../../lambdas/runtime/compose.ts';
import { parseConfig } from '../../../lambdas/runtime/config.ts';
import { serveEndpoint } from '../../../lambdas/runtime/serve.ts';
import type { WorkerConfig } from '../messages.ts';

const { env, tableEndpoint } = JSON.parse(process.argv[2] ?? '') as WorkerConfig;
const silent: Telemetry = { metric: () => {}, info: () => {}, warn: () => {} };
const dynamo = createDynamoClient({
  endpoint: tableEndpoint,
  region: 'us-east-1',
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
});
const ports = composePorts(parseConfig(env), silent, { dynamo });
const { server } = await serveEndpoint(ports, { readLevel: 'index_and_wal', allowReset: false });
server.listen(0, '127.0.0.1');
await once(server, 'listening');
process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
// The harness is gone.
process.stdin.resume().once('end', () => process.exit(0));
