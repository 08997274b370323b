/** Which blocks of a file changed: the new content beside the digests of the base. */
import { BLOCK_SIZE, blockCount, blockDigest, DIGEST_SIZE, type FileDigests } from './blocks.ts';

/** A range of a file, in bytes. */
export interface Run {
  offset: number;
  length: number;
}

/**
 * Compares a file, given in order in chunks of whole blocks (only the last chunk may end inside one), with its base.
 * Neighbouring changed blocks come as one run. Blocks beyond the base, and a last block of another length, count as
 * changed, so that runs and base together always cover the file.
 */
export class BlockComparison {
  readonly #base: FileDigests | undefined;
  readonly #digests: Uint8Array[] = [];
  readonly #changed: Run[] = [];
  #size = 0;

  constructor(base: FileDigests | undefined) {
    this.#base = base;
  }

  push(chunk: Uint8Array): void {
    if (this.#size % BLOCK_SIZE !== 0) throw new RangeError('Only the last chunk may end inside a block.');
    const digests = new Uint8Array(blockCount(chunk.length) * DIGEST_SIZE);
    for (let start = 0, at = 0; start < chunk.length; start += BLOCK_SIZE, at += DIGEST_SIZE) {
      const block = chunk.subarray(start, start + BLOCK_SIZE);
      const digest = blockDigest(block);
      digests.set(digest, at);
      if (!this.#isInBase(this.#size + start, block.length, digest)) this.#mark(this.#size + start, block.length);
    }
    this.#digests.push(digests);
    this.#size += chunk.length;
  }

  finish(): { digests: FileDigests; changed: Run[] } {
    return { digests: { size: this.#size, blocks: Buffer.concat(this.#digests) }, changed: this.#changed };
  }

  #isInBase(offset: number, length: number, digest: Uint8Array): boolean {
    const base = this.#base;
    if (base === undefined || Math.min(BLOCK_SIZE, base.size - offset) !== length) return false;
    const at = (offset / BLOCK_SIZE) * DIGEST_SIZE;
    return Buffer.compare(base.blocks.subarray(at, at + DIGEST_SIZE), digest) === 0;
  }

  #mark(offset: number, length: number): void {
    const last = this.#changed.at(-1);
    if (last !== undefined && last.offset + last.length === offset) last.length += length;
    else this.#changed.push({ offset, length });
  }
}

export function totalLength(runs: readonly Run[]): number {
  return runs.reduce((sum, run) => sum + run.length, 0);
}
