/** Checks shared by all object store adapters, so that a key or a body refused by one is refused by all. */
import { createHash } from 'node:crypto';
import { CorruptObjectError, InvalidInputError } from '../../errors/errors.ts';
import type { Body, ByteRange, StreamBody } from '../../ports.ts';

/** S3's page size, and the default. */
const MAX_PAGE_SIZE = 1000;
const MAX_KEY_BYTES = 1024;
/** Limit of common file systems for one name. */
const MAX_SEGMENT_BYTES = 255;

/**
 * A key is also a relative path: segments joined by `/`, none empty, none starting with a dot (which rules out `..`
 * and the hidden files in which the file store keeps its own state).
 * @throws InvalidInputError
 */
export function checkKey(key: string): string {
  const wellFormed = key.isWellFormed() && !key.includes('\0') && Buffer.byteLength(key) <= MAX_KEY_BYTES;
  if (!wellFormed || !key.split('/').every(isSegment)) {
    throw new InvalidInputError(
      `"${key.slice(0, 80)}" is no object key. Use at most ${MAX_KEY_BYTES} bytes, relative, with segments of 1 to ` +
        `${MAX_SEGMENT_BYTES} bytes between single slashes, none starting with ".".`,
    );
  }
  return key;
}

/** Can this be one segment of a key? */
export function isSegment(segment: string): boolean {
  return segment !== '' && !segment.startsWith('.') && Buffer.byteLength(segment) <= MAX_SEGMENT_BYTES;
}

/** @throws InvalidInputError */
export function checkRange(range: ByteRange | undefined): void {
  if (range === undefined) return;
  const { start, end } = range;
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start) {
    throw new InvalidInputError(`[${start}, ${end}) is no byte range. Use integers with 0 <= start <= end.`);
  }
}

/**
 * The part of a range that lies within an object of `size` bytes: a range past the end is cut there, and one that
 * starts past the end is empty, as is every range of an empty object.
 */
export function clampRange(range: ByteRange | undefined, size: number): ByteRange {
  const { start, end } = range ?? { start: 0, end: size };
  return { start: Math.min(start, size), end: Math.min(end, size) };
}

/** Page size between 1 and 1,000: S3 returns no more, whatever is asked for. @throws InvalidInputError */
export function checkPageSize(pageSize: number = MAX_PAGE_SIZE): number {
  if (!Number.isSafeInteger(pageSize) || pageSize < 1) {
    throw new InvalidInputError(`${pageSize} is no page size. Use an integer from 1 to ${MAX_PAGE_SIZE}.`);
  }
  return Math.min(pageSize, MAX_PAGE_SIZE);
}

/** Order of UTF-8 bytes, as in S3's listings, which differs from that of JavaScript strings beyond the basic plane. */
export function compareKeys(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

export function isStream(body: Body): body is StreamBody {
  return !(body instanceof Uint8Array);
}

/**
 * The body's chunks; after the last one, size and (with `sha256`, hex) digest are compared with what was announced.
 * The consumer must not publish anything before the iteration has ended.
 * @throws CorruptObjectError
 */
export async function* checkedChunks(key: string, body: Body, sha256?: string): AsyncGenerator<Uint8Array> {
  const hash = sha256 === undefined ? undefined : createHash('sha256');
  const announced = isStream(body) ? body.size : body.length;
  let size = 0;
  for await (const chunk of isStream(body) ? body.stream() : [body]) {
    size += chunk.length;
    hash?.update(chunk);
    yield chunk;
  }
  if (size !== announced) {
    throw new CorruptObjectError(`The body for "${key}" has ${size} bytes, not ${announced}. Nothing was written.`);
  }
  const found = hash?.digest('hex');
  if (found !== sha256) {
    throw new CorruptObjectError(
      `The body for "${key}" has SHA-256 ${found}, not ${sha256}. Nothing was written; build the body again.`,
    );
  }
}

/** The whole body in memory, checked as by `checkedChunks`. Always a copy. @throws CorruptObjectError */
export async function collectBody(key: string, body: Body, sha256?: string): Promise<Uint8Array> {
  const whole = new Uint8Array(isStream(body) ? body.size : body.length);
  let size = 0;
  for await (const chunk of checkedChunks(key, body, sha256)) {
    // A body that is too long is refused once its end is reached.
    if (size + chunk.length <= whole.length) whole.set(chunk, size);
    size += chunk.length;
  }
  return whole;
}
