/** Reads a batch of deltas whole, and only as they were listed. */
import type { Ports } from '../ports.ts';
import {
  InboxChangedError,
  ObjectNotFoundError,
  PreconditionFailedError,
  StoreUnavailableError,
} from '../protocol/errors.ts';
import { METRICS } from '../protocol/metrics.ts';
import type { InboxEntry } from '../protocol/plan.ts';
import { sha256 } from '../snapshot/blocks.ts';
import { MAX_DELTA_BYTES, type ParsedDelta, parseDelta, REJECTION, rejectedWhole } from '../snapshot/delta.ts';
import { release } from '../snapshot/release.ts';
import { hashObject } from './create-once.ts';
import { mapLimit } from './waits.ts';

/** A batch has a bound on its bytes, so that more at once take no more memory. */
const PARALLEL_READS = 32;
/** Plans that unreadable deltas may cost an execution before they are passed over. */
export const PATIENCE = 3;

export interface ReadDelta extends ParsedDelta {
  deltaId: string;
  /** Hex, of the whole object. */
  sha256: string;
}

/**
 * Read and parse. A delta that cannot be read is passed over once the execution has planned `PATIENCE` times.
 * @throws InboxChangedError (a delta changed, vanished or cannot be read: plan again)
 */
export async function readDeltas(
  ports: Pick<Ports, 'store' | 'telemetry'>,
  collection: string,
  batch: readonly InboxEntry[],
  dimension: number,
  inboxChanges: number,
): Promise<ReadDelta[]> {
  const read = await mapLimit(batch, PARALLEL_READS, async (entry) => {
    try {
      return await readDelta(ports, entry, dimension);
    } catch (error) {
      const isGone = error instanceof ObjectNotFoundError || error instanceof PreconditionFailedError;
      if (!isGone && !(error instanceof StoreUnavailableError)) throw error;
      if (isGone || inboxChanges < PATIENCE) {
        const message = `Delta "${entry.key}" changed, vanished or could not be read. Plan again.`;
        throw new InboxChangedError(message, { cause: error });
      }
      ports.telemetry.warn('A delta stays unreadable; it is passed over.', { key: entry.key, reason: error.message });
      ports.telemetry.metric(METRICS.unreadableDelta, 1, { collection });
      return undefined;
    }
  });
  return read.filter((delta) => delta !== undefined);
}

async function readDelta(ports: Pick<Ports, 'store'>, entry: InboxEntry, dimension: number): Promise<ReadDelta> {
  if (entry.size > MAX_DELTA_BYTES) {
    const reason = `The delta has ${entry.size} bytes; at most ${MAX_DELTA_BYTES} are read. Send several smaller ones.`;
    const digest = await hashObject(ports, entry);
    return { deltaId: entry.deltaId, sha256: digest, ...rejectedWhole(REJECTION.deltaTooLarge, reason) };
  }
  const { body } = await ports.store.get(entry.key, { ifMatch: entry.etag });
  const delta = { deltaId: entry.deltaId, sha256: sha256(body), ...parseDelta(body, dimension) };
  release(body);
  return delta;
}
