/**
 * Files of an object store before they are moved to their place. Each gets a later time than all before it, since the
 * time is part of the ETag.
 */
import { randomUUID } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { discard, type Writing, writeTemporary } from '../files/durable.ts';

/** A flushed file that has not been moved to its place. */
export interface StampedFile {
  path: string;
  stats: BigIntStats;
}

const SUFFIX = '.part';

/** Write chunks to a new file in `folder` and flush it. On any error it is removed. */
export async function writeStamped(
  folder: string,
  chunks: AsyncIterable<Uint8Array>,
  around: NonNullable<Writing<BigIntStats>['around']>,
): Promise<StampedFile> {
  const path = join(folder, `${randomUUID()}${SUFFIX}`);
  const stats = await writeTemporary(path, chunks, { flush: (file) => flush(file, nextStamp()), around });
  return { path, stats };
}

/** Give a file a later modification time than the one in `stats`. */
export async function stampAfter(stamped: StampedFile, stats: BigIntStats): Promise<StampedFile> {
  if (stamped.stats.mtimeNs > stats.mtimeNs) return stamped;
  const file = await open(stamped.path, 'r+');
  try {
    return { ...stamped, stats: await flush(file, nextStamp(Number(stats.mtimeNs / 1000n) + 1)) };
  } finally {
    await file.close();
  }
}

/** Remove files last written before `olderThan` (milliseconds since the epoch): their writers are dead. */
export async function sweepStamped(folder: string, olderThan: number): Promise<void> {
  for (const name of await readdir(folder)) {
    if (!name.endsWith(SUFFIX)) continue;
    const path = join(folder, name);
    const stats = await stat(path).catch(() => undefined);
    if (stats !== undefined && stats.mtimeMs < olderThan) await discard(path);
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
 * system's own times advance in steps of milliseconds, so a reused file number could come with the same time.
 */
function nextStamp(least = 0): number {
  const microseconds = Number((process.hrtime.bigint() / 1000n) % 1000n);
  lastStamp = Math.max(Date.now() * 1000 + microseconds, lastStamp + 1, least);
  return lastStamp;
}
