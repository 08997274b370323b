/** What errors of a disk mean: absent, full, not writable. */
import { constants } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ConfigurationError, DiskFullError } from '../../errors/errors.ts';

/** Code of a system error such as `ENOENT`; `undefined` for every other error. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return undefined;
  return String(error.code);
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

const FULL = ['ENOSPC', 'EDQUOT', 'SQLITE_FULL'];
/** SQLite's result code, and its text: from another thread the text alone comes. */
const SQLITE_FULL = 13;
const SQLITE_FULL_TEXT = 'database or disk is full';

function sqliteFull(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const isFull = ('errcode' in error && error.errcode === SQLITE_FULL) || error.message === SQLITE_FULL_TEXT;
  return isFull ? 'SQLITE_FULL' : undefined;
}

/**
 * Give a full disk its name, and one that must not be written; every other error passes.
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
 * A folder, made with those above it, in which files can be made. Node says of a read-only disk that there is no such
 * folder; this says what is wrong.
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
