/** Walking a folder in the order in which S3 lists keys. */
import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { compareKeys, isSegment } from './store-input.ts';

/**
 * Keys under `root` that start with `prefix` and come after `startAfter`, in key order. Holds the names of the folders
 * on the way down, never a whole listing. Hidden files, links and names that are not keys are skipped.
 */
export async function* walkKeys(root: string, prefix: string, startAfter = ''): AsyncGenerator<string> {
  const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  const segments = folder.split('/').slice(0, -1);
  // No key has such a prefix, and `..` must not lead out of the root.
  if (!segments.every(isSegment)) return;
  yield* walkFolder(root, folder, prefix, startAfter);
}

async function* walkFolder(root: string, folder: string, prefix: string, after: string): AsyncGenerator<string> {
  for (const path of await sortedEntries(root, folder)) {
    const matches = path.startsWith(prefix) || (path.endsWith('/') && prefix.startsWith(path));
    if (!matches || isBefore(path, after)) continue;
    if (path.endsWith('/')) yield* walkFolder(root, path, prefix, after);
    else yield path;
  }
}

/** Is the key, or every key in the folder, at or before `after`? */
function isBefore(path: string, after: string): boolean {
  return path.endsWith('/') ? !after.startsWith(path) && compareKeys(path, after) < 0 : compareKeys(path, after) <= 0;
}

/** Paths of a folder's entries; folders end in `/` and sort by it, so that `a-b` comes before `a/b`. */
async function sortedEntries(root: string, folder: string): Promise<string[]> {
  const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(absentAsEmpty);
  return entries
    .filter((entry) => isSegment(entry.name) && (entry.isFile() || entry.isDirectory()))
    .map((entry) => `${folder}${entry.name}${entry.isDirectory() ? '/' : ''}`)
    .map((path) => ({ path, bytes: Buffer.from(path) }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ path }) => path);
}

/** A prefix without any key has no folder. */
function absentAsEmpty(error: NodeJS.ErrnoException): Dirent[] {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
  throw error;
}
