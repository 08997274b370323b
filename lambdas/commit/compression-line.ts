/** A pipeline of frames into a pack: several are compressed and one is written while the next one is read. */
import type { FrameCodec } from '../ports.ts';
import type { PackBuilder, RawFrame } from '../snapshot/pack.ts';
import { release } from '../snapshot/release.ts';

/** Frames that are compressed at once: 256 KiB each, and at most as much again for the output. */
const MAX_FRAMES = 4;

export class CompressionLine {
  readonly #codec: FrameCodec;
  readonly #builder: PackBuilder;
  readonly #write: (stored: Uint8Array) => Promise<void>;
  readonly #compressing: Array<{ frame: RawFrame; stored: Promise<Uint8Array> }> = [];
  #writing: Promise<void> = Promise.resolve();

  /** @param write appends to the pack; called in the order of the frames, one call at a time */
  constructor(codec: FrameCodec, builder: PackBuilder, write: (stored: Uint8Array) => Promise<void>) {
    this.#codec = codec;
    this.#builder = builder;
    this.#write = write;
  }

  /** Throws the error of this frame or of an earlier one. */
  async push(frame: RawFrame): Promise<void> {
    const stored = this.#codec.compress(frame.bytes);
    // The failure surfaces at a later await, too.
    stored.catch(() => {});
    this.#compressing.push({ frame, stored });
    if (this.#compressing.length > MAX_FRAMES) await this.#next();
  }

  /** Resolves when all frames are written. Nothing runs on afterwards, even when it throws. */
  async end(): Promise<void> {
    try {
      while (this.#compressing.length > 0) await this.#next();
      await this.#writing;
    } finally {
      await Promise.allSettled([this.#writing, ...this.#compressing.map(({ stored }) => stored)]);
    }
  }

  async #next(): Promise<void> {
    const first = this.#compressing.shift();
    if (first === undefined) return;
    const stored = await first.stored;
    await this.#writing;
    this.#builder.place(first.frame, stored);
    this.#writing = this.#write(stored).then(() => release(stored));
    this.#writing.catch(() => {});
  }
}
