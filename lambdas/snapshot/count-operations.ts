import { textOf } from './delta.ts';
import { isRequestDelta } from './request-delta.ts';

const NEWLINE = 0x0a;
/** A longer line is never blank in practice, and need not be decoded. */
const MAX_BLANK_BYTES = 64;

/**
 * Operations of a stored delta, valid or not: its lines, without blank ones. Of a delta of requests, the requests.
 * @returns `null`: it cannot be decompressed
 */
export function countOperations(stored: Uint8Array): number | null {
  const text = textOf(stored);
  if ('rejections' in text) return null;
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.length);
  let filled = 0;
  for (let start = 0; start < bytes.length; ) {
    const next = bytes.indexOf(NEWLINE, start);
    const end = next < 0 ? bytes.length : next;
    if (end - start > MAX_BLANK_BYTES || bytes.toString('utf8', start, end).trim() !== '') filled++;
    start = end + 1;
  }
  return isRequestDelta(text) ? filled - 1 : filled;
}
