/** The codec at once, in no thread: what a world of promises alone needs. */
import type { FrameCodec } from '../../lambdas/ports.ts';
import {
  compressFrame,
  decompressFrame,
  type Frame,
  isFrame,
  mismatch,
  openVerified,
} from '../../lambdas/snapshot/frames.ts';

export const MEMORY_CODEC: FrameCodec = {
  compress: async (raw) => compressFrame(raw),
  decompress: async (stored, rawLength) => decompressFrame(stored, rawLength),
};

/** As `fetchFrames` does with what it has read: verify, then decompress. @throws CorruptObjectError */
export async function openStored(
  frame: Frame,
  stored: Uint8Array,
  codec: FrameCodec = MEMORY_CODEC,
): Promise<Uint8Array> {
  if (!isFrame(frame, stored)) throw mismatch(frame, stored);
  return openVerified(frame, stored, (bytes, rawLength) => codec.decompress(bytes, rawLength));
}
