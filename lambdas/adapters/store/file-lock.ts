/** Locks between processes that the kernel releases when their holder dies, however it dies. */
import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreUnavailableError } from '../../protocol/errors.ts';
import { sha256 } from '../../snapshot/blocks.ts';

const SQLITE_BUSY = 5;
const MAX_WAIT_MS = 20;
const PATIENCE_MS = 30_000;

/** Enough that those who delete hundreds of objects at once seldom meet, and few files to keep. */
const LOCKS = 32;

/** One lock per key, but that some keys share one: what is compared and changed is always one object. */
export class KeyLocks {
  readonly #locks: FileLock[];

  /** @param path of the locks' files, completed by a number */
  constructor(path: (number: number) => string) {
    this.#locks = Array.from({ length: LOCKS }, (_, number) => new FileLock(path(number)));
  }

  /** Run `task` while nobody else has the key. @throws StoreUnavailableError (`task` was not run) */
  run<T>(key: string, task: () => Promise<T>): Promise<T> {
    return (this.#locks[lockNumber(key)] as FileLock).run(task);
  }
}

/** The same in every process. */
export function lockNumber(key: string): number {
  return Number.parseInt(sha256(key).slice(0, 8), 16) % LOCKS;
}

/**
 * Mutual exclusion by the write lock of an SQLite database in which nothing is ever written: Node has no `flock`, and
 * SQLite's lock works on every system alike. Callers in one process queue here, so that only one of them competes.
 */
export class FileLock {
  readonly #path: string;
  #last: Promise<unknown> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  /** Run `task` alone. @throws StoreUnavailableError (the lock could not be had; `task` was not run) */
  run<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(() => this.#locked(task));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #locked<T>(task: () => Promise<T>): Promise<T> {
    const database = await this.#acquire();
    try {
      return await task();
    } finally {
      // Closing rolls back the empty transaction, and with it goes the lock.
      database.close();
    }
  }

  async #acquire(): Promise<DatabaseSync> {
    const deadline = performance.now() + PATIENCE_MS;
    // Loaded here because a Lambda on S3 never needs it.
    const { DatabaseSync } = await import('node:sqlite');
    for (let wait = 1; ; wait = Math.min(wait * 2, MAX_WAIT_MS)) {
      const database = tryLock(DatabaseSync, this.#path);
      if (database !== undefined) return database;
      if (performance.now() > deadline) {
        throw new StoreUnavailableError(
          `Another process has held "${this.#path}" for ${PATIENCE_MS / 1000} s. Find it (\`fuser\`), stop it if it hangs, and retry.`,
        );
      }
      await sleep(wait * Math.random());
    }
  }
}

/** `undefined`: another process holds it. Never waits, since SQLite would block the event loop. */
function tryLock(Database: typeof DatabaseSync, path: string): DatabaseSync | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new Database(path, { timeout: 0 });
    // No journal file: there is nothing to roll back after a crash.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN IMMEDIATE');
    return database;
  } catch (cause) {
    database?.close();
    if (isBusy(cause)) return undefined;
    throw new StoreUnavailableError(`"${path}" cannot be locked. Check that its folder is writable.`, { cause });
  }
}

function isBusy(error: unknown): boolean {
  // The low byte is the primary code; the rest says how it came about.
  return error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === SQLITE_BUSY;
}
