/**
 * Every object key is built and parsed here, and every name that becomes part of one is validated here. The kind comes
 * first, so that events, lifecycle rules and IAM can be scoped by prefix.
 */
import { InvalidInputError } from '../errors/errors.ts';
import { NUMBERED_PREFIX } from './log-number.ts';

/** As in Chroma, but with at most 128 characters and without `..`, so that a name is also a safe path segment. */
const COLLECTION = /^[A-Za-z0-9][A-Za-z0-9._-]{1,126}[A-Za-z0-9]$/;
/** A ULID or the producer's idempotency key. */
const DELTA_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,47}$/;
const COMMIT_ID = /^[0-9A-HJKMNP-TV-Z]{26}$/;
const SHA256 = /^[0-9a-f]{64}$/;

/** @throws InvalidInputError */
export function checkCollection(name: string): string {
  if (!COLLECTION.test(name) || name.includes('..')) {
    const shown = name.length > 40 ? `${name.slice(0, 40)}... (${name.length} characters)` : name;
    throw new InvalidInputError(
      `"${shown}" is no collection name. Use 3 to 128 letters, digits, ".", "_" or "-", starting and ending with a ` +
        'letter or digit, without "..".',
    );
  }
  return name;
}

export function isDeltaId(id: string): boolean {
  return DELTA_ID.test(id);
}

/** @throws InvalidInputError */
export function checkDeltaId(id: string): string {
  if (!isDeltaId(id)) {
    throw new InvalidInputError(
      `"${id.slice(0, 60)}" is no delta id. Use 1 to 48 letters, digits, ".", "_" or "-", starting with a letter or digit.`,
    );
  }
  return id;
}

export function pointerKey(collection: string): string {
  return `pointers/${checkCollection(collection)}.json`;
}

export const POINTERS_PREFIX = 'pointers/';
export const DELTAS_PREFIX = 'deltas/';

export function parsePointerKey(key: string): { collection: string } | undefined {
  const collection = /^pointers\/([^/]+)\.json$/.exec(key)?.[1];
  return collection !== undefined && isCollection(collection) ? { collection } : undefined;
}

/** Versions are zero-padded, so that a listing is in version order. */
export function manifestKey(collection: string, version: number, commitId: string): string {
  return `${manifestsPrefix(collection)}${checkNumber(version, 12).padStart(12, '0')}-${checkCommitId(commitId)}.json`;
}

export function manifestsPrefix(collection: string): string {
  return `manifests/${checkCollection(collection)}/`;
}

export function parseManifestKey(key: string): { collection: string; version: number; commitId: string } | undefined {
  const match = /^manifests\/([^/]+)\/(\d{12})-([0-9A-Z]{26})\.json$/.exec(key);
  const [, collection = '', version = '', commitId = ''] = match ?? [];
  if (!isCollection(collection) || !COMMIT_ID.test(commitId)) return undefined;
  return { collection, version: Number(version), commitId };
}

export function packKey(collection: string, commitId: string, n: number): string {
  return `${packsPrefix(collection)}${checkCommitId(commitId)}-${checkNumber(n, 6)}.pack`;
}

export function packsPrefix(collection: string): string {
  return `packs/${checkCollection(collection)}/`;
}

export function parsePackKey(key: string): { collection: string; commitId: string; n: number } | undefined {
  const match = /^packs\/([^/]+)\/([0-9A-Z]{26})-(0|[1-9]\d{0,5})\.pack$/.exec(key);
  const [, collection = '', commitId = '', n = ''] = match ?? [];
  if (!isCollection(collection) || !COMMIT_ID.test(commitId)) return undefined;
  return { collection, commitId, n: Number(n) };
}

export function deltaKey(collection: string, deltaId: string): string {
  return `${inboxPrefix(collection)}${checkDeltaId(deltaId)}`;
}

/** The waiting writes of a collection's log, in the order of their numbers. */
export function logPrefix(collection: string): string {
  return `${inboxPrefix(collection)}${NUMBERED_PREFIX}`;
}

