/**
 * Observes a collection's inbox in the order that makes the plan correct, and no further than needed: the listing is
 * complete, since the order follows from it alone (`byArrival`); statuses are read from the oldest delta on.
 */

import type { Horizon } from '../../statemachine/contract.ts';
import type { Ports } from '../ports.ts';
import { METRICS } from '../protocol/metrics.ts';
import {
  type BatchLimits,
  fillsBatch,
  type InboxEntry,
  type Plan,
  plan,
  selectBatch,
  takeable,
} from '../protocol/plan.ts';
import type { DeltaStatus, LedgerEntry } from '../snapshot/ledger.ts';
import { numberIn } from '../snapshot/log-number.ts';
import type { Manifest } from '../snapshot/manifest.ts';
import { withinHorizon } from './horizon.ts';
import { listInbox } from './list-inbox.ts';

/** The part of a manifest that concerns deltas. */
export type Decided = Pick<Manifest, 'ledger' | 'numbered'>;
type InboxPorts = Pick<Ports, 'store' | 'statuses' | 'telemetry'>;

/**
 * Statuses that a plan reads before it reports the age of the oldest delta: as many as one request to DynamoDB returns.
 */
const FIRST_LOOK = 100;

/** Just enough to find the oldest pending delta. */
export const OLDEST: BatchLimits = { maxDeltas: 1, maxBytes: Number.POSITIVE_INFINITY };
export const EVERYTHING: BatchLimits = { maxDeltas: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY };

/**
 * An inbox, compared with a ledger. `pending`, `decided` and `unreported` are those of the plan, as far as statuses
 * have been read: `pending` holds the oldest ones, `decided` all those in the ledger, and `unreported` is complete.
 */
export class InboxObservation implements Plan {
  /** Everything that was listed: up to the horizon, if there is one. */
  readonly inbox: readonly InboxEntry[];
  readonly horizon: Horizon | undefined;
  readonly pending: InboxEntry[] = [];
  readonly decided: InboxEntry[];
  unreported: LedgerEntry[] = [];
  /** Statuses of the whole ledger, and of the deltas looked at so far. */
  readonly statuses = new Map<string, DeltaStatus>();
  readonly #ports: InboxPorts;
  readonly #collection: string;
  readonly #ledger: readonly LedgerEntry[];
  readonly #numbered: number;
  /** What the ledger does not decide, in the order of `takeable`. The statuses of the first `#looked` are known. */
  readonly #open: readonly InboxEntry[];
  #looked = 0;
  #isBegun = false;

  /**
   * @param inbox Listed after the pointer whose ledger this is was read.
   * @param horizon That of the listing: nothing beyond it is pending.
   */
  constructor(
    ports: InboxPorts,
    collection: string,
    { ledger, numbered = 0 }: Decided,
    inbox: readonly InboxEntry[],
    horizon?: Horizon,
  ) {
    const inLedger = new Set(ledger.map((entry) => entry.deltaId));
    this.inbox = inbox;
    this.horizon = horizon;
    this.decided = inbox.filter((entry) => inLedger.has(entry.deltaId));
    this.#ports = ports;
    this.#collection = collection;
    this.#ledger = ledger;
    this.#numbered = numbered;
    const inOrder = takeable(horizon === undefined ? inbox : withinHorizon(inbox, horizon), numbered);
    this.#open = inOrder.filter((entry) => !inLedger.has(entry.deltaId));
  }

  /**
   * Objects in the inbox that are not known to be decided: the pending ones, and late duplicates that have not been
   * looked at. Zero if and only if nothing is pending. What waits behind a gap in the log is not counted.
   */
  get pendingCount(): number {
    return this.pending.length + this.#open.length - this.#looked;
  }

