/**
 * Files that appear whole and stay: written beside their place, flushed, then moved into it by one system call whose
 * folder is flushed as well.
 */
import { randomUUID } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { type FileHandle, link, mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** A flushed file that is not in its place yet. */
export interface TemporaryFile {
  path: string;
  stats: BigIntStats;
}

const SUFFIX = '.part';

/**
 * Write chunks to a new file in `folder` and flush it. `fault` translates errors of the file system; those of `chunks`
 * pass as they are. On any error the file is gone.
 */
export async function writeTemporary(
  folder: string,
  chunks: AsyncIterable<Uint8Array>,
  fault: <T>(operation: () => Promise<T>) => Promise<T>,
): Promise<TemporaryFile> {
  const path = join(folder, `${randomUUID()}${SUFFIX}`);
  const file = await fault(() => open(path, 'wx'));
  try {
    for await (const chunk of chunks) await fault(() => file.writeFile(chunk));
    const stats = await fault(() => flush(file, nextStamp()));
    await fault(() => file.close());
    return { path, stats };
  } catch (error) {
    // The first error is the one to report, whatever the clean-up meets.
    await file.close().catch(() => undefined);
    await discard(path);
    throw error;
  }
}

/** Give a temporary file a modification time later than `stats` has. */
export async function stampAfter(temporary: TemporaryFile, stats: BigIntStats): Promise<TemporaryFile> {
  if (temporary.stats.mtimeNs > stats.mtimeNs) return temporary;
  const file = await open(temporary.path, 'r+');
  try {
    return { ...temporary, stats: await flush(file, nextStamp(Number(stats.mtimeNs / 1000n) + 1)) };
  } finally {
    await file.close();
  }
}

/** Put the file in its place, in a folder that exists, unless something is there (`EEXIST`). Durable. */
export async function publishNew(temporary: TemporaryFile, path: string): Promise<void> {
  await link(temporary.path, path);
  await syncFolder(dirname(path));
}

/** Put the file in the place of another one. Durable. The caller holds the lock that makes this a compare-and-swap. */
export async function publishOver(temporary: TemporaryFile, path: string): Promise<void> {
  await rename(temporary.path, path);
  await syncFolder(dirname(path));
}

/** Remove a file, durably. */
export async function removeFile(path: string): Promise<void> {
  await unlink(path);
  await syncFolder(dirname(path));
}

/** Remove a temporary file if it is still there; a stray one costs space only, and is swept up later. */
export async function discard(path: string): Promise<void> {
  await unlink(path).catch(() => undefined);
}

/** Remove temporary files last written before `olderThan` (milliseconds since the epoch): their writers are dead. */
export async function sweepTemporary(folder: string, olderThan: number): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.endsWith(SUFFIX)) continue;
    const path = join(folder, name);
    const stats = await stat(path).catch(() => undefined);
    if (stats !== undefined && stats.mtimeMs < olderThan) await discard(path);
  }
}

/** Make a folder and those above it, durably. */
export async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  for (let folder = path; ; folder = dirname(folder)) {
    await syncFolder(dirname(folder));
    if (folder === first) return;
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function flush(file: FileHandle, stamp: number): Promise<BigIntStats> {
  await file.utimes(stamp / 1e6, stamp / 1e6);
  await file.sync();
  return file.stat({ bigint: true });
}

let lastStamp = 0;

/**
 * Wall clock in microseconds, but later than every stamp before it in this process and not before `least`. The file
 * system's own times advance in steps of milliseconds, so a file number used again at once could bear the same one.
 */
function nextStamp(least = 0): number {
  const microseconds = Number((process.hrtime.bigint() / 1000n) % 1000n);
  lastStamp = Math.max(Date.now() * 1000 + microseconds, lastStamp + 1, least);
  return lastStamp;
}
