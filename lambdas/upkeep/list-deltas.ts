/** What lies in the inbox of a collection, which `compactor deltas` lists. */
import { mapLimit } from '../concurrency/map-limit.ts';
import { ObjectNotFoundError, PreconditionFailedError, StoreUnavailableError } from '../errors/errors.ts';
import { EVERYTHING, observeInbox } from '../inbox/observe-inbox.ts';
import type { Ports } from '../ports.ts';
import { byArrival, type InboxEntry } from '../protocol/plan.ts';
import { countOperations } from '../snapshot/count-operations.ts';
import { MAX_DELTA_BYTES } from '../snapshot/delta.ts';
import { type DeltaSource, sourceOf } from '../snapshot/delta-source.ts';
import { loadCurrent } from '../versions/load-current.ts';

/** Of up to 64 MiB each. */
const AT_ONCE = 4;

/**
 * `decided`: a version has decided it, and its object is deleted by the next compaction. `behind a gap`: it is a write
 * of the log, and one before it is not there.
 */
export type DeltaState = 'waiting' | 'behind a gap' | 'decided';

export interface ListedDelta {
  deltaId: string;
  state: DeltaState;
  source: DeltaSource;
  /** Bytes, as it is stored. */
  size: number;
  /** Its operations, valid or not; `null`: it cannot be read, or has just been settled. */
  operations: number | null;
  /** Milliseconds since the epoch, by the store's clock. */
  arrivedAt: number;
}

export interface Page {
  limit: number;
  /** How many are passed over first. */
  offset: number;
}

/**
 * The oldest first, a page of them, and how many there are. The content of those is read, to count.
 * @throws CollectionNotFoundError, CorruptObjectError, StoreUnavailableError, TableUnavailableError
 */
export async function listDeltas(
  ports: Ports,
  collection: string,
  { limit, offset }: Page,
): Promise<{ total: number; deltas: ListedDelta[] }> {
  const { manifest } = await loadCurrent(ports, collection);
  const { inbox, pending, decided } = await observeInbox(ports, collection, manifest, EVERYTHING);
  const states = new Map<string, DeltaState>([
    ...pending.map(({ deltaId }) => [deltaId, 'waiting'] as const),
    ...decided.map(({ deltaId }) => [deltaId, 'decided'] as const),
  ]);
  const page = inbox.toSorted(byArrival).slice(offset, offset + limit);
  const deltas = await mapLimit(page, AT_ONCE, async (entry): Promise<ListedDelta> => {
    const { deltaId, size, lastModified: arrivedAt } = entry;
    const state = states.get(deltaId) ?? 'behind a gap';
    return { deltaId, state, source: sourceOf(deltaId), size, operations: await operationsOf(ports, entry), arrivedAt };
  });
  return { total: inbox.length, deltas };
}

async function operationsOf({ store }: Pick<Ports, 'store'>, { key, etag, size }: InboxEntry): Promise<number | null> {
  if (size > MAX_DELTA_BYTES) return null;
  try {
    return countOperations((await store.get(key, { ifMatch: etag })).body);
  } catch (error) {
    // One damaged object must not hide the others.
    const isExpected = [ObjectNotFoundError, PreconditionFailedError, StoreUnavailableError].some(
      (kind) => error instanceof kind,
    );
    if (isExpected) return null;
    throw error;
  }
}
