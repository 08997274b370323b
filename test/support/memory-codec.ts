/** The codec at once, in no thread: what a world of promises alone needs. */
import { zstdDecompressSync } from 'node:zlib';
import type { FrameCodec } from '../../lambdas/ports.ts';
import {
  chunkSizeFor,
  compressFrame,
  type Frame,
  isFrame,
  mismatch,
  openVerified,
} from '../../lambdas/snapshot/frames.ts';

export const MEMORY_CODEC: FrameCodec = {
  compress: async (raw) => compressFrame(raw),
  decompress: async (stored, rawLength) => decompressFrame(stored, rawLength),
};

/** Throws if it is not the stored form of `rawLength` bytes. */
export function decompressFrame(stored: Uint8Array, rawLength: number): Uint8Array {
  // One buffer of the right size, rather than many that are joined.
  return zstdDecompressSync(stored, { maxOutputLength: rawLength, chunkSize: chunkSizeFor(rawLength) });
}

/** As `fetchFrames` does with what it has read: verify, then decompress. @throws CorruptObjectError */
export async function openStored(
  frame: Frame,
  stored: Uint8Array,
  codec: FrameCodec = MEMORY_CODEC,
): Promise<Uint8Array> {
  if (!isFrame(frame, stored)) throw mismatch(frame, stored);
  return openVerified(frame, stored, (bytes, rawLength) => codec.decompress(bytes, rawLength));
}
