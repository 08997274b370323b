/**
 * Puts one write into a collection's log, under the next number, so that it is there once, whatever is lost or repeated on
 * the way, and so that every write that begins later comes behind it (ADR 46).
 */
import { jitteredWaitMs, retry } from '../concurrency/retry.ts';
import {
  ConditionalRequestConflictError,
  KeyCollisionError,
  ObjectNotFoundError,
  PreconditionFailedError,
  StoreUnavailableError,
  TableUnavailableError,
} from '../errors/errors.ts';
import { createOnce } from '../objects/create-once.ts';
import { hashObject } from '../objects/hash-object.ts';
import type { Ports } from '../ports.ts';
import { sha256 } from '../snapshot/blocks.ts';
import { deltaKey } from '../snapshot/keys.ts';
import { numberedId } from '../snapshot/log-number.ts';
import { DecidedMark } from './decided-mark.ts';
import { findEnd } from './log-end.ts';

/** Lost races and failures in a row; each waits longer than the one before. */
const ATTEMPTS = 8;
/** A failure that may pass. */
const PASSING = [StoreUnavailableError, TableUnavailableError, ConditionalRequestConflictError];
/** What was there when the key was written is gone by now: it was decided in between. */
const GONE = [ObjectNotFoundError, PreconditionFailedError];
const isPassing = (error: unknown) => PASSING.some((kind) => error instanceof kind);
const isGone = (error: unknown) => GONE.some((kind) => error instanceof kind);

export type LogPorts = Pick<Ports, 'store' | 'statuses' | 'clock' | 'ids'>;

export class LogEnd {
  readonly #ports: LogPorts;
  readonly #collection: string;
  readonly #mark: DecidedMark;
  /** The highest number that is known to be taken; all below it are. */
  #last: number | undefined;

  constructor(ports: LogPorts, collection: string) {
    this.#ports = ports;
    this.#collection = collection;
    this.#mark = new DecidedMark(ports, collection);
  }

  /**
   * One call at a time.
   * @param body No other write has these bytes.
   * @returns its number, once it is durable, and it is certain that nothing else was decided under it
   * @throws StoreUnavailableError (nobody knows whether it is or will be there), TableUnavailableError (the same),
   * CollectionNotFoundError, and those of the pointer
   */
  async place(body: Uint8Array): Promise<number> {
    const digest = sha256(body);
    for (let lost = 1; ; lost++) {
      const number = (this.#last ?? (await this.#retried(() => this.#find()))) + 1;
      const key = deltaKey(this.#collection, numberedId(number));
      if (await this.#put(key, body, digest)) {
        const verdict = await this.#retried(() => this.#mark.judge(number, digest));
        if (verdict === 'unknown') {
          this.#last = undefined;
          throw this.#inDoubt(key);
        }
        this.#last = Math.max(this.#last ?? 0, number);
        if (verdict !== 'other') return number;
        await this.#takeBack(key, digest);
        this.#last = Math.max(this.#last, await this.#retried(() => this.#mark.read()));
      } else {
        // A rival has it, and maybe more: whatever came behind it by now is passed over in one look.
        this.#last = await this.#retried(() => findEnd(this.#ports, this.#collection, number));
      }
      if (lost > ATTEMPTS) await this.#ports.clock.sleep(jitteredWaitMs(lost - ATTEMPTS, this.#ports.ids.random()));
    }
  }

  async #find(): Promise<number> {
    this.#last = await findEnd(this.#ports, this.#collection, await this.#mark.read());
    return this.#last;
  }

  /** False: another write has this key. */
  async #put(key: string, body: Uint8Array, digest: string): Promise<boolean> {
    return this.#retried(async () => {
      try {
        await createOnce(this.#ports, key, body, digest, 1);
        return true;
      } catch (error) {
        if (error instanceof KeyCollisionError) return false;
        // Decided in between, ours or another's: written once more, it is judged like any other.
        throw isGone(error) ? this.#inDoubt(key, error) : error;
      }
    });
  }

  /**
   * The number had been decided before we came: what we put there is applied by nobody. If it stays, it is found and
   * reported by whoever settles next.
   */
  async #takeBack(key: string, digest: string): Promise<void> {
    const { store } = this.#ports;
    try {
      const found = await store.head(key);
      if ((found.sha256 ?? (await hashObject({ store }, found))) === digest) await store.deleteIfMatch(key, found.etag);
    } catch (error) {
      if (!isPassing(error) && !isGone(error)) throw error;
    }
  }

  #retried<Result>(task: () => Promise<Result>): Promise<Result> {
    return retry(this.#ports, ATTEMPTS, task, isPassing);
  }

  #inDoubt(key: string, cause?: unknown): StoreUnavailableError {
    const message = `Nobody can say whether the write at "${key}" is in the log. It is not acknowledged; send it again.`;
    return new StoreUnavailableError(message, { cause });
  }
}
