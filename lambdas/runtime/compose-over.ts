/**
 * Composes the adapters over given clients: what Lambdas, applications and the local stack have in common. It does not
 * import the SDKs of S3 and EventBridge, which take long to load, and which a stack on files does not need.
 */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { SFNClient } from '@aws-sdk/client-sfn';
import { LazyEngine } from '../adapters/chroma/lazy-engine.ts';
import { FileCache } from '../adapters/files/file-cache.ts';
import { FileWorkingDirectories } from '../adapters/files/working-directories.ts';
import { ThreadedCodec } from '../adapters/frame-codec.ts';
import { SfnExecutions } from '../adapters/sfn-executions.ts';
import { SystemClock, SystemIds } from '../adapters/system.ts';
import { DynamoLocks } from '../adapters/table/dynamo-locks.ts';
import { DynamoStatuses } from '../adapters/table/dynamo-statuses.ts';
import type { Announcer, ObjectStore, Ports, Telemetry } from '../ports.ts';
import type { Config } from './config.ts';

export interface Services {
  dynamo: DynamoDBClient;
  sfn: SFNClient;
  store: ObjectStore;
  announcer: Announcer;
}

export function composeOver(config: Config, telemetry: Telemetry, services: Services): Ports {
  const { dynamo, sfn, store, announcer } = services;
  const ttl = config.statusTtlSeconds > 0 ? { ttlSeconds: config.statusTtlSeconds } : {};
  return {
    store,
    locks: new DynamoLocks(dynamo, config.tableName),
    statuses: new DynamoStatuses(dynamo, config.tableName, ttl),
    engine: new LazyEngine(),
    directories: new FileWorkingDirectories({ root: config.workDirectory }),
    cache: new FileCache({ root: config.cacheDirectory }),
    codec: new ThreadedCodec(),
    clock: new SystemClock((error) => telemetry.warn('A periodic task failed.', { reason: String(error) })),
    ids: new SystemIds(),
    executions: new SfnExecutions(sfn, config.stateMachineArn),
    announcer,
    telemetry,
    settings: config.settings,
  };
}
