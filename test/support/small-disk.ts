/** Real file systems of a few MiB, with warm directories on them. Mounting one needs root. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { WorkingDirectories } from '../../lambdas/ports.ts';

export const MIB = 1024 * 1024;

export interface SmallDisk {
  root: string;
  /** Without it there is no limit, and a test of one is skipped. */
  isMounted: boolean;
  remove(): Promise<void>;
}

/** @param size As `mount` takes it, with further options: `8m`, `8m,nr_inodes=20`. */
export async function smallDisk(size: string): Promise<SmallDisk> {
  const root = await mkdtemp(join(tmpdir(), 'small-disk-'));
  const isMounted = mounts(root, size);
  const remove = async () => {
    // Lazily: what a failed test still holds open must not keep it.
    if (isMounted) execFileSync('umount', ['--lazy', root]);
    await rm(root, { recursive: true });
  };
  return { root, isMounted, remove };
}

function mounts(path: string, size: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Three warm ones that nobody uses; bert's was used first, carl's last. */
export async function keepThreeWarm(directories: WorkingDirectories, bytes: number): Promise<void> {
  for (const [collection, usedAt] of [
    ['anna', 2_000],
    ['bert', 1_000],
    ['carl', 3_000],
  ] as const) {
    const directory = await directories.claim(collection, bytes);
    await directory.writeAt('data.bin', 0, Buffer.alloc(bytes, 7));
    await directory.markClean({ manifestKey: `${collection}.json`, manifestSha256: '0'.repeat(64) });
    await directory.release();
    await utimes(dirname(directory.path), usedAt, usedAt);
  }
}

/** Which of the three are still warm. */
export async function stillWarm(directories: WorkingDirectories): Promise<string[]> {
  const found: string[] = [];
  for (const collection of ['anna', 'bert', 'carl']) {
    const directory = await directories.claim(collection);
    if ((await directory.readMarker()) !== undefined) found.push(collection);
    await directory.release();
  }
  return found;
}
