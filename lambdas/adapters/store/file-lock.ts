/**
 * Locks that can be waited for, built on those that the kernel releases when their holder dies (`files/try-lock.ts`).
 */
import { channel } from 'node:diagnostics_channel';
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreUnavailableError } from '../../errors/errors.ts';
import { sha256 } from '../../snapshot/blocks.ts';
import { tryLock } from '../files/try-lock.ts';

const MAX_WAIT_MS = 20;
const PATIENCE_MS = 30_000;
/** Shorter waits are normal: locks are held for milliseconds. */
const QUIET_MS = 2_000;

/** Called with a message once a wait is long, for commands to show to their users. */
export const lockWaits = channel('chroma-compactor:lock-wait');

/** Enough for hundreds of concurrent deletes to collide seldom, and still few files. */
const LOCKS = 32;

/** One lock per key, which some keys share: every comparison and change concerns a single object. */
export class KeyLocks {
  readonly #locks: FileLock[];

  /** @param path of the lock files, to which a number is appended */
  constructor(path: (number: number) => string) {
    this.#locks = Array.from({ length: LOCKS }, (_, number) => new FileLock(path(number)));
  }

  /** Run `task` while holding the key. @throws StoreUnavailableError (`task` was not run) */
  run<T>(key: string, task: () => Promise<T>): Promise<T> {
    return (this.#locks[lockNumber(key)] as FileLock).run(task);
  }
}

/** Must be the same in every process. */
export function lockNumber(key: string): number {
  return Number.parseInt(sha256(key).slice(0, 8), 16) % LOCKS;
}

/**
 * Mutual exclusion between processes. Callers in one process queue here, so that only one of them competes for the
 * lock.
 */
export class FileLock {
  readonly #path: string;
  #last: Promise<unknown> = Promise.resolve();

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Run `task` while holding the lock. @throws StoreUnavailableError (the lock could not be acquired; `task` was not
   * run)
   */
  run<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(() => this.#locked(task));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  async #locked<T>(task: () => Promise<T>): Promise<T> {
    const release = await this.#acquire();
    try {
      return await task();
    } finally {
      release();
    }
  }

  async #acquire(): Promise<() => void> {
    const started = performance.now();
    let isTold = false;
    for (let wait = 1; ; wait = Math.min(wait * 2, MAX_WAIT_MS)) {
      const release = this.#try();
      if (release !== undefined) return release;
      const waited = performance.now() - started;
      if (waited > QUIET_MS && !isTold) {
        isTold = true;
        lockWaits.publish(`another process holds "${this.#path}"; see which by \`fuser\``);
      }
      if (waited > PATIENCE_MS) {
        throw new StoreUnavailableError(
          `Another process has held "${this.#path}" for ${PATIENCE_MS / 1000} s. Find it (\`fuser\`), stop it if it hangs, and retry.`,
        );
      }
      await sleep(wait * Math.random());
    }
  }

  #try(): (() => void) | undefined {
    try {
      return tryLock(this.#path);
    } catch (cause) {
      throw new StoreUnavailableError(`"${this.#path}" cannot be locked. Check that its folder is writable.`, {
        cause,
      });
    }
  }
}
