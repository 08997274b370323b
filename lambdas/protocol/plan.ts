/**
 * Decides what there is to do for a collection from three observations, made in this order: the pointer and its
 * manifest, then the inbox, then the statuses. Statuses that are read before the pointer could miss a commit that the
 * pointer does not show yet, and its deltas would be applied twice.
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

/** The most that one commit may take; `observeInbox` reads no further than needed to fill it. */
export interface BatchLimits {
  maxDeltas: number;
  maxBytes: number;
}

export interface Plan {
  /** Deltas to apply, in order: see `takeable`. */
  pending: InboxEntry[];
  /** Inbox objects whose delta is already decided: to be compared and deleted. */
  decided: InboxEntry[];
  /** Ledger entries whose status is still to be written. */
  unreported: LedgerEntry[];
}

/**
 * @param inbox What was listed, or the part of it whose statuses were read. The pending deltas of the whole begin with
 * those of its oldest part: reading further never changes what comes first.
 * @param numbered The highest number of the log that is decided. Deltas behind a gap are neither pending nor decided.
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
    // A number above the mark that has a status was decided by a later version: a plan without it would leave a gap,
    // and could not land anyway.
    return inLedger.has(deltaId) || (number === undefined ? statuses.has(deltaId) : number <= numbered);
  };
  return {
    pending: takeable(inbox, numbered).filter((entry) => !isDecided(entry)),
    decided: inbox.filter(isDecided),
    unreported: ledger.filter((entry) => !statuses.has(entry.deltaId)),
  };
}

/**
 * What a plan may take, in the order of application: the numbers of the log as far as they follow the decided ones
 * without a gap, then the deltas of producers. A listing of several pages is not a snapshot, so it may miss a number
 * that existed before its successor: then the successor waits for the next listing. Decided numbers come first.
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
  const submitted = inbox.filter(({ deltaId }) => numberIn(deltaId) === undefined).sort(byArrival);
  return [...run.map(({ entry }) => entry), ...submitted];
}

/**
 * Order of the deltas of producers, within and across commits: by the store's `LastModified`, which has whole seconds
 * on S3, then by id.
 */
export function byArrival(a: InboxEntry, b: InboxEntry): number {
  return a.lastModified - b.lastModified || (a.deltaId < b.deltaId ? -1 : a.deltaId > b.deltaId ? 1 : 0);
}

/** Would more pending deltas leave the next batch as it is? */
export function fillsBatch(pending: readonly InboxEntry[], limits: BatchLimits): boolean {
  return pending.length >= limits.maxDeltas || selectBatch(pending, limits).length < pending.length;
}

/** The first deltas that fit into one commit; at least one, whatever its size. */
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

/** Most deltas of a commit after this many failed merges: halved each time, never below one. */
export function deltaCap(maxDeltas: number, mergeFailures: number): number {
  return Math.max(1, Math.floor(maxDeltas / 2 ** mergeFailures));
}
