/** Keeps the content of a delta that was set aside, before its object leaves the inbox. */

import { createOnce } from '../objects/create-once.ts';
import type { Ports, StreamBody } from '../ports.ts';
import type { InboxEntry } from '../protocol/plan.ts';
import { asideKey } from '../snapshot/keys.ts';

const RANGE = 8 * 1024 * 1024;

/**
 * A create-only write that compares itself with an existing object: any number of executions may do it, and die while
 * doing it.
 * @throws PreconditionFailedError, ObjectNotFoundError (the object in the inbox changed), KeyCollisionError,
 * StoreUnavailableError
 */
export async function keepAside(
  ports: Pick<Ports, 'store' | 'clock' | 'ids'>,
  collection: string,
  entry: InboxEntry,
  sha256: string,
): Promise<void> {
  const { key, size, etag } = entry;
  const body = size > RANGE ? inRanges(ports, entry) : (await ports.store.get(key, { ifMatch: etag })).body;
  await createOnce(ports, asideKey(collection, entry.deltaId, sha256), body, sha256);
}

/** Read from a single generation of the object, in ranges: it may have 64 MiB. */
function inRanges({ store }: Pick<Ports, 'store'>, { key, size, etag }: InboxEntry): StreamBody {
  return {
    size,
    async *stream() {
      for (let start = 0; start < size; start += RANGE) {
        const range = { start, end: Math.min(size, start + RANGE) };
        yield (await store.get(key, { range, ifMatch: etag })).body;
      }
    },
  };
}
