/**
 * Releases the claim without leaving a delta behind. Executions that delegated have ended and rely on the claimant to
 * look again, so the release is conditional: no execution may have delegated since the last look.
 */

import { type CompactionState, MAX_ROUNDS } from '../../statemachine/contract.ts';
import { findWork, passOver } from '../inbox/find-work.ts';
import { PATIENCE } from '../inbox/read-deltas.ts';
import type { Ports } from '../ports.ts';
import { successorName } from '../protocol/execution-name.ts';
import { METRICS } from '../protocol/metrics.ts';
import { releaseHeld } from './release-held.ts';

/**
 * `gone`: nothing waits, and the claim is no longer ours. `more`: plan again. `unsure`: plan again, and count that a
 * delta could not be read. `handed-over`: a successor is running.
 */
export type Farewell = 'gone' | 'more' | 'unsure' | 'handed-over';

/** @throws StoreUnavailableError, TableUnavailableError, and those of the pointer */
export async function letGo(ports: Ports, state: CompactionState): Promise<Farewell> {
  const { collection, execution } = state;
  if (state.attempts.rounds >= MAX_ROUNDS) return handOver(ports, state);
  for (;;) {
    const item = await ports.locks.readLock(collection);
    // By the item, not by the state: we may hold a claim whose response was lost.
    const token = item?.claimOwner === execution ? item.claimToken : undefined;
    // The listing begins after this read: a later delegation changes `wake`, so that the release below is refused.
    const { isSome, unreadable } = await findWork(ports, collection);
    if (isSome) return 'more';
    if (unreadable.length > 0 && state.attempts.inboxChanges < PATIENCE) return 'unsure';
    passOver(ports, unreadable);
    if (token === undefined) return 'gone';
    if (await ports.locks.releaseClaim(collection, { owner: execution, token }, item?.wake ?? 0)) {
      recordClaim(ports, state);
      return 'gone';
    }
  }
}

/** Step Functions ends an execution at 25,000 events. Release first, then start a successor, which looks again. */
async function handOver(ports: Ports, state: CompactionState): Promise<Farewell> {
  const { collection, execution } = state;
  const item = await ports.locks.readLock(collection);
  const { releasedClaim } = await releaseHeld(ports, collection, execution, item);
  if (releasedClaim) recordClaim(ports, state);
  const vacuum = state.vacuum === true;
  await ports.executions.start(successorName(collection, execution), { collection, ...(vacuum && { vacuum }) });
  return 'handed-over';
}

function recordClaim(ports: Ports, { collection, claim }: CompactionState): void {
  if (claim === null) return;
  ports.telemetry.metric(METRICS.claimDuration, Math.max(0, ports.clock.now() - claim.takenAt), { collection });
}
