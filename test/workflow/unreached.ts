/** Collections of Chroma's clients in workflow tests: made by the directory, written by an endpoint, compacted, dropped. */
import { expect } from 'vitest';
import { LogWriter } from '../../lambdas/log/append.ts';
import { findDatabase } from '../../lambdas/names/databases.ts';
import { NamesDirectory } from '../../lambdas/names/directory.ts';
import { createRecord, nameNew } from '../../lambdas/names/entries.ts';
import type { CollectionRecord } from '../../lambdas/names/records.ts';
import { DEFAULT_DATABASE, DEFAULT_TENANT, storedName, UNNAMED, uuidOf } from '../../lambdas/names/records.ts';
import type { ObjectStore, Ports } from '../../lambdas/ports.ts';
import { putDelta } from '../../lambdas/producer/put-delta.ts';
import { encodeDelta } from '../../lambdas/snapshot/delta.ts';
import { asideKey, packKey, rejectionKey } from '../../lambdas/snapshot/keys.ts';
import { type CollectedUnreached, collectUnreached } from '../../lambdas/upkeep/collect-unreached.ts';
import { createCollection } from '../../lambdas/upkeep/create-collection.ts';
import { DESCRIBED, directoryOver, shortly } from '../names/support.ts';
import { DIMENSION, type MemoryPorts, memoryPorts } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { upsert } from './support.ts';

export const DAY = 86_400_000;
export const PLACE = { tenant: DEFAULT_TENANT, database: DEFAULT_DATABASE };

export const directory = (ports: Pick<Ports, 'store' | 'clock' | 'ids'>) =>
  new NamesDirectory(ports, async () => DESCRIBED);
/** In the default database. */
export const names = (ports: Pick<Ports, 'store' | 'clock' | 'ids'>) => shortly(directory(ports));

/** In a database that there is. */
export async function createIn(
  ports: Ports,
  { tenant, database }: typeof PLACE,
  name: string,
): Promise<{ id: string; collection: string }> {
  const ulid = ports.ids.ulid();
  const [id, collection] = [uuidOf(ulid), storedName(ulid)];
  const databaseId = (await findDatabase(ports, tenant, database))?.id ?? '';
  const place = { tenant, database, databaseId, name };
  const settings = { ...DESCRIBED, dimension: null, learned: {}, created: 0, dropped: false };
  await createRecord(ports, { id, collection, ...place, ...settings, name: UNNAMED });
  expect(await nameNew(ports, id, place)).toBe('named');
  return { id, collection };
}

export function append(ports: Ports, collection: string, by: number): Promise<{ number: number }> {
  const body = JSON.stringify({ ids: [`r-${by}`], embeddings: [new Array(DIMENSION).fill(by)] });
  return new LogWriter(ports, collection).append({ op: 'upsert', body });
}

/** What the first write of an endpoint does, if it knows the collection. */
export async function store(ports: Ports, collection: string): Promise<void> {
  const how = { creator: 'test', isTried: true, isNamed: true };
  await createCollection(ports, { collection, dimension: DIMENSION, space: 'l2', ...how });
}

/** With something of every kind: versions, writes that wait, reports, contents aside, statuses, a lock, cached objects. */
export async function full(ports: MemoryPorts, name: string): Promise<CollectionRecord> {
  const { record } = await names(ports).create(name);
  const { collection } = record;
  await store(ports, collection);
  for (const by of [1, 2]) {
    await append(ports, collection, by);
    await run(ports, { collection });
  }
  await append(ports, collection, 3);
  await putDelta(ports, { collection, deltaId: 'dropped-by-hand', body: encodeDelta([upsert('x', 4)]) });
  await ports.store.putIfAbsent(rejectionKey(collection, 'bad'), Buffer.from('{}'));
  await ports.store.putIfAbsent(asideKey(collection, 'heavy', 'a'.repeat(64)), Buffer.from('x'));
  ports.cache.objects.set(packKey(collection, ports.ids.ulid(), 0), Buffer.from('cached'));
  return record;
}

type Named = Pick<CollectionRecord, 'collection' | 'id'>;

/** Keys of the store in which a collection occurs. */
export function stored(ports: MemoryPorts, { collection, id }: Named): string[] {
  return [...ports.store.snapshot().keys()].filter((key) => key.includes(collection) || key.includes(id));
}

/** The same with those of the cache, and its items in the table. */
export function traces(ports: MemoryPorts, named: Named): string[] {
  const { locks, statuses } = ports.table.items();
  const cached = [...ports.cache.objects.keys()].filter((key) => key.includes(named.collection));
  const items = [...locks.keys(), ...statuses.keys()].filter((of) => of === named.collection);
  return [...stored(ports, named), ...cached, ...items];
}

export const collect = (ports: Ports, dryRun = false): Promise<CollectedUnreached> =>
  collectUnreached(ports, { dryRun });

/** What became of each, by the name that it is stored under. */
export async function states(ports: Ports, dryRun = false): Promise<Record<string, string>> {
  const { collections, failures } = await collect(ports, dryRun);
  if (failures.length > 0) throw new Error(failures.map(({ message }) => message).join(' '));
  return Object.fromEntries(collections.map(({ collection, state }) => [collection, state]));
}

/** A process of its own over the same store: other ids. */
export function elsewhere(ports: MemoryPorts, seed: number, over: ObjectStore = ports.store): MemoryPorts {
  const { clock, ids } = memoryPorts({ seed });
  return { ...ports, store: over, clock, ids } as MemoryPorts;
}

export { DESCRIBED, directoryOver, shortly };
