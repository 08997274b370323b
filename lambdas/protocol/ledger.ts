/**
 * The ledger: which deltas a snapshot already contains although their inbox object or status may not be settled yet. It
 * ensures that a delta takes effect exactly once, however often it is delivered, retried or redriven.
 */
import type { DeltaStatus, LedgerEntry } from '../snapshot/ledger.ts';

/**
 * Ledger of the next commit: the base's entries that are not settled, then the new ones.
 * An entry is settled, and only then removed, when its inbox object is absent **and** its status is present; both
 * must have been observed after the base's pointer was read.
 */
export function nextLedger(
  base: readonly LedgerEntry[],
  inbox: ReadonlySet<string>,
  statuses: ReadonlyMap<string, DeltaStatus>,
  applied: readonly LedgerEntry[],
): LedgerEntry[] {
  const kept = base.filter((entry) => inbox.has(entry.deltaId) || !statuses.has(entry.deltaId));
  return [...kept, ...applied];
}
