/** Backoff arithmetic: exponential with full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"). */

/** Parameters of one ASL Retry block. */
export interface RetryPolicy {
  IntervalSeconds?: number;
  MaxAttempts?: number;
  BackoffRate?: number;
  MaxDelaySeconds?: number;
}

/** Seconds to wait before attempt number `attempt` (from 1): uniform in 1..min(cap, 2^attempt), whole seconds. */
export function backoffSeconds(attempt: number, random: number, capSeconds: number): number {
  const ceiling = Math.min(capSeconds, 2 ** Math.min(attempt, 30));
  return 1 + Math.floor(random * ceiling);
}

/** Longest total wait of a Retry block, in seconds: what it comes to without jitter. ASL defaults: 1 s, 3 attempts, x 2. */
export function totalWaitSeconds(policy: RetryPolicy): number {
  const { IntervalSeconds = 1, MaxAttempts = 3, BackoffRate = 2, MaxDelaySeconds = Number.POSITIVE_INFINITY } = policy;
  let total = 0;
  for (let attempt = 0; attempt < MaxAttempts; attempt++) {
    total += Math.min(MaxDelaySeconds, IntervalSeconds * BackoffRate ** attempt);
  }
  return total;
}
