/** Reads of the pointer and of manifests, verified, and the walk along the ancestry. */
import type { Ports, StoredObject } from '../ports.ts';
import {
  CollectionNotFoundError,
  CorruptObjectError,
  ForeignStoreError,
  InvariantViolatedError,
  ObjectNotFoundError,
  PointerMissingError,
} from '../protocol/errors.ts';
import { decodePointer, MAX_POINTER_BYTES, type Pointer, type ReadPointer } from '../protocol/pointer.ts';
import type { ObservedPointer } from '../protocol/swap.ts';
import { sha256 } from '../snapshot/blocks.ts';
import { manifestsPrefix, packsPrefix, parseManifestKey, pointerKey } from '../snapshot/keys.ts';
import { decodeManifest, MAX_MANIFEST_BYTES, type Manifest, type ManifestRef } from '../snapshot/manifest.ts';
import type { FetchPorts } from './fetch-frames.ts';
import { both } from './waits.ts';

/**
 * The current pointer of a collection, for readers: no status table is compared.
 * @throws CollectionNotFoundError, PointerMissingError, CorruptObjectError
 */
export async function readPointer(ports: Pick<Ports, 'store'>, collection: string): Promise<ReadPointer> {
  const key = pointerKey(collection);
  try {
    const { body, etag } = await getBounded(ports, key, MAX_POINTER_BYTES);
    return { pointer: decodePointer(key, collection, body), etag };
  } catch (error) {
    if (!(error instanceof ObjectNotFoundError)) throw error;
    throw await explainMissing(ports, collection);
  }
}

/**
 * The pointer, for whoever is going to change something.
 * @throws ForeignStoreError, and all of `readPointer`
 */
export async function readOwnPointer(
  ports: Pick<Ports, 'store' | 'statuses'>,
  collection: string,
): Promise<ReadPointer> {
  const read = await readPointer(ports, collection);
  const { statusTable } = read.pointer;
  if (statusTable !== ports.statuses.tableName) {
    throw new ForeignStoreError(
      `Collection "${collection}" in ${ports.store.url} belongs to table "${statusTable}", this stack uses ` +
        `"${ports.statuses.tableName}". Two stacks on one store would apply deltas twice: use a store of your own.`,
    );
  }
  return read;
}

/** Whole, but no more than could be meant: whoever can write to the store must not fill the memory of its readers. */
async function getBounded(ports: Pick<Ports, 'store'>, key: string, limit: number): Promise<StoredObject> {
  const found = await ports.store.get(key, { range: { start: 0, end: limit } });
  if (found.size <= limit) return found;
  throw new CorruptObjectError(
    `"${key}" has ${found.size} bytes, more than the ${limit} that it can have. Restore it from a bucket version.`,
  );
}

async function explainMissing(ports: Pick<Ports, 'store'>, collection: string): Promise<Error> {
  if (await isRemnant(ports, collection)) {
    return new PointerMissingError(
      `Collection "${collection}" in ${ports.store.url} has snapshots but no pointer. Restore ` +
        `"${pointerKey(collection)}" from an earlier bucket version; nothing was changed.`,
    );
  }
  return new CollectionNotFoundError(
    `There is no collection "${collection}" in ${ports.store.url}. Create it first: compactor create ${collection} --dimension <n>.`,
  );
}

/** Are there packs, or manifests beyond version 0, which only a collection with a history has? */
export async function isRemnant(ports: Pick<Ports, 'store'>, collection: string): Promise<boolean> {
  for await (const page of ports.store.list(packsPrefix(collection), { pageSize: 1 })) {
    if (page.length > 0) return true;
  }
  for await (const page of ports.store.list(manifestsPrefix(collection))) {
    if (page.some((object) => (parseManifestKey(object.key)?.version ?? 1) > 0)) return true;
  }
  return false;
}

/** Manifests are only read: any cache that can be read will do, and none. */
export type ReadPorts = Pick<FetchPorts, 'store'> & Partial<Pick<FetchPorts, 'cache'>>;

/** A manifest, the reference to it, and its stored bytes. */
export interface LoadedManifest {
  ref: ManifestRef;
  manifest: Manifest;
  bytes: Uint8Array;
}

/**
 * A manifest by the reference that its pointer or child gives; from the cache when that has it whole.
 * @throws CorruptObjectError (also when it is missing: something refers to it)
 */
export async function loadManifest(ports: ReadPorts, ref: ManifestRef): Promise<LoadedManifest> {
  const bytes = await readManifestBytes(ports, ref);
  return { ref, bytes, manifest: decodeManifest(ref.key, bytes, ref.sha256) };
}

/**
 * A manifest as it lies in the store, with the SHA-256 that it has: read before anybody vouches for it. Whoever uses it
 * compares that with what its pointer or child gives.
 * @throws ObjectNotFoundError, CorruptObjectError, StoreUnavailableError
 */
