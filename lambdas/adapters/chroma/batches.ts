/**
 * Cuts what is sent to Chroma into requests by their cost, not only by their size. Pure.
 *
 * Chroma 1.0.0 and 1.4.4 index the text of a request before they answer: about 2 s of one core for each MiB of text
 * that replaces other text (ADR 37). A request of the 40 MiB that it accepts would therefore get no answer for minutes,
 * and be repeated as a whole after a time-out. Small requests take a predictable time, and their failure costs little.
 */

const MIB = 1024 * 1024;
/** Limits of a request of several records, set by what indexing costs Chroma. */
export const MAX_REQUEST_BYTES = 4 * MIB;

export interface RequestLimits {
  maxItems: number;
  /** Most bytes of a request of several items. A larger item is sent alone. */
  maxBytes: number;
}

/** In order; every item is in exactly one batch, and no batch is empty. */
export function* batches<T>(
  items: Iterable<T>,
  bytesOf: (item: T) => number,
  { maxItems, maxBytes }: RequestLimits,
): Generator<{ items: T[]; bytes: number }> {
  let batch: { items: T[]; bytes: number } = { items: [], bytes: 0 };
  for (const item of items) {
    const bytes = bytesOf(item);
    const isFull = batch.items.length >= maxItems || batch.bytes + bytes > maxBytes;
    if (batch.items.length > 0 && isFull) {
      yield batch;
      batch = { items: [], bytes: 0 };
    }
    batch.items.push(item);
    batch.bytes += bytes;
  }
  if (batch.items.length > 0) yield batch;
}

/** Milliseconds: several times what the slowest text took on one busy core. */
const MS_PER_MIB = 15_000;

/**
 * Longest wait for the reply to a request of this many bytes, in milliseconds. Whole seconds: Node keeps a list of
 * timers for each duration, and would make and drop one for each request.
 */
export function patienceMs(baseMs: number, bytes: number): number {
  return Math.ceil((baseMs + (bytes / MIB) * MS_PER_MIB) / 1_000) * 1_000;
}
