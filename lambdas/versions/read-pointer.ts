/** The pointer, for readers, and why one is missing. */

import { CollectionNotFoundError, ObjectNotFoundError, PointerMissingError } from '../errors/errors.ts';
import { readBounded } from '../objects/read-bounded.ts';
import type { Ports } from '../ports.ts';
import { decodePointer, MAX_POINTER_BYTES, type ReadPointer } from '../protocol/pointer.ts';
import { manifestsPrefix, packsPrefix, parseManifestKey, pointerKey } from '../snapshot/keys.ts';

/**
 * The current pointer of a collection, for readers: no status table is compared.
 * @throws CollectionNotFoundError, PointerMissingError, CorruptObjectError
 */
export async function readPointer(ports: Pick<Ports, 'store'>, collection: string): Promise<ReadPointer> {
  const key = pointerKey(collection);
  try {
    const { body, etag } = await readBounded(ports, key, MAX_POINTER_BYTES);
    return { pointer: decodePointer(key, collection, body), etag };
  } catch (error) {
    if (!(error instanceof ObjectNotFoundError)) throw error;
    throw await explainMissing(ports, collection);
  }
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

/** Are there packs, or manifests beyond version 0? Only a collection with a history has them. */
export async function isRemnant(ports: Pick<Ports, 'store'>, collection: string): Promise<boolean> {
  for await (const page of ports.store.list(packsPrefix(collection), { pageSize: 1 })) {
    if (page.length > 0) return true;
  }
  for await (const page of ports.store.list(manifestsPrefix(collection))) {
    if (page.some((object) => (parseManifestKey(object.key)?.version ?? 1) > 0)) return true;
  }
  return false;
}
