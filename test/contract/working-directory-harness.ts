/** Working directories to run one suite over, and what they are given to keep. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { REST_MS } from '../../lambdas/adapters/files/file-stamps.ts';
import { FileWorkingDirectories } from '../../lambdas/adapters/files/working-directories.ts';
import type { WorkingDirectories, WorkingDirectory } from '../../lambdas/ports.ts';
import { BLOCK_SIZE, type DirectoryDigests } from '../../lambdas/snapshot/blocks.ts';
import { MemoryDirectories } from '../support/memory-directories.ts';

export interface Harness {
  /** Time that a file must be at rest before it can be known as untouched. */
  rest(): Promise<void>;
  directories: WorkingDirectories;
  /** Flip a byte of the stored digests of the only slot. */
  damageDigests(directory: WorkingDirectory): Promise<void>;
  dispose(): Promise<void>;
}

export async function fileHarness(): Promise<Harness & { root: string }> {
  const root = await mkdtemp(join(tmpdir(), 'directories-'));
  return {
    root,
    rest: () => setTimeout(REST_MS + 1),
    directories: new FileWorkingDirectories({ root }),
    damageDigests: async (directory) => {
      const file = join(dirname(directory.path), 'digests.bin');
      await writeFile(file, flipped(await readFile(file)));
    },
    dispose: () => rm(root, { recursive: true }),
  };
}

export async function memoryHarness(): Promise<Harness> {
  const directories = new MemoryDirectories();
  return {
    rest: async () => {},
    directories,
    damageDigests: async () => {
      for (const slot of directories.slots) slot.digests = slot.digests && flipped(slot.digests);
    },
    dispose: async () => {},
  };
}

export const marker = { manifestKey: 'manifests/books/000000000001-A.json', manifestSha256: 'ab'.repeat(32) };
export const digests: DirectoryDigests = {
  ...marker,
  manifest: Buffer.from('{"format":1}'),
  files: new Map([
    ['empty', { size: 0, blocks: Buffer.alloc(0) }],
    ['segment/data.bin', { size: BLOCK_SIZE + 1, blocks: Buffer.alloc(64, 7) }],
  ]),
};

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[20] = (copy[20] ?? 0) ^ 1;
  return copy;
}
