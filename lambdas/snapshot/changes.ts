/** Finds the changed blocks of a file by comparing the digests of the new content with those of the base. */
import { BLOCK_SIZE, blockCount, DIGEST_SIZE, type FileDigests } from './blocks.ts';

/** A range of a file, in bytes. */
export interface Run {
  offset: number;
  length: number;
}

/**
 * Ranges of a file that differ from its base. Neighbouring changed blocks form one run. Blocks beyond the base, and a
 * last block of another length, count as changed, so that runs and base together always cover the file.
 */
export function changedRuns(base: FileDigests | undefined, now: FileDigests): Run[] {
  const runs: Run[] = [];
  const mark = (index: number) => {
    const offset = index * BLOCK_SIZE;
    const length = Math.min(BLOCK_SIZE, now.size - offset);
    const last = runs.at(-1);
    if (last !== undefined && last.offset + last.length === offset) last.length += length;
    else runs.push({ offset, length });
  };
  const common = base === undefined ? 0 : comparableBlocks(base, now);
  const [before, after] = [bufferOf(base?.blocks ?? new Uint8Array()), bufferOf(now.blocks)];
  for (let start = 0; start < common; start += STRIDE) {
    const end = Math.min(common, start + STRIDE);
    if (isEqual(before, after, start, end)) continue;
    for (let index = start; index < end; index++) if (!isEqual(before, after, index, index + 1)) mark(index);
  }
  for (let index = common; index < blockCount(now.size); index++) mark(index);
  return runs;
}

/** Blocks that are compared at once, since most of a large file is equal. */
const STRIDE = 128;

/** Number of blocks that both have, with the same length. */
function comparableBlocks(base: FileDigests, now: FileDigests): number {
  if (base.size === now.size) return blockCount(now.size);
  return Math.floor(Math.min(base.size, now.size) / BLOCK_SIZE);
}

function isEqual(a: Buffer, b: Buffer, from: number, to: number): boolean {
  const [start, end] = [from * DIGEST_SIZE, to * DIGEST_SIZE];
  return a.compare(b, start, end, start, end) === 0;
}

/** A view, not a copy. */
function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

export function totalLength(runs: readonly Run[]): number {
  return runs.reduce((sum, run) => sum + run.length, 0);
}
