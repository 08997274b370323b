/** Time that passes only when everybody waits. */
import type { Clock } from '../../lambdas/ports.ts';
import type { Time } from '../../local/sfn/time.ts';

interface Timer {
  at: number;
  fire: () => void;
  /** Periodic tasks alone do not make time pass. */
  isPeriodic: boolean;
}

/** Virtual time: it jumps to the next timer once nothing but timers is left to wait for. */
export class VirtualClock implements Clock {
  #now = Date.parse('2026-01-01T00:00:00Z');
  #timers: Timer[] = [];
  #isPumping = false;
  /** The same time for the interpreter. */
  readonly time: Time = { now: () => this.now(), sleep: (ms, signal) => this.#sleep(ms, signal) };

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  async sleep(ms: number): Promise<void> {
    await this.#sleep(ms);
  }

  every(ms: number, task: () => Promise<void>): () => void {
    let stop = () => {};
    const arm = () => {
      stop = this.#add(ms, true, () => {
        arm();
        // A failing beat is tried again at the next one, as `SystemClock` has it.
        task().catch(() => {});
      });
    };
    arm();
    return () => stop();
  }

  /** Let time pass, and everything happen that happens meanwhile. */
  async advance(ms: number): Promise<void> {
    await this.#sleep(ms);
  }

  /** Resolves when nobody waits for time any more: zombies included. */
  async idle(): Promise<void> {
    do await new Promise((resolve) => setImmediate(resolve));
    while (this.#timers.some((timer) => !timer.isPeriodic));
  }

  #sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#add(ms, false, resolve);
      signal?.addEventListener('abort', cancel, { once: true });
      if (signal?.aborted === true) cancel();
    });
  }

  #add(ms: number, isPeriodic: boolean, fire: () => void): () => void {
    // Whole milliseconds, as every wall clock gives them.
    const timer = { at: this.#now + Math.ceil(ms), fire, isPeriodic };
    const later = this.#timers.findIndex(({ at }) => at > timer.at);
    this.#timers.splice(later === -1 ? this.#timers.length : later, 0, timer);
    this.#pump();
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** An immediate runs when all promises have settled that can: everything here is made of promises and timers alone. */
  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    setImmediate(() => {
      this.#isPumping = false;
      if (!this.#timers.some((timer) => !timer.isPeriodic)) return;
      const next = this.#timers.shift();
      if (next === undefined) return;
      this.#now = next.at;
      next.fire();
      this.#pump();
    });
  }
}
