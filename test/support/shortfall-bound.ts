import { delaysOf, type RetryPolicy, worstTotalSeconds } from '../../lambdas/protocol/backoff.ts';

/**
 * Upper bound on the probability that the total wait of a Retry block stays below `seconds`. Without jitter it is exact.
 *
 * With full jitter the total is a sum of independent uniforms on [0, d], and the Chernoff bound of its lower tail is the
 * least exp(θ s) Π (1 - exp(-θ d)) / (θ d) over θ > 0 (Chernoff, "A Measure of Asymptotic Efficiency for Tests of a
 * Hypothesis Based on the Sum of Observations", 1952; Boucheron, Lugosi and Massart, "Concentration Inequalities", 2.2).
 * Its logarithm is convex in θ, and rises from θ = n / s at the latest.
 * @returns a probability, 0 to 1
 */
export function shortfallBound(policy: RetryPolicy, seconds: number): number {
  if (seconds <= 0) return 0;
  if (policy.JitterStrategy !== 'FULL') return worstTotalSeconds(policy) < seconds ? 1 : 0;
  const delays = delaysOf(policy);
  const exponent = (theta: number) =>
    theta * seconds + delays.reduce((sum, delay) => sum + logMeanExp(theta * delay), 0);
  let low = 0;
  let high = delays.length / seconds;
  // Each step keeps two thirds: what is left is far below the precision of a double.
  for (let step = 0; step < 200; step++) {
    const third = (high - low) / 3;
    if (exponent(low + third) < exponent(high - third)) high -= third;
    else low += third;
  }
  return Math.min(1, Math.exp(exponent((low + high) / 2)));
}

/** log E[exp(-x U)] for U uniform on [0, 1]. */
function logMeanExp(x: number): number {
  return x === 0 ? 0 : Math.log(-Math.expm1(-x) / x);
}
