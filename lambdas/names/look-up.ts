/** Read-only access to the directory of names: nothing is written, and no engine is asked. */
import { InvalidInputError, ObjectNotFoundError } from '../errors/errors.ts';
import type { Ports } from '../ports.ts';
import { checkCollection, POINTERS_PREFIX, parsePointerKey, pointerKey } from '../snapshot/keys.ts';
import { NAMES_PREFIX, recordKey } from '../snapshot/name-keys.ts';
import { findDatabase } from './databases.ts';
import { readNamed, readRecord } from './entries.ts';
import {
  type CollectionRecord,
  collectionRecord,
  DEFAULT_DATABASE,
  DEFAULT_TENANT,
  idOfStored,
  isStoredName,
  nameEntry,
} from './records.ts';
import { gather, readBelow, readSmall, type SmallPorts } from './small-object.ts';

interface FullName {
  tenant: string;
  database: string;
  name: string;
}

/**
 * Parses `name`, which is in the default database, or `tenant/database/name`.
 * @throws InvalidInputError
 */
export function parseName(text: string): FullName {
  const parts = text.split('/');
  const [tenant = '', database = '', name = ''] =
    parts.length === 1 ? [DEFAULT_TENANT, DEFAULT_DATABASE, ...parts] : parts;
  if ((parts.length === 1 || parts.length === 3) && parts.every((part) => part !== '')) {
    return { tenant, database, name };
  }
  throw new InvalidInputError(`"${text}" is no name of a collection: give "name", or "tenant/database/name".`);
}

/**
 * The collection that a name means now; `undefined`: no entry of this name counts. A stored collection may have the
 * name all the same.
 */
export async function lookUp(
  ports: SmallPorts,
  { tenant, database, name }: FullName,
): Promise<CollectionRecord | undefined> {
  const found = await findDatabase(ports, tenant, database);
  if (found === undefined) return undefined;
  return (await readNamed(ports, { tenant, database, databaseId: found.id, name }))?.value;
}

/** The directory's record of a stored collection that was not made through it, even if the collection was dropped. */
export async function recordOfStored(
  ports: Pick<Ports, 'store'>,
  collection: string,
): Promise<CollectionRecord | undefined> {
  return (await readSmall(ports, recordKey(idOfStored(collection)), collectionRecord))?.value;
}

/** Is there a stored collection of this name? */
export async function isStored({ store }: Pick<Ports, 'store'>, name: string): Promise<boolean> {
  if (isStoredName(name)) return false;
  try {
    checkCollection(name);
  } catch {
    return false;
  }
  return (await store.head(pointerKey(name)).catch(unlessNotFound)) !== undefined;
}

/** Stored collections that have no entry: the name of each is the one it is stored under, in the default database. */
export async function listUnnamed(ports: Pick<Ports, 'store'>): Promise<string[]> {
  const stored: string[] = [];
  for await (const page of ports.store.list(POINTERS_PREFIX)) {
    for (const { key } of page) {
      const collection = parsePointerKey(key)?.collection;
      if (collection !== undefined && !isStoredName(collection)) stored.push(collection);
    }
  }
  return gather(stored, async (collection) => ((await isUnnamed(ports, collection)) ? collection : undefined));
}

/** A dropped collection is not unnamed: its record is kept in order to say that it was dropped. */
async function isUnnamed(ports: Pick<Ports, 'store'>, collection: string): Promise<boolean> {
  const record = await recordOfStored(ports, collection);
  if (record === undefined) return true;
  // The writer of this record died before it wrote the entry, or is about to write it.
  return !record.dropped && record.name === collection && (await readNamed(ports, record)) === undefined;
}

/** Every entry that counts, of all tenants and databases, by name. */
export async function listNames(ports: SmallPorts): Promise<CollectionRecord[]> {
  const databases = new Map<string, Promise<string | undefined>>();
  const idOf = (tenant: string, database: string) => {
    const key = JSON.stringify([tenant, database]);
    const known = databases.get(key) ?? findDatabase(ports, tenant, database).then((found) => found?.id);
    databases.set(key, known);
    return known;
  };
  const found = await listBelow(ports, NAMES_PREFIX, ({ tenant, database }) => idOf(tenant, database));
  return found.sort((a, b) => (fullName(a) < fullName(b) ? -1 : 1));
}

/**
 * Collections whose entries count and have keys that begin with a prefix.
 * @param databaseIdOf Id of the database that has the name now: collections of an earlier database of that name do not
 * count.
 */
export async function listBelow(
  ports: SmallPorts,
  prefix: string,
  databaseIdOf: (record: CollectionRecord) => Promise<string | undefined>,
): Promise<CollectionRecord[]> {
  return readBelow(ports, prefix, nameEntry, async ({ id, name }) => {
    const record = (await readRecord(ports, id))?.value;
    if (record === undefined || record.name !== name) return undefined;
    return (await databaseIdOf(record)) === record.databaseId ? record : undefined;
  });
}

/** A name in the form in which people write it: without tenant and database if they are the default ones. */
export function fullName({ tenant, database, name }: FullName): string {
  return tenant === DEFAULT_TENANT && database === DEFAULT_DATABASE ? name : `${tenant}/${database}/${name}`;
}

function unlessNotFound(error: unknown): undefined {
  if (error instanceof ObjectNotFoundError) return undefined;
  throw error;
}
