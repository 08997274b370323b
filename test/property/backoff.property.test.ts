/** Laws of waiting: never longer than promised, never shorter than a second. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  backoffSeconds,
  delaysOf,
  expectedTotalSeconds,
  type RetryPolicy,
  worstTotalSeconds,
} from '../../lambdas/protocol/backoff.ts';
import { retryDelaySeconds } from '../../local/sfn/task.ts';
import { MAX_BACKOFF_SECONDS } from '../../statemachine/contract.ts';
import { POLICIES } from '../../statemachine/retriers.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { shortfallBound } from '../support/shortfall-bound.ts';

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const cap = fc.integer({ min: 1, max: 1_000 });
const FULL = 'FULL' as const;
const policy = fc.record({
  IntervalSeconds: fc.integer({ min: 1, max: 100 }),
  MaxAttempts: fc.nat(40),
  BackoffRate: fc.double({ min: 1, max: 4, noNaN: true }),
  MaxDelaySeconds: fc.integer({ min: 1, max: 100 }),
});
const attempt = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 1_000_000 }));

describe('backoff', () => {
  it('is a whole number of seconds, at least one, within the cap and within 2^attempt', () => {
    fc.assert(
      fc.property(attempt, random, cap, (attempt, random, cap) => {
        const seconds = backoffSeconds(attempt, random, cap);
        expect(Number.isInteger(seconds)).toBe(true);
        expect(seconds).toBeGreaterThanOrEqual(1);
        expect(seconds).toBeLessThanOrEqual(Math.min(cap, 2 ** attempt));
      }),
    );
  });

  it('has full jitter: both ends of the range are drawn', () => {
    fc.assert(
      fc.property(attempt, cap, (attempt, cap) => {
        expect(backoffSeconds(attempt, 0, cap)).toBe(1);
        expect(backoffSeconds(attempt, 1 - Number.EPSILON, cap)).toBe(Math.min(cap, 2 ** attempt));
      }),
    );
  });

  it('never gets shorter with more attempts, for the same draw', () => {
    fc.assert(
      fc.property(attempt, random, cap, (attempt, random, cap) => {
        expect(backoffSeconds(attempt + 1, random, cap)).toBeGreaterThanOrEqual(backoffSeconds(attempt, random, cap));
      }),
    );
  });

  it('of a rebase reaches at most the longest wait that the state machine promises', () => {
    const longest = [1, 2, 3, 4, 5, 20].map((attempt) => backoffSeconds(attempt, 0.999, MAX_BACKOFF_SECONDS));
    expect(longest).toEqual([2, 4, 8, 16, 20, 20]);
  });
});

describe('the total wait of a Retry block', () => {
  const examples: Array<[string, RetryPolicy, number, number]> = [
    ['ASL defaults: 1 + 2 + 4', {}, 7, 7],
    ['with full jitter, half of it', { JitterStrategy: 'FULL' }, 3.5, 7],
    ['no attempts', { MaxAttempts: 0 }, 0, 0],
    ['a constant interval', { IntervalSeconds: 3, MaxAttempts: 4, BackoffRate: 1 }, 12, 12],
    ['a fractional rate: 2 + 3 + 4.5', { IntervalSeconds: 2, BackoffRate: 1.5, JitterStrategy: 'NONE' }, 9.5, 9.5],
    ['the lock is held: 1, 2, 4, 8, 16, then 30 x 40', POLICIES.lockHeld, 615.5, 1_231],
    ['Lambda is in trouble: 2, 4, 8, 16, 32, 60', POLICIES.lambdaTrouble, 61, 122],
    ['a function is not ready: 60 x 10', POLICIES.notReady, 600, 600],
    ['store or table unavailable: 1, 2, 4, 8, 15', POLICIES.unavailable, 15, 30],
    ['a call hung: 1, 2', POLICIES.hung, 1.5, 3],
  ];

  it.each(examples)('is the sum of its waits: %s', (_what, policy, expected, worst) => {
    expect([expectedTotalSeconds(policy), worstTotalSeconds(policy)]).toEqual([expected, worst]);
  });

  it('is never more than every attempt at the longest delay', () => {
    fc.assert(
      fc.property(policy, (policy) => {
        expect(worstTotalSeconds(policy)).toBeLessThanOrEqual(policy.MaxAttempts * policy.MaxDelaySeconds);
        expect(expectedTotalSeconds(policy)).toBeLessThanOrEqual(worstTotalSeconds(policy));
      }),
    );
  });
});

describe('the bound on a wait that falls short', () => {
  const share = fc.double({ min: 0.01, max: 0.99, noNaN: true });
  const jittered = policy.map((drawn) => ({ ...drawn, MaxAttempts: 1 + drawn.MaxAttempts, JitterStrategy: FULL }));

  it('is never below what sampling finds, as far as the sample can tell', () => {
    const SAMPLES = 20_000;
    // Hoeffding: the sample's share exceeds the probability by more than this with a chance of 1e-9.
    const slack = Math.sqrt(Math.log(1e9) / (2 * SAMPLES));
    fc.assert(
      fc.property(jittered, share, fc.integer(), (policy, share, seed) => {
        const seconds = share * worstTotalSeconds(policy);
        const random = seededRandom(seed);
        const delays = delaysOf(policy);
        const total = () => delays.reduce((sum, delay) => sum + delay * random(), 0);

        const short = Array.from({ length: SAMPLES }, total).filter((waited) => waited < seconds).length;

        expect(short / SAMPLES).toBeLessThanOrEqual(shortfallBound(policy, seconds) + slack);
      }),
      { seed: 12, numRuns: 40 },
    );
  });

  it('is never below the exact probability where that is known: n equal waits, short of the first', () => {
    // Irwin-Hall: x^n / n! for x <= 1. Chernoff loses no more than a factor of about sqrt(2 pi n) to it.
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 300 }), share, (n, delay, x) => {
        const policy = { IntervalSeconds: delay, BackoffRate: 1, MaxAttempts: n, JitterStrategy: FULL };
        const logExact = n * Math.log(x) - Array.from({ length: n }, (_, i) => Math.log(i + 1)).reduce((a, b) => a + b);

        const logBound = Math.log(shortfallBound(policy, x * delay));

        expect(logBound).toBeGreaterThanOrEqual(logExact - 1e-9);
        expect(logBound).toBeLessThanOrEqual(logExact + Math.log(3 * Math.sqrt(2 * Math.PI * n)));
      }),
    );
  });

  it('is a probability that rises with the time, says nothing beyond the mean, and something below it', () => {
    fc.assert(
      fc.property(jittered, share, share, (policy, a, b) => {
        const mean = expectedTotalSeconds(policy);
        const [less = 0, more = 0] = [a * mean, b * mean].sort((one, other) => one - other);

        const [low, high] = [shortfallBound(policy, less), shortfallBound(policy, more)];

        expect(low).toBeGreaterThan(0);
        expect(low).toBeLessThanOrEqual(high + 1e-12);
        expect(high).toBeLessThan(1);
        expect(shortfallBound(policy, mean * 1.01)).toBeCloseTo(1, 12);
        expect(shortfallBound(policy, 0)).toBe(0);
      }),
    );
  });

  it('is about the waits that the local interpreter draws', () => {
    fc.assert(
      fc.property(jittered, random, (policy, random) => {
        const drawn = delaysOf(policy).map((_, retry) => retryDelaySeconds(asRetrier(policy), retry, () => random));

        expect(drawn).toEqual(delaysOf(policy).map((delay) => delay * random));
      }),
    );
  });

  it('is certain without jitter', () => {
    expect([599, 600, 601].map((seconds) => shortfallBound(POLICIES.notReady, seconds))).toEqual([0, 0, 1]);
  });
});

function asRetrier(policy: RetryPolicy) {
  return { ErrorEquals: ['Any'], ...policy };
}
