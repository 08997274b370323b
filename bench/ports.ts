/** The real adapters on one directory, without any network model: what the bench builds and checks with. */
import { join } from 'node:path';
import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { ChromaEngine } from '../lambdas/adapters/chroma/engine.ts';
import { FileCache } from '../lambdas/adapters/files/file-cache.ts';
import { FileWorkingDirectories } from '../lambdas/adapters/files/working-directories.ts';
import { ThreadedCodec } from '../lambdas/adapters/frame-codec.ts';
import { SilentAnnouncer } from '../lambdas/adapters/silent-announcer.ts';
import { FileStore } from '../lambdas/adapters/store/file-store.ts';
import { SystemClock, SystemIds } from '../lambdas/adapters/system.ts';
import { createDynamoClient } from '../lambdas/adapters/table/dynamo-client.ts';
import { DynamoLocks } from '../lambdas/adapters/table/dynamo-locks.ts';
import { DynamoStatuses } from '../lambdas/adapters/table/dynamo-statuses.ts';
import type { Ports, Telemetry } from '../lambdas/ports.ts';
import { parseConfig } from '../lambdas/runtime/config.ts';

export const TABLE_NAME = 'compactor';
const SILENT: Telemetry = { metric: () => {}, info: () => {}, warn: () => {} };

export interface PlainPorts extends Ports {
  close(): void;
}

/** Folders of the bench below a root. The caller closes the ports. */
export function openPorts(root: string, table: DynamoDBClientConfig): PlainPorts {
  const { settings } = parseConfig({ STORE_URL: 'file:///unused', TABLE_NAME });
  const dynamo = createDynamoClient(table);
  return {
    store: new FileStore(join(root, 'store')),
    locks: new DynamoLocks(dynamo, TABLE_NAME),
    statuses: new DynamoStatuses(dynamo, TABLE_NAME),
    engine: new ChromaEngine(),
    directories: new FileWorkingDirectories({ root: join(root, 'work') }),
    cache: new FileCache({ root: join(root, 'cache') }),
    codec: new ThreadedCodec(),
    clock: new SystemClock((error) => process.stderr.write(`A periodic task failed: ${error}\n`)),
    ids: new SystemIds(),
    // An execution of the bench ends long before it needs a successor.
    executions: {
      start: () => Promise.reject(new Error('no successor is expected here')),
      status: async () => undefined,
    },
    announcer: new SilentAnnouncer(),
    telemetry: SILENT,
    settings,
    close: () => dynamo.destroy(),
  };
}
