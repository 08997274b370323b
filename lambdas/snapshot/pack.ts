/** Builds the pack of one commit: changed ranges of any number of files, coalesced into frames. */
import { createHash } from 'node:crypto';
import { BLOCK_SIZE } from './blocks.ts';
import { append } from './diff.ts';
import { type Extent, FRAME_SIZE, type Piece, sealFrame } from './frames.ts';
import type { Pack } from './manifest.ts';

/**
 * Takes changed ranges in file order and gives back the stored bytes of each frame as soon as it is full, so that no
 * more than one frame is ever held in memory.
 */
export class PackBuilder {
  readonly #key: string;
  readonly #hash = createHash('sha256');
  readonly #extents = new Map<string, Extent[]>();
  #pieces: Piece[] = [];
  #pending = 0;
  #size = 0;
  #rawSize = 0;

  constructor(key: string) {
    this.#key = key;
  }

  /** Add a range. Yields the stored bytes of every frame that became full. */
  *add(path: string, offset: number, bytes: Uint8Array): Generator<Uint8Array> {
    for (let at = 0; at < bytes.length; ) {
      const length = wholeBlocks(FRAME_SIZE - this.#pending, bytes.length - at);
      if (length === 0) {
        yield this.#seal();
        continue;
      }
      // A copy: the caller may reuse its buffer before the frame is sealed.
      this.#pieces.push({ path, offset: offset + at, bytes: Uint8Array.from(bytes.subarray(at, at + length)) });
      this.#pending += length;
      at += length;
      if (this.#pending === FRAME_SIZE) yield this.#seal();
    }
  }

  /** The last frame, if there is one. */
  *flush(): Generator<Uint8Array> {
    if (this.#pending > 0) yield this.#seal();
  }

  /** After `flush`: the pack, or `undefined` when nothing was added, and the extents by path in file order. */
  finish(): { pack: Pack | undefined; extents: Map<string, Extent[]> } {
    const pack =
      this.#size === 0
        ? undefined
        : { key: this.#key, size: this.#size, rawSize: this.#rawSize, sha256: this.#hash.digest('hex') };
    return { pack, extents: this.#extents };
  }

  #seal(): Uint8Array {
    const { stored, frame, extents } = sealFrame(this.#key, this.#size, this.#pieces);
    for (const { path, ...extent } of extents) {
      const list = this.#extents.get(path) ?? [];
      append(list, extent);
      this.#extents.set(path, list);
    }
    this.#hash.update(stored);
    this.#size += stored.length;
    this.#rawSize += frame.rawLength;
    this.#pieces = [];
    this.#pending = 0;
    return stored;
  }
}

/** As much of a range as fits, cut between blocks only: extents begin at block boundaries of their file. */
function wholeBlocks(room: number, left: number): number {
  return left <= room ? left : Math.floor(room / BLOCK_SIZE) * BLOCK_SIZE;
}
