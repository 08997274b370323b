/** Pruning of the cache on a shared directory: by reachability and age. A cache may forget anything at any time. */
import { readdir, rm, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { PruneOptions, PruneResult } from '../../ports.ts';
import { unlessAbsent } from './disk-errors.ts';

interface Found {
  path: string;
  size: number;
  modifiedAt: number;
}

/** Other machines may rename and prune meanwhile: what is already gone is not counted. */
export async function pruneCache(objects: string, staging: string, options: PruneOptions): Promise<PruneResult> {
  const result: PruneResult = { objects: 0, staging: 0, bytes: 0 };
  for (const object of await filesBelow(objects)) {
    const isOld = options.now - object.modifiedAt > options.olderThanMs;
    if (!isOld || options.keep(relative(objects, object.path))) continue;
    await rm(object.path, { force: true });
    result.objects++;
    result.bytes += object.size;
  }
  for (const collection of await namesIn(staging)) {
    for (const commit of await namesIn(join(staging, collection))) {
      const folder = join(staging, collection, commit);
      const files = await filesBelow(folder);
      // A folder's modification time does not change when a file in it grows.
      const lastWrite = Math.max(
        (await find(folder))?.modifiedAt ?? options.now,
        ...files.map((file) => file.modifiedAt),
      );
      if (options.now - lastWrite <= options.stagingOlderThanMs) continue;
      await rm(folder, { recursive: true, force: true });
      result.staging++;
      result.bytes += files.reduce((sum, file) => sum + file.size, 0);
    }
  }
  return result;
}

async function filesBelow(folder: string): Promise<Found[]> {
  const entries = (await unlessAbsent(readdir(folder, { recursive: true, withFileTypes: true }))) ?? [];
  const files = entries.filter((entry) => entry.isFile());
  const found = await Promise.all(files.map((entry) => find(join(entry.parentPath, entry.name))));
  return found.filter((file) => file !== undefined);
}

async function find(path: string): Promise<Found | undefined> {
  const stats = await unlessAbsent(stat(path));
  return stats === undefined ? undefined : { path, size: stats.size, modifiedAt: stats.mtimeMs };
}

async function namesIn(folder: string): Promise<string[]> {
  return (await unlessAbsent(readdir(folder))) ?? [];
}
