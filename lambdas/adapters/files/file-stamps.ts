/**
 * Tells which files have not been touched by the file system's metadata alone, without reading them (ADR 0021).
 *
 * Linux sets a file's change time (ctime) at every write, truncation, rename over it, and first write to a mapped page,
 * and no program can set it, unlike the modification time. So a file whose inode, size and change time are the same as
 * before has not been changed since, with two exceptions that are ruled out here:
 * - The clock behind the change time advances in steps (10 ms at most): a change in the same step would not show. A
 *   stamp therefore counts only if the file had been at rest for a while when it was taken.
 * - On a network file system the client may show old attributes. A stamp counts only on file systems known to be local.
 */
import type { BigIntStats } from 'node:fs';
import { lstat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { unlessAbsent } from './disk-errors.ts';

/** In milliseconds: several steps of the coarsest kernel clock. */
export const REST_MS = 50;
/** Magic numbers of ext2 to ext4, XFS, Btrfs, tmpfs, overlayfs. */
const LOCAL: ReadonlySet<number> = new Set([0xef53, 0x58465342, 0x9123683e, 0x01021994, 0x794c7630]);

/** By relative path; only files that were at rest. */
export type FileStamps = ReadonlyMap<string, string>;

/** Stamp the files as they are. They must not change meanwhile. */
export async function stampFiles(root: string, paths: readonly string[]): Promise<FileStamps> {
  const stamps = new Map<string, string>();
  if (process.platform !== 'linux' || !LOCAL.has((await statfs(root)).type)) return stamps;
  for (const path of paths) {
    const stats = await lstat(join(root, path), { bigint: true });
    const restedMs = Date.now() - Number(stats.ctimeNs / 1_000_000n);
    if (stats.isFile() && restedMs > REST_MS) stamps.set(path, stampOf(stats));
  }
  return stamps;
}

/** Paths of files that have not changed since they were stamped. */
export async function untouchedSince(root: string, stamps: FileStamps): Promise<Set<string>> {
  const untouched = new Set<string>();
  for (const [path, stamp] of stamps) {
    const stats = await unlessAbsent(lstat(join(root, path), { bigint: true }));
    if (stats !== undefined && stampOf(stats) === stamp) untouched.add(path);
  }
  return untouched;
}

function stampOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(':');
}
