/**
 * Frames: the unit of compression, of verification and of reading.
 *
 * A pack is a row of frames. A frame is zstd over up to 256 KiB of changed blocks, coalesced from any number of files,
 * and is known by its place in the pack, both lengths, and the SHA-256 of its compressed bytes, which is checked before
 * anything is decompressed. See docs/format.md.
 */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { CorruptObjectError } from '../protocol/errors.ts';
import { sha256 } from './blocks.ts';

export const FRAME_SIZE = 256 * 1024;

/** A frame in its pack: `offset` and `length` in stored bytes, `rawLength` once decompressed. */
export interface Frame {
  packKey: string;
  offset: number;
  length: number;
  rawLength: number;
  /** Hex, of the stored bytes. */
  sha256: string;
}

/** `length` bytes of a file at `offset`, a multiple of 4 KiB, found at `frameOffset` of a decompressed frame. */
export interface Extent {
  offset: number;
  length: number;
  frame: Frame;
  frameOffset: number;
}

/** Changed bytes of a file, waiting to be packed. */
export interface Piece {
  path: string;
  offset: number;
  bytes: Uint8Array;
}

/** Compress pieces (at most `FRAME_SIZE` bytes together) into the frame at `offset` of a pack. */
export function sealFrame(
  packKey: string,
  offset: number,
  pieces: readonly Piece[],
): { stored: Uint8Array; frame: Frame; extents: Array<Extent & { path: string }> } {
  const raw = Buffer.concat(pieces.map((piece) => piece.bytes));
  const stored = zstdCompressSync(raw);
  const frame: Frame = { packKey, offset, length: stored.length, rawLength: raw.length, sha256: sha256(stored) };
  let frameOffset = 0;
  const extents = pieces.map((piece) => {
    const extent = { path: piece.path, offset: piece.offset, length: piece.bytes.length, frame, frameOffset };
    frameOffset += piece.bytes.length;
    return extent;
  });
  return { stored, frame, extents };
}

/** Is this what the manifest says is stored? */
export function isFrame(frame: Frame, stored: Uint8Array): boolean {
  return stored.length === frame.length && sha256(stored) === frame.sha256;
}

/**
 * Verify and decompress a frame.
 * @throws CorruptObjectError
 */
export function openFrame(frame: Frame, stored: Uint8Array): Uint8Array {
  if (!isFrame(frame, stored)) throw corrupt(frame, `its ${stored.length} stored bytes do not match the manifest`);
  let raw: Uint8Array;
  try {
    raw = zstdDecompressSync(stored, { maxOutputLength: frame.rawLength });
  } catch (cause) {
    throw corrupt(frame, 'it does not decompress to its stated length', cause);
  }
  if (raw.length !== frame.rawLength) throw corrupt(frame, `it decompresses to ${raw.length} bytes`);
  return raw;
}

function corrupt(frame: Frame, what: string, cause?: unknown): CorruptObjectError {
  return new CorruptObjectError(
    `Frame at ${frame.offset}+${frame.length} of "${frame.packKey}" is damaged: ${what}. ` +
      'Restore the pack from a bucket version, or roll back to a version that does not need it.',
    { cause },
  );
}
