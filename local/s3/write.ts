/** Writes with S3's conditions, over the port, which has no unconditional write. */
import { ObjectNotFoundError, PreconditionFailedError } from '../../lambdas/errors/errors.ts';
import type { ObjectStore } from '../../lambdas/ports.ts';
import { notImplemented } from './fault.ts';

/** An unconditional write repeats a conditional one until it wins; in each lost round another writer has won. */
const ROUNDS = 100;

/** @returns the new ETag @throws S3Fault, PreconditionFailedError, ObjectNotFoundError, StoreUnavailableError */
export async function writeObject(
  store: ObjectStore,
  key: string,
  body: Uint8Array,
  headers: Headers,
): Promise<string> {
  const absent = headers.get('if-none-match');
  const match = headers.get('if-match');
  if (absent !== null && absent !== '*') throw notImplemented('If-None-Match with an ETag on a write');
  if (absent !== null) return (await store.putIfAbsent(key, body)).etag;
  if (match !== null) return (await store.putIfMatch(key, body, match)).etag;
  return replace(store, key, body);
}

/** @throws PreconditionFailedError, StoreUnavailableError */
export async function deleteObject(store: ObjectStore, key: string, etag: string | undefined): Promise<void> {
  if (etag === undefined || etag === '*') await store.delete(key);
  else await store.deleteIfMatch(key, etag);
}

async function replace(store: ObjectStore, key: string, body: Uint8Array): Promise<string> {
  for (let round = 1; ; round++) {
    try {
      const current = await etagOf(store, key);
      const written = current === undefined ? store.putIfAbsent(key, body) : store.putIfMatch(key, body, current);
      return (await written).etag;
    } catch (error) {
      const isRace = error instanceof PreconditionFailedError || error instanceof ObjectNotFoundError;
      if (!isRace || round === ROUNDS) throw error;
    }
  }
}

async function etagOf(store: ObjectStore, key: string): Promise<string | undefined> {
  try {
    return (await store.head(key)).etag;
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined;
    throw error;
  }
}
