/**
 * Judges the outcome of a swap. A conditional write that lands and loses its response looks like a conflict to its own
 * retry; a compactor that then cleans up deletes live data (Lance #8123, Iceberg #7151). So no execution concludes that
 * it lost before it has looked for its own commit, and an unproven outcome stays unknown.
 */

/** What the execution planned to replace, and by what. */
export interface PlannedSwap {
  baseVersion: number;
  baseEtag: string;
  commitId: string;
}

/** The pointer as it is now, and which commit made version base + 1 according to its ancestry. */
export interface ObservedPointer {
  version: number;
  etag: string;
  /** `none`: the pointer is still at the base version. `unknown`: the walk ended before it got there. */
  successor: { commitId: string } | 'none' | 'unknown';
}

/**
 * - `committed`: our commit is in the ancestry.
 * - `open`: the pointer is still the planned one; the swap may be retried, or may still land.
 * - `conflict`: proven lost, since the pointer's ETag has changed and base + 1 is not ours: `If-Match` fails for ever.
 * - `unknown`: nothing may be discarded.
 */
export type SwapOutcome = 'committed' | 'open' | 'conflict' | 'unknown';

export function judgeSwap(planned: PlannedSwap, observed: ObservedPointer): SwapOutcome {
  if (observed.etag === planned.baseEtag) return 'open';
  if (observed.successor === 'unknown') return 'unknown';
  // A fence rewrites the pointer without a commit: the ETag is gone, and there is no version base + 1.
  if (observed.successor === 'none') return 'conflict';
  return observed.successor.commitId === planned.commitId ? 'committed' : 'conflict';
}
