/**
 * What waits, in the order in which it will be applied: numbered writes first, then the deltas of producers (ADR 46).
 */

import { PointerMovedError } from '../errors/errors.ts';
import { listInbox } from '../inbox/list-inbox.ts';
import type { Ports } from '../ports.ts';
import type { InboxEntry } from '../protocol/plan.ts';
import { plan } from '../protocol/plan.ts';
import type { DeltaStatus } from '../snapshot/ledger.ts';
import { numberIn } from '../snapshot/log-number.ts';
import type { CurrentVersion } from '../versions/load-current.ts';
import { readPointer } from '../versions/read-pointer.ts';
import type { WaitingDelta } from './waiting-delta.ts';

type LogPorts = Pick<Ports, 'store' | 'statuses' | 'telemetry'>;

export interface Listed {
  waiting: WaitingDelta[];
  /** A delta was left out because of a status that a later version than `current` gave it. */
  isBehind: boolean;
}

/**
 * Every delta that was accepted before the call and that `current` does not contain, and perhaps later ones. A commit
 * that landed meanwhile may have taken deltas out of the inbox: those are neither in the listing nor in `current`. So
 * nothing of the result may be shown until a call of `confirmCurrent` has succeeded: a later one, or, unless it
 * `isBehind`, one that ran beside this if both together were quick (`isWholeAtOnce`).
 * @throws StoreUnavailableError, TableUnavailableError
 */
export async function listUnconfirmed(
  ports: LogPorts,
  collection: string,
  { manifest }: Pick<CurrentVersion, 'manifest'>,
): Promise<Listed> {
  const { ledger, numbered, version } = manifest;
  const inbox = await listInbox(ports, collection);
  const inLedger = new Set(ledger.map((entry) => entry.deltaId));
  // Whether a number is decided follows from the manifest alone; a late duplicate of a producer's delta is known by its
  // status.
  const submitted = inbox.filter(({ deltaId }) => numberIn(deltaId) === undefined && !inLedger.has(deltaId));
  const ids = submitted.map(({ deltaId }) => deltaId);
  const statuses =
    ids.length === 0 ? new Map<string, DeltaStatus>() : await ports.statuses.getStatuses(collection, ids);
  return {
    waiting: plan(ledger, inbox, statuses, numbered).pending.map(toWaiting),
    // Statuses are written as soon as a commit has landed.
    isBehind: [...statuses.values()].some(({ version: decidedBy }) => decidedBy > version),
  };
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
