/** The thread of block-digester.ts: digests parts of files, one after the other. */
import { hash } from 'node:crypto';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { BLOCK_SIZE, DIGEST_SIZE } from '../../snapshot/blocks.ts';

/** Starts at a block boundary, and ends at one or at the end of the file. */
export interface Part {
  path: string;
  start: number;
  end: number;
  /** Shared by all parts: the digests of all blocks of the file. */
  digests: SharedArrayBuffer;
}

const buffer = Buffer.allocUnsafeSlow(64 * BLOCK_SIZE);

parentPort?.on('message', (part: Part) => {
  try {
    digest(part);
    parentPort?.postMessage(undefined);
  } catch (error) {
    parentPort?.postMessage((error as Error).message);
  }
});

function digest({ path, start, end, digests }: Part): void {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const into = Buffer.from(digests);
    for (let at = start; at < end; ) {
      const length = Math.min(buffer.length, end - at);
      readFullySync(descriptor, length, at);
      for (let block = 0; block < length; block += BLOCK_SIZE) {
        const bytes = buffer.subarray(block, Math.min(length, block + BLOCK_SIZE));
        // A digest as a string with one character per byte costs a quarter less than a buffer.
        into.write(hash('sha256', bytes, 'binary'), ((at + block) / BLOCK_SIZE) * DIGEST_SIZE, 'binary');
      }
      at += length;
    }
  } finally {
    closeSync(descriptor);
  }
}

function readFullySync(descriptor: number, length: number, position: number): void {
  for (let filled = 0; filled < length; ) {
    const read = readSync(descriptor, buffer, filled, length - filled, position + filled);
    if (read === 0) throw new Error(`it ends at ${position + filled}`);
    filled += read;
  }
}
