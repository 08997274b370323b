/**
 * Files that survive a crash whole: content is flushed to disk, and so is the folder that names it, before the promise
 * resolves.
 */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, link, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Flush a file, or a folder's list of names. */
export async function sync(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Flush a folder's list of names, following links. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
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

export interface Writing<Flushed> {
  /** Flushes the file. */
  flush: (file: FileHandle) => Promise<Flushed>;
  /**
   * Runs each operation of the file system, for instance to translate its errors; errors of the source of the pieces
   * pass unchanged.
   */
  around?: <T>(operation: () => Promise<T>) => Promise<T>;
}

/** Write and flush a new file, before it is moved to its place. On any error it is removed. */
export async function writeTemporary<Flushed>(
  path: string,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  { flush, around = (operation) => operation() }: Writing<Flushed>,
): Promise<Flushed> {
  const file = await around(() => open(path, 'wx'));
  try {
    for await (const piece of pieces) await around(() => file.writeFile(piece));
    const flushed = await around(() => flush(file));
    await around(() => file.close());
    return flushed;
  } catch (error) {
    // The first error is reported, whatever goes wrong in the clean-up.
    await file.close().catch(() => undefined);
    await discard(path);
    throw error;
  }
}

/** Put a flushed file in its place, in an existing folder, unless the name is taken (`EEXIST`). */
export async function publishNew(temporary: string, path: string): Promise<void> {
  await link(temporary, path);
  await syncFolder(dirname(path));
}

/** Put a flushed file in its place, replacing whatever is there. */
export async function publishOver(temporary: string, path: string): Promise<void> {
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/** Replace a file atomically: after a crash it holds either the old content or the new one. */
export async function replaceFile(path: string, pieces: Iterable<Uint8Array>): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  await writeTemporary(temporary, pieces, { flush: (file) => file.sync() });
  try {
    await publishOver(temporary, path);
  } catch (error) {
    await discard(temporary);
    throw error;
  }
}

/** Remove a file. The folder is flushed even if the file is absent: a crash may have prevented an earlier flush. */
export async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true });
  await syncFolder(dirname(path));
}

/** Remove a temporary file if it still exists; a stray one only costs space. */
export async function discard(path: string): Promise<void> {
  await rm(path, { force: true }).catch(() => undefined);
}
