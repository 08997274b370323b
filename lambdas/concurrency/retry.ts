/** Retries within a step, with short waits only. Longer waits belong to the state machine, where they cost nothing. */
import type { Ports } from '../ports.ts';

const FIRST_WAIT_MS = 100;
const MAX_WAIT_MS = 1_000;

/**
 * Run `task` until it gives a result, with full jitter between the attempts.
 * @param isTransient Which of its failures are retried.
 * @throws what the last attempt throws, or the first failure that is not transient
 */
export async function retry<Result>(
  { clock, ids }: Pick<Ports, 'clock' | 'ids'>,
  attempts: number,
  task: (attempt: number) => Promise<Result>,
  isTransient: (error: unknown) => boolean,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await task(attempt);
    } catch (error) {
      if (attempt >= attempts || !isTransient(error)) throw error;
    }
    await clock.sleep(jitteredWaitMs(attempt, ids.random()));
  }
}

/** Full jitter over 100 ms, doubled per attempt (from 1), at most 1 s. */
export function jitteredWaitMs(attempt: number, random: number): number {
  return Math.ceil(random * Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempt - 1)));
}
