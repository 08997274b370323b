/** Embeddings: a list of numbers, or base64 of little-endian 32-bit floats, as in Chroma's own API (ADR 54). */
import { z } from 'zod';

/** Largest dimension of a collection. */
export const MAX_DIMENSION = 65_536;
const MAX_FLOAT32 = 3.4028234663852886e38;
const FLOAT_BYTES = 4;
const MAX_TEXT_LENGTH = Math.ceil((MAX_DIMENSION * FLOAT_BYTES) / 3) * 4;

export const numbers = z.array(z.number().min(-MAX_FLOAT32).max(MAX_FLOAT32)).min(1);
/** Parses into the list of numbers. */
export const base64 = z.string().transform((text, { addIssue }) => {
  const decoded = decodeEmbedding(text);
  if (typeof decoded !== 'string') return decoded;
  addIssue(decoded);
  return z.NEVER;
});

/** Does an embedding have too many numbers? Works for both forms by looking at the size only. */
export function isTooWide(embedding: unknown): boolean {
  if (typeof embedding === 'string') return embedding.length > MAX_TEXT_LENGTH;
  return Array.isArray(embedding) && embedding.length > MAX_DIMENSION;
}

/** Is its squared length beyond the range of 32-bit floats? */
export function isTooLong(embedding: readonly number[] = []): boolean {
  return embedding.reduce((sum, value) => sum + value * value, 0) > MAX_FLOAT32;
}

/**
 * Numbers are rounded to the nearest 32-bit float. `undefined`: this is not a list of numbers, or one of them has no
 * finite 32-bit float.
 */
export function encodeEmbedding(numbers: unknown): string | undefined {
  if (!Array.isArray(numbers) || numbers.length === 0) return undefined;
  const bytes = Buffer.allocUnsafe(numbers.length * FLOAT_BYTES);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let index = 0; index < numbers.length; index++) {
    const number: unknown = numbers[index];
    if (typeof number !== 'number' || !Number.isFinite(Math.fround(number))) return undefined;
    view.setFloat32(index * FLOAT_BYTES, number, true);
  }
  return bytes.toString('base64');
}

/** The numbers, bit for bit (including the sign of zero), or a description of what is wrong with the text. */
export function decodeEmbedding(text: string): number[] | string {
  const bytes = Buffer.from(text, 'base64');
  // Node's decoder silently skips what it does not know: white space, other alphabets, a truncated end.
  if (bytes.toString('base64') !== text) return 'is no base64 with padding (RFC 4648, section 4)';
  if (bytes.length === 0 || bytes.length % FLOAT_BYTES !== 0) {
    return `has ${bytes.length} bytes, which is no whole number of 32-bit floats, from 1 on`;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const numbers = new Array<number>(bytes.length / FLOAT_BYTES);
  for (let index = 0; index < numbers.length; index++) {
    const number = view.getFloat32(index * FLOAT_BYTES, true);
    if (!Number.isFinite(number)) return `holds ${number} at index ${index}, which is not finite`;
    numbers[index] = number;
  }
  return numbers;
}
