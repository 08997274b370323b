/**
 * What there is to do for a collection, from three observations made in this order: the pointer and its manifest, then
 * the inbox, then the statuses. Statuses read before the pointer could miss a commit that the pointer does not show
 * yet, and its deltas would be applied twice.
 */
import type { DeltaStatus, LedgerEntry } from '../snapshot/ledger.ts';
import { numberIn } from '../snapshot/log-number.ts';

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
  /** Deltas to apply, in their order: see `takeable`. */
  pending: InboxEntry[];
  /** Inbox objects whose delta is decided already: to be compared and deleted. */
  decided: InboxEntry[];
  /** Ledger entries whose status is still to be written. */
  unreported: LedgerEntry[];
}

/**
 * @param inbox What was listed, or the part of it whose statuses were read. The plan of the whole begins with the
 * deltas that the plan of its oldest part has as pending: looking further never changes what comes first.
 * @param numbered The highest number of the log that is decided. What lies behind a gap is neither pending nor decided.
 */
export function plan(
  ledger: readonly LedgerEntry[],
  inbox: readonly InboxEntry[],
  statuses: ReadonlyMap<string, DeltaStatus>,
  numbered = 0,
): Plan {
  const inLedger = new Set(ledger.map((entry) => entry.deltaId));
  const isDecided = ({ deltaId }: InboxEntry) => {
    const number = numberIn(deltaId);
    // A status of a number above the mark is of a later version: a plan without it would leave a gap, and cannot land anyway.
    return inLedger.has(deltaId) || (number === undefined ? statuses.has(deltaId) : number <= numbered);
  };
  return {
    pending: takeable(inbox, numbered).filter((entry) => !isDecided(entry)),
    decided: inbox.filter(isDecided),
    unreported: ledger.filter((entry) => !statuses.has(entry.deltaId)),
  };
}

/**
 * What a plan may take, in the order of application: the numbers of the log as far as they follow the decided ones without
 * a gap, then what producers dropped. A listing of several pages is no one look, so that a number may be missing in it
 * that was there before its successor: the successor waits for the next look. Numbers that are decided come first of all.
 */
export function takeable(inbox: readonly InboxEntry[], numbered = 0): InboxEntry[] {
  const log = inbox.flatMap((entry) => {
    const number = numberIn(entry.deltaId);
    return number === undefined ? [] : [{ entry, number }];
  });
  log.sort((a, b) => a.number - b.number);
  let last = numbered;
  const run = log.filter(({ number }) => {
    if (number === last + 1) last = number;
    return number <= last;
  });
  const dropped = inbox.filter(({ deltaId }) => numberIn(deltaId) === undefined).sort(byArrival);
  return [...run.map(({ entry }) => entry), ...dropped];
}

/** Order of what producers dropped, within and across commits: the store's `LastModified`, which has whole seconds on S3, then id. */
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

/** Deltas per commit after this many failed merges: halved each time, never below one. */
export function deltaCap(maxDeltas: number, mergeFailures: number): number {
  return Math.max(1, Math.floor(maxDeltas / 2 ** mergeFailures));
}
