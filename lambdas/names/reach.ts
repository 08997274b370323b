/**
 * Does a name lead to a stored collection? What collects garbage asks that, so whatever is in doubt is reached.
 *
 * A collection that was made through the directory is reached by an entry that leads to its record; one that was made by
 * `create` or `import` is reached by the name that it is stored under, until its record says that it was dropped.
 */
import { CorruptObjectError } from '../errors/errors.ts';
import type { Ports } from '../ports.ts';
import { NAMES_PREFIX, nameKey, parseRecordKey, RECORDS_PREFIX, recordKey } from '../snapshot/name-keys.ts';
import { findDatabase } from './databases.ts';
import { rewrite } from './entries.ts';
import { type CollectionRecord, collectionRecord, idOf, isStoredName, nameEntry, UNNAMED } from './records.ts';
import { deleteSmall, type Held, readSmall, type SmallPorts } from './small-object.ts';

/** `record`: what has to go first, as it was read before the entry; `undefined`: there is none, or it has to stay. */
export type Reach = { isReached: true; entryKey?: string } | { isReached: false; record?: Held<CollectionRecord> };

/** The database that has a name now. */
export type FindDatabase = (tenant: string, name: string) => Promise<{ id: string } | undefined>;

/**
 * An unreached collection stays so if it has no record, or one that says that it was dropped: neither is ever made again.
 * With a record, only until somebody writes that: whoever deletes it as it was read here takes nothing that is reached,
 * since a creation, like a rename, ends with a write of the record.
 * @throws CorruptObjectError, StoreUnavailableError
 */
export async function judgeReach(ports: SmallPorts, collection: string): Promise<Reach> {
  const held = await readSmall(ports, recordKey(idOf(collection)), collectionRecord);
  if (held === undefined) return isStoredName(collection) ? { isReached: false } : { isReached: true };
  if (held.value.collection !== collection) throw misplaced(held.value);
  return judgeRecord(ports, held, (tenant, name) => findDatabase(ports, tenant, name));
}

/** The same, of a record that was just read. @throws CorruptObjectError, StoreUnavailableError */
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

/** Keys of the records of collections. @throws StoreUnavailableError */
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

/** Entries that may lead nowhere: those that nobody has found to count, written at most at `until`. */
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

/** Does an entry lead nowhere? Nothing is changed. */
export async function isDead(ports: SmallPorts, key: string): Promise<boolean> {
  return (await examine(ports, key)) !== undefined;
}

/**
 * Delete an entry that leads nowhere. As when it is taken over (ADR 48), the record that it leads to is rewritten first, so
 * that a rename which has written the entry, and not yet the record, fails and writes both anew.
 * @returns false: it counts, or something changed meanwhile
 */
export async function deleteDead(ports: SmallPorts, key: string): Promise<boolean> {
  const found = await examine(ports, key);
  if (found === undefined) return false;
  if (found.record !== undefined && !(await rewrite(ports, found.record, {}))) return false;
  return deleteSmall(ports, key, found.etag);
}

/** `undefined`: it counts, or is gone. `record`: whose name it may be about to become. */
async function examine(
  ports: SmallPorts,
  key: string,
): Promise<{ etag: string; record: Held<CollectionRecord> | undefined } | undefined> {
  const entry = await readSmall(ports, key, nameEntry);
  if (entry === undefined) return undefined;
  const record = await readSmall(ports, recordKey(entry.value.id), collectionRecord);
  if (record === undefined || record.value.dropped) return { etag: entry.etag, record: undefined };
  const { tenant, database, name } = record.value;
  // Of a database that is gone, the record goes first.
  const isCalled = name === entry.value.name && nameKey(tenant, database, name) === key;
  return isCalled ? undefined : { etag: entry.etag, record };
}

function misplaced({ id, collection }: CollectionRecord): CorruptObjectError {
  return new CorruptObjectError(
    `The record "${recordKey(id)}" says that it is of "${collection}", whose record lies under another id. Restore it from ` +
      'an earlier bucket version.',
  );
}
