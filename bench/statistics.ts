/** Order statistics of small samples. */

/**
 * The smallest value that at least `fraction` of all values do not exceed (nearest rank): always a value that was
 * measured, so that p99 of fewer than 100 values is the largest. NaN for no values.
 */
export function percentile(values: readonly number[], fraction: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}
