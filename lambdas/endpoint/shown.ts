/** A collection as Chroma shows it. */

import { mapLimit } from '../concurrency/map-limit.ts';
import { CollectionNotFoundError } from '../errors/errors.ts';
import type { CollectionRecord } from '../names/records.ts';
import { READS_AT_ONCE } from '../names/small-object.ts';
import type { Ports } from '../ports.ts';
import { readPointer } from '../versions/read-pointer.ts';
import { withLearned } from './learn.ts';

/** @returns JSON text; its `version` is that of the snapshot, which rises with each commit */
export async function show(ports: Pick<Ports, 'store'>, record: CollectionRecord): Promise<string> {
  const { id, name, configuration, metadata, dimension, tenant, database } = record;
  const schema = withLearned(record.schema, record.learned);
  const version = dimension === null ? 0 : await versionOf(ports, record.collection);
  const text = JSON.stringify;
  return (
    `{"id":${text(id)},"name":${text(name)},"configuration_json":${configuration},"schema":${schema},` +
    `"metadata":${metadata},"dimension":${dimension},"tenant":${text(tenant)},"database":${text(database)},` +
    `"log_position":0,"version":${version}}`
  );
}

export async function showAll(ports: Pick<Ports, 'store'>, records: readonly CollectionRecord[]): Promise<string> {
  const shown = await mapLimit(records, READS_AT_ONCE, (record) => show(ports, record));
  return `[${shown.join(',')}]`;
}

async function versionOf(ports: Pick<Ports, 'store'>, collection: string): Promise<number> {
  try {
    return (await readPointer(ports, collection)).pointer.version;
  } catch (error) {
    // Its dimension is fixed, but the write that fixed it is still under way.
    if (error instanceof CollectionNotFoundError) return 0;
    throw error;
  }
}
