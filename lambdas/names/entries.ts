/**
 * Names and what they mean (ADR 48). Two kinds of objects: the record of a collection, by its id, says how it is called;
 * the entry of a name says whose it is. An entry counts if, and only if, the record that it leads to is called so. So
 * each change is one write of one record, and an entry that a crash left over means nothing and is taken over.
 *
 * - create: record without a name, entry, then the record (that is the moment).
 * - rename: entry of the new name, then the record (that is the moment), then the old entry goes.
 * - drop: the record goes (that is the moment), then its entry.
 *
 * Whoever takes an entry over rewrites the record that it leads to first. A rename that is still under way read that
 * record before it wrote its entry, and fails on it; one that begins later writes the entry anew, and taking it over fails.
 */
import { nameKey, recordKey } from '../snapshot/name-keys.ts';
import { type CollectionRecord, collectionRecord, nameEntry } from './records.ts';
import { deleteSmall, type Held, readSmall, type SmallPorts, writeSmall } from './small-object.ts';

export type HeldRecord = Held<CollectionRecord>;

interface Place {
  tenant: string;
  database: string;
  databaseId: string;
  name: string;
}

/** Not of one that was dropped. */
export async function readRecord(ports: SmallPorts, id: string): Promise<HeldRecord | undefined> {
  const held = await readSmall(ports, recordKey(id), collectionRecord);
  return held?.value.dropped ? undefined : held;
}

/** What a name means now. */
export async function readNamed(ports: SmallPorts, place: Place): Promise<HeldRecord | undefined> {
  const entry = await readSmall(ports, keyOf(place), nameEntry);
  if (entry === undefined) return undefined;
  const held = await readRecord(ports, entry.value.id);
  return held !== undefined && isCalled(held.value, place) ? held : undefined;
}

/**
 * Give a name to a collection whose record was read, or is about to be called so.
 * @returns the collection that has the name; or that the entry is this collection's now
 */
export async function takeName(
  ports: SmallPorts,
  place: Place,
  id: string,
): Promise<{ owner: HeldRecord } | { isTaken: true }> {
  const key = keyOf(place);
  for (;;) {
    const entry = await readSmall(ports, key, nameEntry);
    if (entry !== undefined && entry.value.id !== id) {
      const owner = await readRecord(ports, entry.value.id);
      if (owner !== undefined && isCalled(owner.value, place)) return { owner };
      if (owner !== undefined && !(await rewrite(ports, owner, {}))) continue;
    }
    // Written anew even if it is ours already: whoever is about to take it over must fail.
    const mine = { format: 1, id, name: place.name, revision: ports.ids.commitId() };
    if (await writeSmall(ports, key, mine, entry?.etag)) return { isTaken: true };
  }
}

/**
 * Name a collection that was made without a name. Like a rename, it fails on a record that was rewritten meanwhile, by
 * whoever takes its entry over, or is gone, because garbage collection took it: nobody had ever seen it then.
 * @returns the collection that has the name; `gone`: this one was taken; `named`
 */
export async function nameNew(
  ports: SmallPorts,
  id: string,
  place: Place,
): Promise<{ owner: HeldRecord } | 'gone' | 'named'> {
  for (;;) {
    const held = await readRecord(ports, id);
    if (held === undefined) return 'gone';
    const taken = await takeName(ports, place, id);
    if ('owner' in taken) {
      // Nothing leads to ours, and nobody knows its id. What stays of it is garbage.
      await deleteSmall(ports, recordKey(id), held.etag);
      return taken;
    }
    if (await rewrite(ports, held, { name: place.name })) return 'named';
  }
}

/** @returns false: it was changed meanwhile */
export async function rewrite(
  ports: SmallPorts,
  { value, etag }: HeldRecord,
  change: Partial<CollectionRecord>,
): Promise<boolean> {
  const next = { ...value, ...change, revision: ports.ids.commitId() };
  return writeSmall(ports, recordKey(value.id), next, etag);
}

/** @returns false: there is one */
export async function createRecord(ports: SmallPorts, record: Omit<CollectionRecord, 'format' | 'revision'>) {
  const whole = { format: 1, ...record, revision: ports.ids.commitId() };
  return writeSmall(ports, recordKey(record.id), whole, undefined);
}

/**
 * A new name for a collection, and what else changes with it.
 * @param held As it was read when `change` was made of it.
 * @returns `moved`: it was changed meanwhile, or is gone; `taken`: the name is another one's
 */
export async function rename(
  ports: SmallPorts,
  held: HeldRecord,
  name: string,
  change: Partial<CollectionRecord> = {},
): Promise<'renamed' | 'moved' | 'taken'> {
  const { id } = held.value;
  // Before the new name counts: one that is written later is not ours to delete.
  const old = await readSmall(ports, keyOf(held.value), nameEntry);
  if ('owner' in (await takeName(ports, { ...held.value, name }, id))) return 'taken';
  if (!(await rewrite(ports, held, { ...change, name }))) return 'moved';
  if (old?.value.id === id) await forget(ports, keyOf(held.value), old.etag);
  return 'renamed';
}

/** @returns false: it was changed meanwhile */
export async function drop(ports: SmallPorts, held: HeldRecord, mayComeBack: boolean): Promise<boolean> {
  const { value, etag } = held;
  const entry = await readSmall(ports, keyOf(value), nameEntry);
  const isDropped = mayComeBack
    ? await rewrite(ports, held, { dropped: true })
    : await deleteSmall(ports, recordKey(value.id), etag);
  if (isDropped && entry?.value.id === value.id) await forget(ports, keyOf(value), entry.etag);
  return isDropped;
}

/** What cannot be deleted now means nothing, and whoever wants the name takes it over. */
async function forget(ports: SmallPorts, key: string, etag: string): Promise<void> {
  await deleteSmall(ports, key, etag).catch(() => false);
}

function keyOf({ tenant, database, name }: Pick<Place, 'tenant' | 'database' | 'name'>): string {
  return nameKey(tenant, database, name);
}

function isCalled(record: CollectionRecord, { tenant, database, databaseId, name }: Place): boolean {
  return (
    record.name === name && record.databaseId === databaseId && record.tenant === tenant && record.database === database
  );
}