/** The inbox of a collection. */
export function inboxPrefix(collection: string): string {
  return `${DELTAS_PREFIX}${checkCollection(collection)}/`;
}

/**
 * `undefined` for an object in the inbox that none of our producers can have written: it is left alone and reported.
 */
export function parseDeltaKey(key: string): { collection: string; deltaId: string } | undefined {
  const [, collection = '', deltaId = ''] = /^deltas\/([^/]+)\/([^/]+)$/.exec(key) ?? [];
  return isCollection(collection) && isDeltaId(deltaId) ? { collection, deltaId } : undefined;
}

/**
 * Report on a delta's rejected operations; with `sha256`, on other content that was sent under an id already used
 * (`<id>~<sha256>`).
 */
export function rejectionKey(collection: string, deltaId: string, sha256?: string): string {
  if (sha256 !== undefined && !SHA256.test(sha256)) throw new InvalidInputError(`"${sha256}" is no SHA-256.`);
  const suffix = sha256 === undefined ? '' : `~${sha256}`;
  return `${rejectionsPrefix(collection)}${checkDeltaId(deltaId)}${suffix}.json`;
}

export function rejectionsPrefix(collection: string): string {
  return `rejected/${checkCollection(collection)}/`;
}

export function parseRejectionKey(key: string): { collection: string; deltaId: string; sha256?: string } | undefined {
  const match = /^rejected\/([^/]+)\/([^/~]+)(?:~([0-9a-f]{64}))?\.json$/.exec(key);
  const [, collection = '', deltaId = '', sha256] = match ?? [];
  if (!isCollection(collection) || !isDeltaId(deltaId)) return undefined;
  return sha256 === undefined ? { collection, deltaId } : { collection, deltaId, sha256 };
}

/**
 * Content of a delta that was set aside. An id may be decided again once its status has expired, so the key contains
 * the digest.
 */
export function asideKey(collection: string, deltaId: string, sha256: string): string {
  if (!SHA256.test(sha256)) throw new InvalidInputError(`"${sha256}" is no SHA-256.`);
  return `${asidePrefix(collection)}${checkDeltaId(deltaId)}~${sha256}`;
}

export function asidePrefix(collection: string): string {
  return `aside/${checkCollection(collection)}/`;
}

export function parseAsideKey(key: string): { collection: string; deltaId: string; sha256: string } | undefined {
  const match = /^aside\/([^/]+)\/([^/~]+)~([0-9a-f]{64})$/.exec(key);
  const [, collection = '', deltaId = '', sha256 = ''] = match ?? [];
  return isCollection(collection) && isDeltaId(deltaId) ? { collection, deltaId, sha256 } : undefined;
}

/** Prefixes of a collection's objects other than its pointer, in the order in which they are deleted with it. */
export const COLLECTION_PREFIXES = ['manifests/', 'packs/', DELTAS_PREFIX, 'rejected/', 'aside/'] as const;

/**
 * The collection that an object of these kinds belongs to; `undefined`: this system does not create objects of such a
 * key.
 */
export function collectionOf(key: string): string | undefined {
  const parsed = parseManifestKey(key) ?? parsePackKey(key) ?? parseDeltaKey(key);
  return (parsed ?? parseRejectionKey(key) ?? parseAsideKey(key))?.collection;
}

/** Key of an object that is written to test the store, and deleted at once. */
export function probeKey(id: string): string {
  return `probes/${id}`;
}

export function isCollection(name: string): boolean {
  return COLLECTION.test(name) && !name.includes('..');
}

function checkNumber(value: number, digits: number): string {
  if (Number.isInteger(value) && value >= 0 && value < 10 ** digits) return String(value);
  throw new InvalidInputError(`${value} is no number of at most ${digits} digits, so it cannot be part of a key.`);
}

function checkCommitId(id: string): string {
  if (!COMMIT_ID.test(id)) throw new InvalidInputError(`"${id}" is no commit id; a commit id is a ULID.`);
  return id;
}
