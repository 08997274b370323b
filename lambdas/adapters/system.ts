/** The operating system's clock and randomness. */
import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicFactory } from 'ulid';
import type { Clock, Ids } from '../ports.ts';

export class SystemClock implements Clock {
  readonly #onFailure: (error: unknown) => void;

  /** @param onFailure Called for every failed periodic task. */
  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
  }

  async sleep(ms: number): Promise<void> {
    await sleep(ms);
  }

  every(ms: number, task: () => Promise<void>): () => void {
    let running = false;
    const timer = setInterval(() => {
      if (running) return;
      running = true;
      task()
        .catch(this.#onFailure)
        .finally(() => {
          running = false;
        });
    }, ms);
    timer.unref();
    return () => clearInterval(timer);
  }
}

export class SystemIds implements Ids {
  readonly #ulid = monotonicFactory();

  ulid(): string {
    return this.#ulid();
  }

  random(): number {
    return Math.random();
  }
}
