/**
 * What there is to do for a collection, from three observations made in this order: the pointer and its manifest, then
 * the inbox, then the statuses. Statuses read before the pointer could miss a commit that the pointer does not show
 * yet, and its deltas would be applied twice.
 */
import type { DeltaStatus, LedgerEntry } from './ledger.ts';

/** An object in the inbox, as listed. */
export interface InboxEntry {
  deltaId: string;
  key: string;
  size: number;
  etag: string;
  /** Milliseconds since the epoch, by the store's clock. */
  lastModified: number;
}

/** What one commit may take at most; `observeInbox` looks no further than until it is full. */
export interface BatchLimits {
  maxDeltas: number;
  maxBytes: number;
}

export interface Plan {
  /** Deltas to apply, in the order of arrival. */
  pending: InboxEntry[];
  /** Inbox objects whose delta is decided already: to be compared and deleted. */
  decided: InboxEntry[];
  /** Ledger entries whose status is still to be written. */
  unreported: LedgerEntry[];
}

/**
 * @param inbox What was listed, or the part of it whose statuses were read. The plan of the whole begins with the
 * deltas that the plan of its oldest part has as pending: looking further never changes what comes first.
 */
export function plan(
  ledger: readonly LedgerEntry[],
  inbox: readonly InboxEntry[],
  statuses: ReadonlyMap<string, DeltaStatus>,
): Plan {
  const inLedger = new Set(ledger.map((entry) => entry.deltaId));
  const isDecided = (entry: InboxEntry) => inLedger.has(entry.deltaId) || statuses.has(entry.deltaId);
  return {
    pending: inbox.filter((entry) => !isDecided(entry)).sort(byArrival),
    decided: inbox.filter(isDecided),
    unreported: ledger.filter((entry) => !statuses.has(entry.deltaId)),
  };
}

/** Order of application, within and across commits: arrival at the store, then id. */
export function byArrival(a: InboxEntry, b: InboxEntry): number {
  return a.lastModified - b.lastModified || (a.deltaId < b.deltaId ? -1 : a.deltaId > b.deltaId ? 1 : 0);
}

/** Would more pending deltas leave the next batch as it is? */
export function fillsBatch(pending: readonly InboxEntry[], limits: BatchLimits): boolean {
  return pending.length >= limits.maxDeltas || selectBatch(pending, limits).length < pending.length;
}

/** The first deltas that fit into one commit: at least one, whatever its size. */
export function selectBatch(pending: readonly InboxEntry[], { maxDeltas, maxBytes }: BatchLimits): InboxEntry[] {
  const batch: InboxEntry[] = [];
  let bytes = 0;
  for (const entry of pending) {
    bytes += entry.size;
    if (batch.length > 0 && (batch.length >= maxDeltas || bytes > maxBytes)) break;
    batch.push(entry);
  }
  return batch;
}

/** Deltas per commit after so many failed merges: halved each time, never below one. */
export function deltaCap(maxDeltas: number, mergeFailures: number): number {
  return Math.max(1, Math.floor(maxDeltas / 2 ** mergeFailures));
}
