/** A link that concurrent transfers share, and the time that it works by. */
import { setTimeout as delay } from 'node:timers/promises';

/** Milliseconds since any fixed moment. */
export interface Timer {
  now(): number;
  /** Resolves at `at`, or at once when that has passed. */
  until(at: number): Promise<void>;
}

export const realTimer: Timer = {
  now: () => performance.now(),
  until: async (at) => {
    const ms = at - performance.now();
    if (ms > 0) await delay(ms);
  },
};

/** How much one transfer takes of the link before another one gets its turn. */
const PIECE = 1024 * 1024;

export class Link {
  readonly #bytesPerMs: number;
  readonly #timer: Timer;
  #freeAt = Number.NEGATIVE_INFINITY;

  constructor(bytesPerSecond: number, timer: Timer) {
    this.#bytesPerMs = bytesPerSecond / 1_000;
    this.#timer = timer;
  }

  /**
   * Move bytes that are ready to go at `from`, piece by piece in turn with all other transfers. Resolves with the moment
   * at which the last byte is across: by the model, so that a timer which fires late delays nothing that follows.
   */
  async transfer(bytes: number, from: number): Promise<number> {
    let ready = from;
    for (let left = bytes; left > 0; left -= PIECE) {
      const start = Math.max(ready, this.#freeAt);
      ready = start + Math.min(left, PIECE) / this.#bytesPerMs;
      this.#freeAt = ready;
      await this.#timer.until(ready);
    }
    return ready;
  }
}
