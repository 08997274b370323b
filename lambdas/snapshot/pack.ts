/** Lays out the pack of one commit: changed ranges of any number of files, coalesced into frames. */
import { createHash } from 'node:crypto';
import { BLOCK_SIZE, sha256 } from './blocks.ts';
import { append } from './diff.ts';
import { type Extent, FRAME_SIZE, type Frame } from './frames.ts';
import type { Pack } from './manifest.ts';

/** A frame that is full, or the last one: its bytes, to be compressed, and the ranges that they consist of. */
export interface RawFrame {
  bytes: Uint8Array;
  pieces: ReadonlyArray<{ path: string; offset: number; length: number }>;
}

/**
 * Takes changed ranges in file order and yields each frame as soon as it is full. The caller may compress several at
 * once, and places them in the order in which they were yielded.
 */
export class PackBuilder {
  readonly #key: string;
  readonly #hash = createHash('sha256');
  readonly #extents = new Map<string, Extent[]>();
  /** Buffers of frames that were placed, to be reused. */
  readonly #spare: Buffer[] = [];
  #buffer: Buffer = NOTHING;
  #pieces: Array<RawFrame['pieces'][number]> = [];
  #pending = 0;
  #size = 0;
  #rawSize = 0;

  constructor(key: string) {
    this.#key = key;
  }

  /** Add a range, which is copied. Yields every frame that becomes full. */
  *add(path: string, offset: number, bytes: Uint8Array): Generator<RawFrame> {
    for (let at = 0; at < bytes.length; ) {
      const length = wholeBlocks(FRAME_SIZE - this.#pending, bytes.length - at);
      if (length === 0) {
        yield this.#take();
        continue;
      }
      this.#makeRoom(this.#pending + length);
      this.#buffer.set(bytes.subarray(at, at + length), this.#pending);
      this.#pieces.push({ path, offset: offset + at, length });
      this.#pending += length;
      at += length;
      if (this.#pending === FRAME_SIZE) yield this.#take();
    }
  }

  /** The last frame, if there is one. */
  *flush(): Generator<RawFrame> {
    if (this.#pending > 0) yield this.#take();
  }

  /** Place a frame's stored bytes next in the pack. The buffer of `raw` is reused. */
  place(raw: RawFrame, stored: Uint8Array): void {
    const { length: rawLength } = raw.bytes;
    const frame: Frame = {
      packKey: this.#key,
      offset: this.#size,
      length: stored.length,
      rawLength,
      sha256: sha256(stored),
    };
    let frameOffset = 0;
    for (const { path, offset, length } of raw.pieces) {
      const list = this.#extents.get(path) ?? [];
      append(list, { offset, length, frame, frameOffset });
      this.#extents.set(path, list);
      frameOffset += length;
    }
    this.#hash.update(stored);
    this.#size += stored.length;
    this.#rawSize += rawLength;
    const { buffer } = raw.bytes;
    if (buffer.byteLength === FRAME_SIZE) this.#spare.push(Buffer.from(buffer as ArrayBuffer));
  }

  /**
   * To be called once all frames are placed. Returns the pack, or `undefined` if nothing was added, and the extents by
   * path in file order.
   */
  finish(): { pack: Pack | undefined; extents: Map<string, Extent[]> } {
    const pack =
      this.#size === 0
        ? undefined
        : { key: this.#key, size: this.#size, rawSize: this.#rawSize, sha256: this.#hash.digest('hex') };
    return { pack, extents: this.#extents };
  }

  #take(): RawFrame {
    const frame = { bytes: this.#buffer.subarray(0, this.#pending), pieces: this.#pieces };
    this.#buffer = NOTHING;
    this.#pieces = [];
    this.#pending = 0;
    return frame;
  }

  /** Most commits are small, so a frame's buffer grows with its content. */
  #makeRoom(length: number): void {
    if (length <= this.#buffer.length) return;
    const next = this.#spare.pop() ?? Buffer.allocUnsafeSlow(Math.min(FRAME_SIZE, length * 2));
    next.set(this.#buffer.subarray(0, this.#pending));
    this.#buffer = next;
  }
}

const NOTHING = Buffer.alloc(0);

/** As much of a range as fits, cut only between blocks: extents begin at block boundaries of their file. */
function wholeBlocks(room: number, left: number): number {
  return left <= room ? left : Math.floor(room / BLOCK_SIZE) * BLOCK_SIZE;
}
