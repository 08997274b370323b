/**
 * Cuts what is sent to Chroma into requests by what they cost it, not only by what it takes. Pure.
 *
 * Chroma 1.0.0 and 1.4.4 index the text of a request before they answer: about 2 s of one core for each MiB of text that
 * replaces other text (ADR 37). A request of the 40 MiB that it would take is therefore silent for minutes, and all of it
 * is done again after a time-out. In small requests the time that one may take is known, and a failure costs little.
 */

const MIB = 1024 * 1024;
/** Of a request of several records, by what it costs Chroma to index them. */
export const MAX_REQUEST_BYTES = 4 * MIB;

export interface RequestLimits {
  maxItems: number;
  /** A request of several items has no more bytes. One item may have more, and goes alone. */
  maxBytes: number;
}

/** In order: every item is in one batch, and no batch is empty. */
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

/** Several times what the slowest text took on one busy core, in milliseconds. */
const MS_PER_MIB = 15_000;

/** Longest wait for the reply to a request of this many bytes, in milliseconds. */
export function patienceMs(baseMs: number, bytes: number): number {
  return Math.round(baseMs + (bytes / MIB) * MS_PER_MIB);
}
