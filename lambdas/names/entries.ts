/**
 * Names and what they mean (ADR 48). There are two kinds of objects: the *record* of a collection, stored under its id,
 * states its name; the *entry* of a name states the id of the collection that has it. An entry counts if, and only if,
 * the record that it leads to states that name. So each change takes effect by one write of one record, and an entry
 * left over from a crash means nothing and can be taken over.
 *
 * - create: write a record without a name, then the entry, then the name into the record, which takes effect.
 * - rename: write the entry of the new name, then the record, which takes effect, and delete the old entry.
 * - drop: delete the record, which takes effect, then its entry.
 *
 * A writer that takes over an entry first rewrites the record that the entry leads to. A rename that is still under way
 * read that record before it wrote its entry, so its write of the record fails; a rename that begins later writes the
 * entry anew, so taking over the entry fails.
 */
import { nameKey, recordKey } from '../snapshot/name-keys.ts';
import { type CollectionRecord, collectionRecord, nameEntry, UNNAMED } from './records.ts';
import { deleteSmall, type Held, readSmall, type SmallPorts, writeSmall } from './small-object.ts';

export type HeldRecord = Held<CollectionRecord>;

interface Place {
  tenant: string;
  database: string;
  databaseId: string;
  name: string;
}

/** `undefined` also for a collection that was dropped. */
export async function readRecord(ports: Pick<SmallPorts, 'store'>, id: string): Promise<HeldRecord | undefined> {
  const held = await readSmall(ports, recordKey(id), collectionRecord);
  return held?.value.dropped ? undefined : held;
}

/** The collection that a name means now. */
export async function readNamed(ports: Pick<SmallPorts, 'store'>, place: Place): Promise<HeldRecord | undefined> {
  const entry = await readSmall(ports, keyOf(place), nameEntry);
  if (entry === undefined) return undefined;
  const held = await readRecord(ports, entry.value.id);
  return held !== undefined && isCalled(held.value, place) ? held : undefined;
}

/**
 * Write the entry of a name for a collection whose record was read, or is about to get that name.
 * @returns the collection that has the name already, or that the entry now leads to this collection
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
    // The entry is rewritten even if it is ours already, so that another writer that is about to take it over fails.
    const mine = { format: 1, id, name: place.name, revision: ports.ids.ulid() };
    if (await writeSmall(ports, key, mine, entry?.etag)) return { isTaken: true };
  }
}

/**
 * Name a collection that was made without a name. As in a rename, the write of the record fails if another writer,
 * which takes over the entry, rewrote the record meanwhile; then both are written again. It also fails if garbage
 * collection deleted the record, which nobody had seen yet.
 * @returns the collection that already has the name; `gone`: garbage collection deleted this one; `named`
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
      // No name leads to our collection, and nobody knows its id. A rival that took over the entry may have rewritten
      // the record.
      if (await deleteSmall(ports, recordKey(id), held.etag)) return taken;
      continue;
    }
    if (await rewrite(ports, held, { name: place.name })) return 'named';
  }
}

/** @returns false: the record was changed meanwhile */
export async function rewrite(
  ports: SmallPorts,
  { value, etag }: HeldRecord,
  change: Partial<CollectionRecord>,
): Promise<boolean> {
  const next = { ...value, ...change, revision: ports.ids.ulid() };
  return writeSmall(ports, recordKey(value.id), next, etag);
}

/** @returns false: the record exists already */
export async function createRecord(ports: SmallPorts, record: Omit<CollectionRecord, 'format' | 'revision'>) {
  const whole = { format: 1, ...record, revision: ports.ids.ulid() };
  return writeSmall(ports, recordKey(record.id), whole, undefined);
}

/**
 * Give a collection a new name, together with other changes.
 * @param held The record from which `change` was computed.
 * @returns `moved`: the record was changed meanwhile, or is gone; `taken`: another collection has the name
 */
export async function rename(
  ports: SmallPorts,
  held: HeldRecord,
  name: string,
  change: Partial<CollectionRecord> = {},
): Promise<'renamed' | 'moved' | 'taken'> {
  const { id } = held.value;
  // Read before the new name takes effect: an entry that is written after that is not ours to delete.
  const old = await readEntry(ports, held.value);
  if ('owner' in (await takeName(ports, { ...held.value, name }, id))) return 'taken';
  if (!(await rewrite(ports, held, { ...change, name }))) return 'moved';
  if (old?.value.id === id) await forget(ports, keyOf(held.value), old.etag);
  return 'renamed';
}

/** @returns false: the record was changed meanwhile */
export async function drop(ports: SmallPorts, held: HeldRecord, mayComeBack: boolean): Promise<boolean> {
  const { value, etag } = held;
  const entry = await readEntry(ports, value);
  const isDropped = mayComeBack
    ? await rewrite(ports, held, { dropped: true })
    : await deleteSmall(ports, recordKey(value.id), etag);
  if (isDropped && entry?.value.id === value.id) await forget(ports, keyOf(value), entry.etag);
  return isDropped;
}

/** `undefined` also for a collection whose creation has not ended: it has no name that an entry could be of. */
async function readEntry(ports: SmallPorts, record: CollectionRecord) {
  return record.name === UNNAMED ? undefined : readSmall(ports, keyOf(record), nameEntry);
}

/** If an entry cannot be deleted now, it means nothing, and the next writer that wants the name takes it over. */
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
