/**
 * Does a name lead to a stored collection? Garbage collection deletes what no name leads to, so in doubt a collection
 * counts as reached.
 *
 * A collection that was made through the directory is reached by an entry that leads to its record. One that was made
 * by `create` or `import` is reached by the name under which it is stored, until its record says that it was dropped.
 */
import { CorruptObjectError } from '../errors/errors.ts';
import type { Ports } from '../ports.ts';
import { NAMES_PREFIX, nameKey, parseRecordKey, RECORDS_PREFIX, recordKey } from '../snapshot/name-keys.ts';
import { findDatabase } from './databases.ts';
import { rewrite } from './entries.ts';
import { type CollectionRecord, collectionRecord, idOf, isStoredName, nameEntry, UNNAMED } from './records.ts';
import { deleteSmall, type Held, readSmall, type SmallPorts } from './small-object.ts';

/**
 * `record`: the record that must be deleted first, as it was read before the entry; `undefined`: there is none, or it
 * must be kept.
 */
export type Reach = { isReached: true; entryKey?: string } | { isReached: false; record?: Held<CollectionRecord> };

/** Finds the database that has a name now. */
export type FindDatabase = (tenant: string, name: string) => Promise<{ id: string } | undefined>;

/**
 * An unreached collection without a record, or with one that says that it was dropped, stays unreached, since it is
 * never made again. With any other record it stays unreached only until that record is rewritten: a creation, like a
 * rename, ends with a write of the record. So deleting the record as it was read here cannot remove a collection that a
 * name has come to lead to meanwhile.
 * @throws CorruptObjectError, StoreUnavailableError
 */
export async function judgeReach(ports: SmallPorts, collection: string): Promise<Reach> {
  const held = await readSmall(ports, recordKey(idOf(collection)), collectionRecord);
  if (held === undefined) return isStoredName(collection) ? { isReached: false } : { isReached: true };
  if (held.value.collection !== collection) throw misplaced(held.value);
  return judgeRecord(ports, held, (tenant, name) => findDatabase(ports, tenant, name));
}

/** The same for a record that was just read. @throws CorruptObjectError, StoreUnavailableError */
export async function judgeRecord(
  ports: SmallPorts,
  record: Held<CollectionRecord>,
  find: FindDatabase,
): Promise<Reach> {
  const { id, collection, tenant, database, databaseId, name, dropped } = record.value;
  if (idOf(collection) !== id) throw misplaced(record.value);
  if (!isStoredName(collection)) return dropped ? { isReached: false } : { isReached: true };
  if (dropped || name === UNNAMED) return { isReached: false, record };
  const entryKey = nameKey(tenant, database, name);
  const entry = await readSmall(ports, entryKey, nameEntry);
  if (entry?.value.id !== id || entry.value.name !== name) return { isReached: false, record };
  return (await find(tenant, database))?.id === databaseId
    ? { isReached: true, entryKey }
    : { isReached: false, record };
}

/** Keys of the records of all collections. @throws StoreUnavailableError */
export async function listRecords({ store, telemetry }: Pick<Ports, 'store' | 'telemetry'>): Promise<string[]> {
  const keys: string[] = [];
  for await (const page of store.list(RECORDS_PREFIX)) {
    for (const { key } of page) {
      if (parseRecordKey(key) !== undefined) keys.push(key);
      else telemetry.warn('An object is no record of a collection; it is left alone.', { key });
    }
  }
  return keys;
}

/** `undefined`: it is gone. @throws CorruptObjectError, StoreUnavailableError */
export function readRecordAt(ports: SmallPorts, key: string): Promise<Held<CollectionRecord> | undefined> {
  return readSmall(ports, key, collectionRecord);
}

/** Entries that may lead nowhere: those last written at `until` or before that are not among those known to count. */
export async function listDoubtful(
  { store }: Pick<Ports, 'store'>,
  counting: ReadonlySet<string>,
  until: number,
): Promise<string[]> {
  const keys: string[] = [];
  for await (const page of store.list(NAMES_PREFIX)) {
    for (const { key, lastModified } of page) if (!counting.has(key) && lastModified <= until) keys.push(key);
  }
  return keys;
}

/** Does an entry lead nowhere? Changes nothing. */
export async function isDead(ports: SmallPorts, key: string): Promise<boolean> {
  return (await examine(ports, key)) !== undefined;
}

/**
 * Delete an entry that leads nowhere. As when an entry is taken over (ADR 48), the record that it leads to is rewritten
 * first. A rename that has written the entry but not yet the record then fails, and writes both anew.
 * @returns false: the entry counts, or something changed meanwhile
 */
export async function deleteDead(ports: SmallPorts, key: string): Promise<boolean> {
  const found = await examine(ports, key);
  if (found === undefined) return false;
  if (found.record !== undefined && !(await rewrite(ports, found.record, {}))) return false;
  return deleteSmall(ports, key, found.etag);
}

/** `undefined`: the entry counts, or is gone. `record`: the record that may be about to get this name. */
async function examine(
  ports: SmallPorts,
  key: string,
): Promise<{ etag: string; record: Held<CollectionRecord> | undefined } | undefined> {
  const entry = await readSmall(ports, key, nameEntry);
  if (entry === undefined) return undefined;
  const record = await readSmall(ports, recordKey(entry.value.id), collectionRecord);
  if (record === undefined || record.value.dropped) return { etag: entry.etag, record: undefined };
  const { tenant, database, name } = record.value;
  // An entry in a deleted database is kept until the record of its collection is gone.
  const isCalled = name === entry.value.name && nameKey(tenant, database, name) === key;
  return isCalled ? undefined : { etag: entry.etag, record };
}

function misplaced({ id, collection }: CollectionRecord): CorruptObjectError {
  return new CorruptObjectError(
    `The record "${recordKey(id)}" says that it is of "${collection}", whose record lies under another id. Restore it from ` +
      'an earlier bucket version.',
  );
}
