import { compressFrame } from '../../lambdas/snapshot/frames.ts';
import type { PackBuilder, RawFrame } from '../../lambdas/snapshot/pack.ts';

/** Stored bytes of frames, compressed and placed one after the other. */
export function* placed(builder: PackBuilder, frames: Iterable<RawFrame>): Generator<Uint8Array> {
  for (const frame of frames) {
    const stored = compressFrame(frame.bytes);
    builder.place(frame, stored);
    yield stored;
  }
}
