/** Work over all collections: a failure of one never stops the others. */
import { mapLimit } from '../concurrency/map-limit.ts';
import { CollectionsFailedError } from '../errors/errors.ts';
import type { Ports } from '../ports.ts';
import { POINTERS_PREFIX, parsePointerKey } from '../snapshot/keys.ts';

const PARALLEL = 4;

/** Collections that have a pointer. @throws StoreUnavailableError */
export async function listCollections(ports: Pick<Ports, 'store' | 'telemetry'>): Promise<string[]> {
  const collections: string[] = [];
  for await (const page of ports.store.list(POINTERS_PREFIX)) {
    for (const { key } of page) {
      const collection = parsePointerKey(key)?.collection;
      if (collection === undefined) ports.telemetry.warn('An object is no pointer; it is left alone.', { key });
      else collections.push(collection);
    }
  }
  return collections;
}

export interface CollectionFailure {
  collection: string;
  /** Name of the error. */
  error: string;
  message: string;
}

/** Run the task for each collection, and return those for which it failed. */
export async function forEachCollection(
  ports: Pick<Ports, 'telemetry'>,
  collections: readonly string[],
  task: (collection: string) => Promise<void>,
): Promise<CollectionFailure[]> {
  const failures: CollectionFailure[] = [];
  await mapLimit(collections, PARALLEL, async (collection) => {
    try {
      await task(collection);
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      failures.push({ collection, error: name, message });
      ports.telemetry.warn('A collection failed; the others go on.', { collection, error: name, reason: message });
    }
  });
  return failures;
}

export function collectionsFailed(task: string, failures: readonly CollectionFailure[]): CollectionsFailedError {
  const named = failures.map(({ collection, error, message }) => `"${collection}" (${error}: ${message})`);
  return new CollectionsFailedError(
    `${task} failed for ${failures.length} collections and was done for all others; it is tried again on schedule. ` +
      named.join('; '),
  );
}
