/**
 * Puts one write into a collection's log, under the next number. However many requests and responses are lost or
 * repeated on the way, the write is in the log exactly once, and every write that begins later comes after it (ADR 46).
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

/** Consecutive lost races and failures; each wait is longer than the one before. */
const ATTEMPTS = 8;
/** Failures that may not recur. */
const PASSING = [StoreUnavailableError, TableUnavailableError, ConditionalRequestConflictError];
/** The object that held the key is gone again: its number was decided in between. */
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
   * Callers must make one call at a time.
   * @param body Bytes that no other write has.
   * @returns its number, once it is durable, and once it is certain that nothing else was decided under that number
   * @throws StoreUnavailableError (it is unknown whether the write is or will be in the log), TableUnavailableError
   * (the same), CollectionNotFoundError, and those of the pointer
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
        // A rival took this number, and perhaps later ones: one listing skips all numbers that are taken by now.
        this.#last = await this.#retried(() => findEnd(this.#ports, this.#collection, number));
      }
      if (lost > ATTEMPTS) await this.#ports.clock.sleep(jitteredWaitMs(lost - ATTEMPTS, this.#ports.ids.random()));
    }
  }

  async #find(): Promise<number> {
    this.#last = await findEnd(this.#ports, this.#collection, await this.#mark.read());
    return this.#last;
  }

  /** @returns false: another write has this key */
  async #put(key: string, body: Uint8Array, digest: string): Promise<boolean> {
    return this.#retried(async () => {
      try {
        await createOnce(this.#ports, key, body, digest, 1);
        return true;
      } catch (error) {
        if (error instanceof KeyCollisionError) return false;
        // The object under this key, ours or another's, was decided in between: the PUT is retried, and its outcome
        // judged like any other.
        throw isGone(error) ? this.#inDoubt(key, error) : error;
      }
    });
  }

  /**
   * The number was decided before our object was there, so nothing will ever apply our object. If it cannot be deleted
   * here, the next execution that settles finds and reports it.
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
