/**
 * The two times by which one look at a collection is whole without a second one at its pointer (ADR 60). A delta is in
 * neither the listing nor the version beside it only if a commit took it after the pointer was read, and it was deleted
 * before the listing ended. So whoever deletes decided deltas lets a while pass after the commit, and a look that took
 * less than that cannot have met both.
 */

/** From when an execution knows that a delta is decided until it may delete it, in milliseconds by its own clock. */
export const SETTLE_AFTER_MS = 150;

/**
 * Longest look that needs no later one at the pointer, from before its first request until after its last answer, in
 * milliseconds by the reader's clock.
 */
export const LOOK_WITHIN_MS = 50;

/** Milliseconds by a monotonic clock, both. @param knownAt When it was known that all that is to be deleted is decided. */
export function msUntilDeletion(knownAt: number, now: number): number {
  return Math.max(0, knownAt + SETTLE_AFTER_MS - now);
}

/** Milliseconds by a monotonic clock, both. */
export function isWholeAtOnce(began: number, ended: number): boolean {
  return ended - began <= LOOK_WITHIN_MS;
}
