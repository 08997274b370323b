/** Classifies errors of a disk: absent, full, not writable. */
import { constants } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConfigurationError, DiskFullError } from '../../errors/errors.ts';

/** Code of a system error such as `ENOENT`; `undefined` for every other error. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return undefined;
  return String(error.code);
}

/** Result of a read, or `undefined` if the file does not exist, or no longer. */
export async function unlessAbsent<T>(operation: Promise<T>): Promise<T | undefined> {
  try {
    return await operation;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ESTALE'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}

const FULL = ['ENOSPC', 'EDQUOT', 'SQLITE_FULL'];
/** SQLite's result code, and its text: an error from another thread has the text alone. */
const SQLITE_FULL = 13;
const SQLITE_FULL_TEXT = 'database or disk is full';

function sqliteFull(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const isFull = ('errcode' in error && error.errcode === SQLITE_FULL) || error.message === SQLITE_FULL_TEXT;
  return isFull ? 'SQLITE_FULL' : undefined;
}

/**
 * Turn errors of a full disk, and of one that cannot be written, into named ones; every other error passes.
 * @throws DiskFullError, ConfigurationError (read-only, or another user's)
 */
export async function withRoom<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const code = systemCode(cause) ?? sqliteFull(cause) ?? '';
    if (['EROFS', 'EACCES', 'EPERM'].includes(code)) {
      throw new ConfigurationError(
        `"${path}" cannot be written (${(cause as Error).message}). Make it writable for the user that runs this, or name ` +
          'another directory: WORK_DIRECTORY, or --data of the local stack; then start again.',
        { cause },
      );
    }
    if (!FULL.includes(code)) throw cause;
    throw new DiskFullError(
      `The disk of "${path}" is full (${code}); nothing was published. Enlarge it (in AWS: compactor:mergeTmpMiB, ` +
        'which is /tmp of MergeDeltas) or free space there, then start the collection again.',
      { cause },
    );
  }
}

/**
 * Make a folder, and those above it, and check that files can be created in it. On a read-only disk Node reports that
 * the folder does not exist; this reports the real cause.
 */
export async function makeWritableFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    let above = dirname(path);
    while ((await unlessAbsent(stat(above))) === undefined) above = dirname(above);
    await access(above, constants.W_OK);
    throw error;
  }
  await access(path, constants.W_OK);
}
