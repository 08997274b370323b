import { setTimeout as delay } from 'node:timers/promises';
import type { Json } from './definition.ts';

/** Why the interpreter waits. */
export type SleepReason = 'wait' | 'retry' | 'task-timeout' | 'execution-timeout';

/**
 * Where the interpreter gets its time from. Tests and the simulation pass their own: waits, retries, timeouts and
 * timestamps use no other clock.
 */
export interface Time {
  /** Milliseconds since the epoch. */
  now(): number;
  /**
   * Resolves after `ms`. Once the signal is aborted, the promise is no longer awaited: how it settles, or whether it
   * does, makes no difference.
   */
  sleep(ms: number, signal: AbortSignal, reason: SleepReason): Promise<void>;
}

/** Longest delay of a Node.js timer, about 24.8 days; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Real time. A wait ends with its signal, so no timer keeps the process alive. */
export const systemTime: Time = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    await delay(Math.min(ms, LONGEST_TIMER_MS), undefined, { signal });
  },
};

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** A timestamp of the states language in milliseconds since the epoch; `undefined` for everything else. */
export function instantOf(value: Json | undefined): number | undefined {
  const instant = typeof value === 'string' && TIMESTAMP.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(instant) ? undefined : instant;
}

/**
 * `promise`, unless the signal aborts first: then rejects with the signal's reason, and the result of `promise` is
 * ignored.
 */
export function interruptible<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
