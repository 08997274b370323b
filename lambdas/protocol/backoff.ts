/**
 * Backoff arithmetic: exponential with full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"), and the
 * total waits of an ASL retrier. AWS documents FULL jitter as a delay drawn between zero and the one computed (Step
 * Functions, "Error handling", `JitterStrategy`): taken as uniform, it halves the waits on average.
 */

/** Parameters of one ASL Retry block. */
export interface RetryPolicy {
  IntervalSeconds?: number;
  MaxAttempts?: number;
  BackoffRate?: number;
  MaxDelaySeconds?: number;
  JitterStrategy?: 'FULL' | 'NONE';
}

/** Seconds to wait before attempt number `attempt` (from 1): uniform in 1..min(cap, 2^attempt), whole seconds. */
export function backoffSeconds(attempt: number, random: number, capSeconds: number): number {
  const ceiling = Math.min(capSeconds, 2 ** Math.min(attempt, 30));
  return 1 + Math.floor(random * ceiling);
}

/** Seconds before each retry, before jitter. ASL defaults: 1 s, 3 attempts, x 2. */
export function delaysOf(policy: RetryPolicy): number[] {
  const { IntervalSeconds = 1, MaxAttempts = 3, BackoffRate = 2, MaxDelaySeconds = Number.POSITIVE_INFINITY } = policy;
  return Array.from({ length: MaxAttempts }, (_, retry) =>
    Math.min(MaxDelaySeconds, IntervalSeconds * BackoffRate ** retry),
  );
}

/** Longest total wait of a Retry block, in seconds. Jitter can only shorten it. */
export function worstTotalSeconds(policy: RetryPolicy): number {
  return delaysOf(policy).reduce((total, delay) => total + delay, 0);
}

/** Mean of the total wait of a Retry block, in seconds, with the jitter that it asks for. */
export function expectedTotalSeconds(policy: RetryPolicy): number {
  return policy.JitterStrategy === 'FULL' ? worstTotalSeconds(policy) / 2 : worstTotalSeconds(policy);
}
