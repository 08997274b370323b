/** The codec at once, in no thread: what a world of promises alone needs. */
import type { FrameCodec } from '../../lambdas/ports.ts';
import { compressFrame, decompressFrame } from '../../lambdas/snapshot/frames.ts';

export const MEMORY_CODEC: FrameCodec = {
  compress: async (raw) => compressFrame(raw),
  decompress: async (stored, rawLength) => decompressFrame(stored, rawLength),
};
