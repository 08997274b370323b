/**
 * Keys of the directory of names. Tenants and databases may have any name, so one that is not a safe path segment is
 * percent-encoded, and a long one replaced by its digest: the meaning of a key is read from the object, never from the
 * key.
 */
import { InvalidInputError } from '../errors/errors.ts';
import { sha256 } from './blocks.ts';
import { checkCollection, isCollection } from './keys.ts';

export const NAMES_PREFIX = 'names/';
export const RECORDS_PREFIX = 'collections/';
export const DATABASES_PREFIX = 'databases/';
export const TENANTS_PREFIX = 'tenants/';
export const UNREACHED_PREFIX = 'unreached/';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** File systems allow 255 bytes for a segment, including `.json` and a temporary suffix. */
const MAX_SEGMENT = 160;

/** Key of a name's entry, which says which collection the name means. */
export function nameKey(tenant: string, database: string, name: string): string {
  return `${namesPrefix(tenant, database)}${segment(name)}.json`;
}

export function namesPrefix(tenant: string, database: string): string {
  return `${NAMES_PREFIX}${segment(tenant)}/${segment(database)}/`;
}

/** Key of the record of a collection, by its id in Chroma. @throws InvalidInputError */
export function recordKey(id: string): string {
  if (!isCollectionId(id)) throw new InvalidInputError(`"${id.slice(0, 60)}" is no collection id; it is a UUID.`);
  return `${RECORDS_PREFIX}${id}.json`;
}

export function parseRecordKey(key: string): { id: string } | undefined {
  const id = /^collections\/([^/]+)\.json$/.exec(key)?.[1];
  return id !== undefined && isCollectionId(id) ? { id } : undefined;
}

/** Key of the mark that says since when no name has led to a stored collection. */
export function unreachedKey(collection: string): string {
  return `${UNREACHED_PREFIX}${checkCollection(collection)}.json`;
}

export function parseUnreachedKey(key: string): { collection: string } | undefined {
  const collection = /^unreached\/([^/]+)\.json$/.exec(key)?.[1];
  return collection === undefined || !isCollection(collection) ? undefined : { collection };
}

/** Is it a UUID in the form in which Chroma writes it? */
export function isCollectionId(id: string): boolean {
  return UUID.test(id);
}

export function databaseKey(tenant: string, database: string): string {
  return `${databasesPrefix(tenant)}${segment(database)}.json`;
}

export function databasesPrefix(tenant: string): string {
  return `${DATABASES_PREFIX}${segment(tenant)}/`;
}

export function tenantKey(tenant: string): string {
  return `${TENANTS_PREFIX}${segment(tenant)}.json`;
}

function segment(name: string): string {
  const safe = encodeURIComponent(name.toWellFormed()).replace(/[!'()*~]|^\./g, escapeCharacter);
  return safe.length <= MAX_SEGMENT ? safe : `~${sha256(name)}`;
}

function escapeCharacter(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}
