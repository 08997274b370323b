/**
 * A lock between processes that the kernel releases when its holder dies, however it dies: the write lock of an SQLite
 * database in which nothing is ever written. Node has no `flock`, and SQLite's lock works on every system alike. It
 * excludes other holders in this process, too.
 */
import { accessSync, closeSync, constants, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { systemCode } from './disk-errors.ts';

const SQLITE_BUSY = 5;
/**
 * References to the connections: one that is garbage-collected closes, and its lock is lost, although the holder has
 * not released it.
 */
const held = new Set<DatabaseSync>();

/**
 * @returns a function that releases the lock; `undefined` if it is taken. Never waits, since SQLite would block the
 * event loop.
 * @throws Error (the file cannot be made, or cannot be locked)
 */
export function tryLock(path: string): (() => void) | undefined {
  make(path);
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    // No journal file: there is nothing to roll back after a crash, and locking must work even on a full disk.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN IMMEDIATE');
  } catch (error) {
    database.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
  held.add(database);
  return () => {
    held.delete(database);
    // Closing rolls back the empty transaction, which releases the lock.
    database.close();
  };
}

/**
 * Create the file here, since SQLite does not report why it cannot. An existing file is never opened: POSIX drops all
 * locks that a process has on a file as soon as it closes any descriptor of it (sqlite.org/howtocorrupt.html, 2.2).
 */
function make(path: string): void {
  try {
    closeSync(openSync(path, 'wx'));
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    accessSync(path, constants.W_OK);
  }
}

function isBusy(error: unknown): boolean {
  // The low byte is the primary code; the rest gives details.
  return error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === SQLITE_BUSY;
}
