/**
 * Small file-system helpers for adapters that must survive a crash: what is written here is flushed to the disk, and so
 * is the folder that names it, before the promise resolves.
 */
import { randomUUID } from 'node:crypto';
import { constants, writeSync } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DiskFullError, InvalidInputError } from '../../protocol/errors.ts';

/** Flush a file, or a folder's list of names. */
export async function sync(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Replace a file whole, by pieces: after a crash it holds either the old content or the new one. */
export async function replaceFile(path: string, pieces: Iterable<Uint8Array>): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const handle = await open(temporary, 'wx');
    try {
      for (const piece of pieces) await handle.writeFile(piece);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await sync(dirname(path));
}

/** Remove a file. One that is absent already is flushed too: the crash may have come before an earlier flush. */
export async function removeFile(path: string): Promise<void> {
  await rm(path, { force: true });
  await sync(dirname(path));
}

/** Read into `into` from `position` until it is full or the file ends; returns the part that was filled. */
export async function readFully(handle: FileHandle, into: Buffer, position: number): Promise<Buffer> {
  let filled = 0;
  while (filled < into.length) {
    const { bytesRead } = await handle.read(into, filled, into.length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return into.subarray(0, filled);
}

/** Write all of `bytes` at `position`; a single write call may stop short. */
export async function writeFully(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
}

/** @param fd open for writing */
export function writeFullySync(fd: number, bytes: Uint8Array, position: number): void {
  let written = 0;
  while (written < bytes.length) {
    written += writeSync(fd, bytes, written, bytes.length - written, position + written);
  }
}

/** Code of a system error such as `ENOENT`; `undefined` for every other error. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return undefined;
  return String(error.code);
}

/**
 * Give a full disk its name; every other error passes.
 * @throws DiskFullError
 */
export async function withRoom<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const code = systemCode(cause) ?? '';
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw cause;
    throw new DiskFullError(
      `The disk of "${path}" is full (${code}); nothing was published. Enlarge it (in AWS: compactor:mergeTmpMiB, ` +
        'which is /tmp of MergeDeltas) or free space there, then start the collection again.',
      { cause },
    );
  }
}

/** Result of a read, or `undefined` when what it names is not, or no longer, there. */
export async function unlessAbsent<T>(operation: Promise<T>): Promise<T | undefined> {
  try {
    return await operation;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ESTALE'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}

/**
 * Refuse a path that could lead out of the folder it is relative to.
 * @throws InvalidInputError
 */
export function checkRelativePath(path: string): string {
  const segments = path.split('/');
  const safe = path.length <= 1024 && !path.includes('\0') && segments.every((name) => !['', '.', '..'].includes(name));
  if (!safe) {
    throw new InvalidInputError(
      `${JSON.stringify(path.slice(0, 80))} is no usable path. Use a relative one without "." and ".." segments, ` +
        'separated by single slashes.',
    );
  }
  return path;
}
