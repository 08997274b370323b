/** Digests block by block, as the format defines them: what the thread of the product is compared with. */
import { BLOCK_SIZE, blockDigests, DIGEST_SIZE, type FileDigests } from '../../lambdas/snapshot/blocks.ts';

/** Digests of a file that is given in order in chunks of whole blocks; only the last chunk may end inside one. */
export class BlockDigester {
  readonly #digests: Uint8Array[] = [];
  #size = 0;

  push(chunk: Uint8Array): void {
    if (this.#size % BLOCK_SIZE !== 0) throw new RangeError('Only the last chunk may end inside a block.');
    this.#digests.push(blockDigests(chunk));
    this.#size += chunk.length;
  }

  finish(): FileDigests {
    return { size: this.#size, blocks: Buffer.concat(this.#digests) };
  }
}

export function digestAt(digests: FileDigests, index: number): Uint8Array {
  return digests.blocks.subarray(index * DIGEST_SIZE, (index + 1) * DIGEST_SIZE);
}
