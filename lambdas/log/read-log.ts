/**
 * What waits, in the order in which it will be applied: numbered writes first, then the deltas of producers (ADR 46).
 */

import { PointerMovedError } from '../errors/errors.ts';
import { listInbox } from '../inbox/list-inbox.ts';
import type { Ports } from '../ports.ts';
import type { InboxEntry } from '../protocol/plan.ts';
import { plan } from '../protocol/plan.ts';
import { numberIn } from '../snapshot/log-number.ts';
import type { CurrentVersion } from '../versions/load-current.ts';
import { readPointer } from '../versions/read-pointer.ts';
import type { WaitingDelta } from './waiting-delta.ts';

type LogPorts = Pick<Ports, 'store' | 'statuses' | 'telemetry'>;

/**
 * Every delta that was accepted before the call and that `current` does not contain, and perhaps later ones. A commit
 * that landed meanwhile may have taken deltas out of the inbox: those are neither in the listing nor in `current`. So
 * nothing of the result may be shown until a later call of `confirmCurrent` has succeeded.
 * @throws StoreUnavailableError, TableUnavailableError
 */
export async function listUnconfirmed(
  ports: LogPorts,
  collection: string,
  { manifest }: Pick<CurrentVersion, 'manifest'>,
): Promise<WaitingDelta[]> {
  const inbox = await listInbox(ports, collection);
  const { ledger } = manifest;
  const inLedger = new Set(ledger.map((entry) => entry.deltaId));
  // Whether a number is decided follows from the manifest alone; a late duplicate of a producer's delta is known by its
  // status.
  const dropped = inbox.filter(({ deltaId }) => numberIn(deltaId) === undefined && !inLedger.has(deltaId));
  const ids = dropped.map(({ deltaId }) => deltaId);
  const statuses = ids.length === 0 ? new Map() : await ports.statuses.getStatuses(collection, ids);
  return plan(ledger, inbox, statuses, manifest.numbered).pending.map(toWaiting);
}

/**
 * A fence rewrites the pointer, but changes nothing about deltas, so it does not count as a move.
 * @throws PointerMovedError, and those of the pointer
 */
export async function confirmCurrent(
  ports: Pick<Ports, 'store'>,
  collection: string,
  { manifest }: Pick<CurrentVersion, 'manifest'>,
): Promise<void> {
  const { pointer } = await readPointer(ports, collection);
  if (pointer.commitId === manifest.commitId && pointer.version === manifest.version) return;
  throw new PointerMovedError(
    `Version ${manifest.version} of "${collection}" was replaced by version ${pointer.version} meanwhile. Read again.`,
  );
}

function toWaiting({ deltaId, key, etag, size }: InboxEntry): WaitingDelta {
  return { deltaId, number: numberIn(deltaId), key, etag, size };
}
