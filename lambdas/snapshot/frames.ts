/**
 * Frames: the unit of compression, of verification and of reading.
 *
 * A pack is a row of frames. A frame is zstd over up to 256 KiB of changed blocks, coalesced from any number of files,
 * and is known by its place in the pack, both lengths, and the SHA-256 of its compressed bytes, which is checked before
 * anything is decompressed. See docs/format.md.
 */
import { zstdCompressSync } from 'node:zlib';
import { CorruptObjectError } from '../errors/errors.ts';
import { sha256 } from './blocks.ts';

export const FRAME_SIZE = 256 * 1024;

/** A frame in its pack: `offset` and `length` in stored bytes, `rawLength` once decompressed. */
export interface Frame {
  packKey: string;
  offset: number;
  length: number;
  rawLength: number;
  /** Digest of the stored bytes, hex. */
  sha256: string;
}

/** `length` bytes of a file at `offset`, a multiple of 4 KiB, found at `frameOffset` of a decompressed frame. */
export interface Extent {
  offset: number;
  length: number;
  frame: Frame;
  frameOffset: number;
}

/** Size of a buffer for the compressed form of this many bytes of any content: zstd's bound. */
export function compressedBound(rawLength: number): number {
  return rawLength + (rawLength >> 8) + 1024;
}

/** Compress a frame's bytes into their stored form. */
export function compressFrame(raw: Uint8Array): Uint8Array {
  return zstdCompressSync(raw, { chunkSize: compressedBound(raw.length) });
}

/**
 * Size of the buffer to decompress into. It has one byte more than the output, because node:zlib would otherwise
 * allocate a second buffer, and at least 64.
 */
export function chunkSizeFor(rawLength: number): number {
  return Math.max(64, rawLength + 1);
}

/** Are these the bytes that the manifest says are stored? */
export function isFrame(frame: Frame, stored: Uint8Array): boolean {
  return stored.length === frame.length && sha256(stored) === frame.sha256;
}

/**
 * Decompress a frame that `isFrame` has verified, outside this thread.
 * @throws CorruptObjectError
 */
export async function openVerified(
  frame: Frame,
  stored: Uint8Array,
  decompress: (stored: Uint8Array, rawLength: number) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  try {
    return ofLength(frame, await decompress(stored, frame.rawLength));
  } catch (cause) {
    throw undecodable(frame, cause);
  }
}

/** The error for bytes that are not the frame's. */
export function mismatch(frame: Frame, stored: Uint8Array): CorruptObjectError {
  return corrupt(frame, `its ${stored.length} stored bytes do not match the manifest`);
}

function ofLength(frame: Frame, raw: Uint8Array): Uint8Array {
  if (raw.length !== frame.rawLength) throw corrupt(frame, `it decompresses to ${raw.length} bytes`);
  return raw;
}

function undecodable(frame: Frame, cause: unknown): CorruptObjectError {
  if (cause instanceof CorruptObjectError) return cause;
  return corrupt(frame, 'it does not decompress to its stated length', cause);
}

function corrupt(frame: Frame, what: string, cause?: unknown): CorruptObjectError {
  return new CorruptObjectError(
    `Frame at ${frame.offset}+${frame.length} of "${frame.packKey}" is damaged: ${what}. ` +
      'Restore the pack from a bucket version, or roll back to a version that does not need it.',
    { cause },
  );
}
