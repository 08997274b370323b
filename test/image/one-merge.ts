/** One merge for the image to do: a store inside its files, a table on this machine, and the state after planning. */
import { chmodSync, chownSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createDynamoClient } from '../../lambdas/adapters/table/dynamo-client.ts';
import { planCompaction } from '../../lambdas/compaction/plan-compaction.ts';
import type { Telemetry } from '../../lambdas/ports.ts';
import { putDelta } from '../../lambdas/producer/put-delta.ts';
import { composePorts } from '../../lambdas/runtime/compose.ts';
import { parseConfig } from '../../lambdas/runtime/config.ts';
import { createCollection } from '../../lambdas/upkeep/create-collection.ts';
import { startTable } from '../../local/table.ts';

const collection = 'books';
const silent: Telemetry = { metric: () => {}, info: () => {}, warn: () => {} };

export interface OneMerge {
  /** For the handler. */
  event: Awaited<ReturnType<typeof planCompaction>>;
  /** The function's configuration, and where its services are. */
  environment: Record<string, string>;
  close(): Promise<void>;
}

/** @param user `uid:gid` that the store and the cache belong to. */
export async function prepareMerge(root: string, user: string): Promise<OneMerge> {
  const table = await startTable();
  for (const directory of ['srv/store', 'mnt/cache', 'tmp']) {
    rmSync(join(root, directory), { recursive: true, force: true });
    mkdirSync(join(root, directory), { recursive: true });
  }
  chmodSync(join(root, 'tmp'), 0o1777);
  const common = { TABLE_NAME: table.tableName, CACHE_DIRECTORY: '/mnt/cache', LOCK_DURATION_MINUTES: '3' };
  const config = parseConfig({ ...common, STORE_URL: `file://${join(root, 'srv/store')}` });
  const ports = composePorts(config, silent, { dynamo: createDynamoClient(table.clientConfig) });
  await createCollection(ports, { collection, dimension: 3, space: 'l2', creator: 'check' });
  const body = Buffer.from('{"op":"upsert","id":"one","embedding":[1,0,0],"document":"the first"}\n');
  await putDelta(ports, { collection, deltaId: 'first', body });
  const event = await planCompaction(ports, { input: { collection }, execution: 'arn:check' });
  const [uid = 0, gid = 0] = user.split(':').map(Number);
  for (const directory of ['srv/store', 'mnt/cache']) chownSync(join(root, directory), uid, gid);
  const environment = {
    ...common,
    STORE_URL: 'file:///srv/store',
    AWS_REGION: table.clientConfig.region,
    AWS_ENDPOINT_URL_DYNAMODB: table.endpoint,
    AWS_ACCESS_KEY_ID: table.clientConfig.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: table.clientConfig.credentials.secretAccessKey,
  };
  return { event, environment, close: () => table.close() };
}
