/**
 * FinishCompaction: settles what the current version decided, then looks for more work before it releases the claim.
 */

import { type CompactionState, NEXT } from '../../statemachine/contract.ts';
import { listInbox } from '../inbox/list-inbox.ts';
import type { Ports } from '../ports.ts';
import { METRICS } from '../protocol/metrics.ts';
import { loadCurrentBeside } from '../versions/load-current.ts';
import { letGo } from './let-go.ts';
import { recordCommit } from './record-commit.ts';
import { settleDeltas } from './settle-deltas.ts';

/** @throws StoreUnavailableError, TableUnavailableError, StatusConflictError, KeyCollisionError, CorruptObjectError */
export async function finishCompaction(ports: Ports, state: CompactionState): Promise<CompactionState> {
  const { clock } = ports;
  const began = clock.monotonic();
  const { collection, merge, committed, pending } = state;
  // From the current pointer, never from the state: there may be later commits on top of ours.
  const isCommitted = merge !== null && committed?.commitId === merge.commitId;
  // What a commit decided lies before its horizon.
  const to = isCommitted ? state.horizons?.[0]?.to : undefined;
  const [{ manifest }, inbox] = await loadCurrentBeside(ports, collection, () => listInbox(ports, collection, to));
  // Our own swap had succeeded before this step began; any other commit may be as late as the read of the pointer.
  const currentAt = isCommitted && manifest.commitId === merge.commitId ? began : clock.monotonic();
  await settleDeltas(ports, manifest, inbox, merge === null && pending > 0, currentAt);
  if (isCommitted) {
    recordCommit(ports, collection, merge);
    const now = clock.now();
    ports.telemetry.metric(METRICS.duration, Math.max(0, now - (state.plannedAt ?? now)), { collection });
  }
  const farewell = await letGo(ports, state);
  if (farewell === 'more' || farewell === 'unsure') {
    const inboxChanges = state.attempts.inboxChanges + Number(farewell === 'unsure');
    return { ...state, next: NEXT.plan, attempts: { ...state.attempts, inboxChanges } };
  }
  const claimMs = state.claim === null ? 0 : Math.max(0, clock.now() - state.claim.takenAt);
  return { ...state, next: NEXT.done, claim: null, held: { ...state.held, claimMs: state.held.claimMs + claimMs } };
}
