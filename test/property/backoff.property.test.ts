/** Laws of waiting: never longer than promised, never shorter than a second. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffSeconds, type RetryPolicy, totalWaitSeconds } from '../../lambdas/protocol/backoff.ts';
import { MAX_BACKOFF_SECONDS, RETRY_TOTAL_SECONDS } from '../../statemachine/contract.ts';

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const cap = fc.integer({ min: 1, max: 1_000 });
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
  const examples: Array<[string, RetryPolicy, number]> = [
    ['ASL defaults: 1 + 2 + 4', {}, 7],
    ['no attempts', { MaxAttempts: 0 }, 0],
    ['a constant interval', { IntervalSeconds: 3, MaxAttempts: 4, BackoffRate: 1 }, 12],
    ['a fractional rate: 2 + 3 + 4.5', { IntervalSeconds: 2, BackoffRate: 1.5 }, 9.5],
    [
      'the lock is held',
      { IntervalSeconds: 1, BackoffRate: 2, MaxDelaySeconds: 20, MaxAttempts: 40 },
      RETRY_TOTAL_SECONDS.lockHeld,
    ],
    [
      'a Lambda service exception',
      { IntervalSeconds: 2, BackoffRate: 2, MaxDelaySeconds: 60, MaxAttempts: 6 },
      RETRY_TOTAL_SECONDS.lambdaService,
    ],
    [
      'store or table unavailable',
      { IntervalSeconds: 1, BackoffRate: 2, MaxDelaySeconds: 15, MaxAttempts: 5 },
      RETRY_TOTAL_SECONDS.unavailable,
    ],
    ['a call hung', { IntervalSeconds: 1, BackoffRate: 2, MaxAttempts: 2 }, RETRY_TOTAL_SECONDS.hung],
  ];

  it.each(examples)('is the sum of its waits: %s', (_what, policy, seconds) => {
    expect(totalWaitSeconds(policy)).toBe(seconds);
  });

  it('for the lock outlasts the longest lock duration of 5 minutes, even at the mean of full jitter', () => {
    expect(RETRY_TOTAL_SECONDS.lockHeld / 2).toBeGreaterThan(5 * 60);
  });

  it('is never more than every attempt at the longest delay', () => {
    const policy = fc.record({
      IntervalSeconds: fc.integer({ min: 1, max: 100 }),
      MaxAttempts: fc.nat(40),
      BackoffRate: fc.double({ min: 1, max: 4, noNaN: true }),
      MaxDelaySeconds: fc.integer({ min: 1, max: 100 }),
    });
    fc.assert(
      fc.property(policy, (policy) => {
        expect(totalWaitSeconds(policy)).toBeLessThanOrEqual(policy.MaxAttempts * policy.MaxDelaySeconds);
      }),
    );
  });
});
