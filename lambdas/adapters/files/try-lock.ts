/**
 * A lock between processes that the kernel releases when its holder dies, however it dies: the write lock of an SQLite
 * database in which nothing is ever written. Node has no `flock`, and SQLite's lock works on every system alike. It
 * excludes other holders in this process, too.
 */
import { accessSync, closeSync, constants, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { systemCode } from './disk-errors.ts';

const SQLITE_BUSY = 5;
/** A connection that is garbage-collected closes and drops its lock; a holder that forgot to release keeps it. */
const held = new Set<DatabaseSync>();

/**
 * Releases the lock; `undefined`: somebody has it. Never waits, since SQLite would block the event loop.
 * @throws Error (the file cannot be made, or cannot be locked)
 */
export function tryLock(path: string): (() => void) | undefined {
  make(path);
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    // No journal file: there is nothing to roll back after a crash, and on a full disk the lock must still be had.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN IMMEDIATE');
  } catch (error) {
    database.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
  held.add(database);
  return () => {
    held.delete(database);
    // Closing rolls back the empty transaction, and with it goes the lock.
    database.close();
  };
}

/**
 * Made here, since SQLite does not say why it cannot make it. Never opened when it is there: POSIX drops all locks that a
 * process has on a file as soon as it closes any descriptor of it (sqlite.org/howtocorrupt.html, 2.2).
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
  // The low byte is the primary code; the rest says how it came about.
  return error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === SQLITE_BUSY;
}
