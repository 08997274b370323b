/** The state machine with the real handlers, its store and its table being servers elsewhere. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeleteTableCommand, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import type { S3ClientConfig } from '@aws-sdk/client-s3';
import { DescribeExecutionCommand, SFNClient } from '@aws-sdk/client-sfn';
import { openS3Store } from '../../../lambdas/adapters/store/s3-clients.ts';
import { createDynamoClient } from '../../../lambdas/adapters/table/dynamo-client.ts';
import type { Ports } from '../../../lambdas/ports.ts';
import { composePorts } from '../../../lambdas/runtime/compose.ts';
import { parseConfig } from '../../../lambdas/runtime/config.ts';
import { COMPACTION, readDefinition } from '../../../local/machines.ts';
import { LocalStepFunctions } from '../../../local/sfn/executions.ts';
import { executionArn, stateMachineArn } from '../../../local/sfn/names.ts';
import { startSfnServer } from '../../../local/sfn/server.ts';
import type { ExecutionRecord } from '../../../local/sfn/store.ts';
import { createTable } from '../../../local/table.ts';
import { taskHandlers } from '../../../local/task-handlers.ts';

export interface PeerServers {
  storeUrl: string;
  s3: S3ClientConfig;
  dynamo: DynamoDBClientConfig;
}

export interface PeerStack {
  ports: Ports;
  /** Runs before the next Task of a state, once. */
  before: Map<string, () => Promise<unknown>>;
  /** Start an execution through the Step Functions API, and wait until it has ended. */
  run(name: string, collection: string): Promise<ExecutionRecord>;
  /** Wait until no execution runs. */
  idle(): Promise<void>;
  /** States that an execution entered, in order. */
  path(record: ExecutionRecord): string[];
  close(): Promise<void>;
}

/** What garbage collection keeps. */
export const RETAINED = 2;

const POLL_MS = 20;

const CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' };
const SILENT = { metric: () => {}, info: () => {}, warn: () => {} };

export async function startPeerStack(servers: PeerServers): Promise<PeerStack> {
  const data = await mkdtemp(join(tmpdir(), 'compactor-peers-'));
  const dynamo = createDynamoClient(servers.dynamo);
  const tableName = `compaction-${randomUUID()}`;
  await createTable(dynamo, tableName);
  const stepFunctions = new LocalStepFunctions();
  const server = await startSfnServer({ stepFunctions });
  const sfn = new SFNClient({ endpoint: server.url, region: 'us-east-1', credentials: CREDENTIALS });
  const config = parseConfig({
    STORE_URL: servers.storeUrl,
    TABLE_NAME: tableName,
    CACHE_DIRECTORY: join(data, 'cache'),
    WORK_DIRECTORY: join(data, 'work'),
    STATE_MACHINE_ARN: stateMachineArn(COMPACTION),
    RETAIN_VERSIONS: String(RETAINED),
    RETAIN_DAYS: '0',
  });
  const composed = composePorts(config, SILENT, { dynamo, sfn });
  const ports: Ports = { ...composed, store: openS3Store(servers.storeUrl, { config: servers.s3 }) };
  const before: PeerStack['before'] = new Map();
  const definition = readDefinition(COMPACTION);
  const handlers = Object.entries(taskHandlers(definition, ports)).map(([state, real]) => [
    state,
    async (input: unknown) => {
      const first = before.get(state);
      before.delete(state);
      await first?.();
      return real(input);
    },
  ]);
  stepFunctions.register({ name: COMPACTION, definition, handlers: Object.fromEntries(handlers) });
  return {
    ports,
    before,
    run: async (name, collection) => {
      await ports.executions.start(name, { collection });
      for (const arn = executionArn(COMPACTION, name); ; await ports.clock.sleep(POLL_MS)) {
        const { status } = await sfn.send(new DescribeExecutionCommand({ executionArn: arn }));
        if (status !== 'RUNNING') return stepFunctions.describe(arn);
      }
    },
    idle: () => stepFunctions.idle(),
    path: ({ executionArn }) =>
      stepFunctions.store
        .events({ executionArn, limit: 25_000, reverse: false })
        .flatMap((event) => (event.stateEnteredEventDetails as { name: string } | undefined)?.name ?? []),
    close: async () => {
      await stepFunctions.close();
      await server.close();
      sfn.destroy();
      await dynamo.send(new DeleteTableCommand({ TableName: tableName }));
      dynamo.destroy();
      await rm(data, { recursive: true, force: true });
    },
  };
}