  /** Those that are or may be pending, in the order of application. */
  get waiting(): InboxEntry[] {
    return [...this.pending, ...this.#open.slice(this.#looked)];
  }

  /** The delta that has waited longest, among those. */
  get oldest(): InboxEntry | undefined {
    const candidates = this.waiting;
    const arrivedAt = candidates.reduce((least, { lastModified }) => Math.min(least, lastModified), Infinity);
    return candidates.find(({ lastModified }) => lastModified === arrivedAt);
  }

  /** Ids of what was listed, and of those entries of a ledger whose objects lie where nothing was listed. */
  mayHold(ledger: readonly LedgerEntry[]): Set<string> {
    const { horizon } = this;
    const isBeyond = ({ deltaId }: LedgerEntry) => horizon !== undefined && deltaId > horizon.to;
    return new Set([...this.inbox, ...ledger.filter(isBeyond)].map(({ deltaId }) => deltaId));
  }

  /**
   * Read statuses, by consistent reads, until the pending deltas after the first `passed` fill a batch or all are
   * known.
   * @throws TableUnavailableError
   */
  async lookUntil(limits: BatchLimits, passed = 0): Promise<void> {
    for (;;) {
      const found = this.pending.slice(passed);
      const rest = this.#open.slice(this.#looked);
      if (this.#isBegun && (rest.length === 0 || fillsBatch(found, limits))) return;
      const enough = selectBatch(rest, { ...limits, maxDeltas: limits.maxDeltas - found.length }).length;
      // At least as many as have been read in vain so far, so that a long run of late duplicates takes few requests.
      const late = this.#looked - this.pending.length;
      await this.#look(rest.slice(0, Math.max(enough, late)));
    }
  }

  /** The batch after the first `passed` pending deltas; empty when there are no more. @throws TableUnavailableError */
  async batchAfter(passed: number, limits: BatchLimits): Promise<InboxEntry[]> {
    await this.lookUntil(limits, passed);
    return selectBatch(this.pending.slice(passed), limits);
  }

  /** The first look also reads the statuses of the ledger. */
  async #look(chunk: readonly InboxEntry[]): Promise<void> {
    const ids = [...(this.#isBegun ? [] : this.#ledger), ...chunk].map((entry) => entry.deltaId);
    const statuses = await this.#ports.statuses.getStatuses(this.#collection, ids);
    for (const [deltaId, status] of statuses) this.statuses.set(deltaId, status);
    const { pending, decided, unreported } = this.#plan(chunk);
    for (const entry of pending) this.pending.push(entry);
    for (const entry of decided) this.decided.push(entry);
    this.unreported = unreported;
    this.#looked += chunk.length;
    this.#isBegun = true;
  }

  /** Plan of a part of what may be taken: the place in the log where the part begins is not a gap. */
  #plan(chunk: readonly InboxEntry[]): Plan {
    const first = numberIn(chunk[0]?.deltaId ?? '') ?? 0;
    return plan(this.#ledger, chunk, this.statuses, Math.max(this.#numbered, first - 1));
  }
}

/**
 * List the inbox, *then* read the statuses of the ledger and of as many deltas as needed, from the oldest on. The
 * ledger must be that of a pointer that was read before.
 * @throws StoreUnavailableError, TableUnavailableError
 */
export async function observeInbox(
  ports: InboxPorts,
  collection: string,
  version: Decided,
  limits: BatchLimits,
  horizon?: Horizon,
): Promise<InboxObservation> {
  const inbox = await listInbox(ports, collection, horizon?.to);
  return observeListed(ports, collection, version, inbox, limits, horizon);
}

/** The same for an inbox that was listed after that pointer was read. @throws TableUnavailableError */
export async function observeListed(
  ports: InboxPorts,
  collection: string,
  version: Decided,
  inbox: readonly InboxEntry[],
  limits: BatchLimits,
  horizon?: Horizon,
): Promise<InboxObservation> {
  const observation = new InboxObservation(ports, collection, version, inbox, horizon);
  await observation.lookUntil(limits);
  return observation;
}

/**
 * The same for a plan, which also reports how long the oldest delta has waited: before it reads further, and even if
 * the table does not answer, since that is when operators need to know.
 */
export async function observeForPlan(
  ports: InboxPorts & Pick<Ports, 'clock' | 'settings'>,
  collection: string,
  version: Decided,
  inbox: readonly InboxEntry[],
  horizon?: Horizon,
): Promise<InboxObservation> {
  const observation = new InboxObservation(ports, collection, version, inbox, horizon);
  const limits = commitLimits(ports.settings);
  try {
    await observation.lookUntil({ ...limits, maxDeltas: Math.min(limits.maxDeltas, FIRST_LOOK) });
  } finally {
    const { oldest } = observation;
    if (oldest !== undefined) {
      const age = Math.max(0, (ports.clock.now() - oldest.lastModified) / 1_000);
      ports.telemetry.metric(METRICS.pendingDeltaAge, age, { collection });
    }
  }
  await observation.lookUntil(limits);
  return observation;
}

/** What a commit may take when nothing has failed. */
export function commitLimits({ maxDeltasPerCommit, maxBytesPerCommit }: Ports['settings']): BatchLimits {
  return { maxDeltas: maxDeltasPerCommit, maxBytes: maxBytesPerCommit };
}