export async function loadUnvouched(ports: Pick<Ports, 'store'>, key: string): Promise<LoadedManifest> {
  const { body: bytes } = await getBounded(ports, key, MAX_MANIFEST_BYTES);
  const ref = { key, sha256: sha256(bytes) };
  return { ref, bytes, manifest: decodeManifest(key, bytes, ref.sha256) };
}

export interface CurrentVersion extends ReadPointer, LoadedManifest {}

/**
 * The current version, for whoever is going to change something. From the store alone: those who plan and settle have no
 * cache mounted, and with nothing to do there is nothing that a mount would be worth. A pointer that moves on between
 * the two reads, with garbage collection behind it, is read again rather than taken for damage.
 * @throws CorruptObjectError, and all of `readOwnPointer`
 */
export async function loadCurrent(
  ports: Pick<Ports, 'store' | 'statuses'>,
  collection: string,
): Promise<CurrentVersion> {
  const [current] = await loadCurrentBeside(ports, collection, async () => {});
  return current;
}

/**
 * The same, and beside the manifest something that has to be read after the pointer. Nothing has to wait for the
 * manifest itself: what it says was settled when the pointer was read.
 * @param read Called again when the pointer is read again; what it throws, this throws.
 */
export async function loadCurrentBeside<Result>(
  ports: Pick<Ports, 'store' | 'statuses'>,
  collection: string,
  read: () => Promise<Result>,
): Promise<[CurrentVersion, Result]> {
  for (;;) {
    const { pointer, etag } = await readOwnPointer(ports, collection);
    try {
      const [loaded, result] = await both(loadManifest({ store: ports.store }, pointer.manifest), read());
      checkIdentity(pointer, loaded);
      return [{ pointer, etag, ...loaded }, result];
    } catch (error) {
      if (!(error instanceof CorruptObjectError) || (await isCurrent(ports, collection, etag))) throw error;
    }
  }
}

/** Is the pointer still the one with this ETag? */
export async function isCurrent(
  ports: Pick<Ports, 'store' | 'statuses'>,
  collection: string,
  etag: string,
): Promise<boolean> {
  return (await readOwnPointer(ports, collection)).etag === etag;
}

function checkIdentity(pointer: Pointer, { ref, manifest }: LoadedManifest): void {
  const { collection, version, commitId } = manifest;
  if (collection === pointer.collection && version === pointer.version && commitId === pointer.commitId) return;
  throw new CorruptObjectError(
    `Manifest "${ref.key}" is version ${version} of "${collection}" by commit ${commitId}; the pointer of ` +
      `"${pointer.collection}" means version ${pointer.version} by ${pointer.commitId}. Restore the pointer.`,
  );
}

async function readManifestBytes(ports: ReadPorts, ref: ManifestRef): Promise<Uint8Array> {
  const { cache } = ports;
  const cached = await cache?.read(ref.key);
  if (cached !== undefined && sha256(cached) === ref.sha256) return cached;
  if (cached !== undefined) await cache?.evict(ref.key);
  try {
    return (await getBounded(ports, ref.key, MAX_MANIFEST_BYTES)).body;
  } catch (error) {
    if (!(error instanceof ObjectNotFoundError)) throw error;
    throw new CorruptObjectError(
      `Manifest "${ref.key}" is missing although it is referred to. Restore it from a bucket version.`,
      { cause: error },
    );
  }
}

/**
 * The pointer as `judgeSwap` wants it: which commit stands at `baseVersion` + 1 in its ancestry. Walks from manifest to
 * parent, each verified by its child, and never below `retainedFrom`; in the store alone, since those who swap have no
 * cache mounted.
 */
export async function observeSuccessor(
  { store }: Pick<Ports, 'store'>,
  { pointer, etag }: ReadPointer,
  baseVersion: number,
): Promise<ObservedPointer> {
  const wanted = baseVersion + 1;
  const observed = (successor: ObservedPointer['successor']) => ({ version: pointer.version, etag, successor });
  if (pointer.version < baseVersion) {
    throw new InvariantViolatedError(
      `The pointer of "${pointer.collection}" fell from version ${baseVersion} to ${pointer.version}. Stop all ` +
        'writers and compare it with its bucket versions.',
    );
  }
  if (pointer.version === baseVersion) return observed('none');
  if (pointer.version === wanted) return observed({ commitId: pointer.commitId });
  for (let ref: ManifestRef | null = pointer.manifest; ref !== null; ) {
    const { manifest }: LoadedManifest = await loadManifest({ store }, ref);
    const found = manifest.ancestry.find((ancestor) => ancestor.version === wanted);
    if (found !== undefined) return observed({ commitId: found.commitId });
    if (manifest.version <= Math.max(wanted, pointer.retainedFrom)) break;
    ref = manifest.parent;
  }
  return observed('unknown');
}
