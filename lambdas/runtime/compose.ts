/** Composes the ports. The only place that knows which adapter implements which port. */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SFNClient } from '@aws-sdk/client-sfn';
import { ChromaEngine } from '../adapters/chroma/engine.ts';
import { createEventBridgeClient, EventBridgeAnnouncer, SilentAnnouncer } from '../adapters/eventbridge-announcer.ts';
import { FileCache } from '../adapters/files/file-cache.ts';
import { FileWorkingDirectories } from '../adapters/files/working-directories.ts';
import { ThreadedCodec } from '../adapters/frame-codec.ts';
import { SfnExecutions } from '../adapters/sfn-executions.ts';
import { openStore } from '../adapters/store/open-store.ts';
import { SystemClock, SystemIds } from '../adapters/system.ts';
import { createDynamoClient } from '../adapters/table/dynamo-client.ts';
import { DynamoLocks } from '../adapters/table/dynamo-locks.ts';
import { DynamoStatuses } from '../adapters/table/dynamo-statuses.ts';
import type { Announcer, Ports, Telemetry } from '../ports.ts';
import type { Config } from './config.ts';

export interface Clients {
  dynamo: DynamoDBClient;
  sfn: SFNClient;
  /** Instead of the bus that the configuration names. */
  announcer: Announcer;
  /** Wraps every client that is made here, e.g. for tracing. */
  capture: <Client>(client: Client) => Client;
}

/** Clients are made from the environment unless given, as the local stack does. */
export function composePorts(config: Config, telemetry: Telemetry, clients: Partial<Clients> = {}): Ports {
  const { capture = (client) => client } = clients;
  const dynamo = capture(clients.dynamo ?? createDynamoClient());
  const sfn = capture(clients.sfn ?? new SFNClient({}));
  const ttl = config.statusTtlSeconds > 0 ? { ttlSeconds: config.statusTtlSeconds } : {};
  return {
    store: openStore(config.storeUrl, { capture }),
    locks: new DynamoLocks(dynamo, config.tableName),
    statuses: new DynamoStatuses(dynamo, config.tableName, ttl),
    engine: new ChromaEngine(),
    directories: new FileWorkingDirectories({ root: config.workDirectory }),
    cache: new FileCache({ root: config.cacheDirectory }),
    codec: new ThreadedCodec(),
    clock: new SystemClock((error) => telemetry.warn('A periodic task failed.', { reason: String(error) })),
    ids: new SystemIds(),
    executions: new SfnExecutions(sfn, config.stateMachineArn),
    announcer: clients.announcer ?? openAnnouncer(config, capture),
    telemetry,
    settings: config.settings,
  };
}

function openAnnouncer({ eventBusName }: Config, capture: Clients['capture']): Announcer {
  if (eventBusName === undefined) return new SilentAnnouncer();
  return new EventBridgeAnnouncer(capture(createEventBridgeClient()), eventBusName);
}
