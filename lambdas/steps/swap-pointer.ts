/**
 * SwapPointer: the one write that publishes a version, and the only safety there is. One conditional PUT on the ETag
 * that was read when planning; the lock around it merely saves work.
 */
import type { CommitSummary, CompactionState, Merge } from '../../statemachine/contract.ts';
import type { Ports } from '../ports.ts';
import { InvariantViolatedError, LockLostError, PointerMovedError, SwapUnknownError } from '../protocol/errors.ts';
import { swapViolations } from '../protocol/invariants.ts';
import type { Pointer } from '../protocol/pointer.ts';
import type { PlannedSwap, SwapOutcome } from '../protocol/swap.ts';
import { judgeOutcome, publishPointer } from './publish-pointer.ts';
import { uploadedBytes } from './upload-snapshot.ts';

/** Part of the lock's duration after which it is no longer relied on. */
const LOCK_MARGIN = 0.8;

/** @throws PointerMovedError (proven lost), SwapUnknownError, LockLostError, InvariantViolatedError */
export async function swapPointer(ports: Ports, state: CompactionState): Promise<CompactionState> {
  const { collection, lock, merge } = state;
  const heldMs = ports.clock.now() - (lock?.acquiredAt ?? 0);
  if (lock === null || merge === null || heldMs > ports.settings.lockDurationMs * LOCK_MARGIN) {
    throw new LockLostError(`The lock of "${collection}" is too old to swap under. Acquire it again.`);
  }
  const next = nextPointer(ports, state, merge, lock.token);
  const violations = swapViolations({ ...state.base, collection, statusTable: next.statusTable }, next);
  if (violations.length > 0) {
    throw new InvariantViolatedError(`The swap of "${collection}" was not made: ${violations.join('; ')}.`);
  }
  const outcome = await publishPointer(ports, plannedSwap(state, merge), next);
  if (outcome === 'committed') return withCommit(state, merge);
  if (outcome === 'conflict') throw moved(state);
  throw new SwapUnknownError(
    `Nobody can say whether commit ${merge.commitId} of "${collection}" landed. Nothing is discarded; plan again.`,
  );
}

function nextPointer(ports: Ports, state: CompactionState, merge: Merge, token: number): Pointer {
  const { base, collection, execution } = state;
  return {
    collection,
    version: base.version + 1,
    commitId: merge.commitId,
    manifest: merge.manifest,
    token,
    fence: base.fence,
    fencedBy: base.fencedBy,
    retainedFrom: base.retainedFrom,
    statusTable: ports.statuses.tableName,
    records: merge.records,
    committedAt: new Date(ports.clock.now()).toISOString(),
    execution,
  };
}

/** What became of the swap, by the pointer as it is now. @throws what reading the pointer throws */
export function judge(ports: Ports, state: CompactionState, merge: Merge): Promise<SwapOutcome> {
  return judgeOutcome(ports, state.collection, plannedSwap(state, merge));
}

function plannedSwap({ base }: CompactionState, { commitId }: Merge): PlannedSwap {
  return { baseVersion: base.version, baseEtag: base.etag, commitId };
}

export function withCommit(state: CompactionState, merge: Merge): CompactionState {
  const committed: CommitSummary = {
    version: state.base.version + 1,
    commitId: merge.commitId,
    deltas: merge.deltas,
    records: merge.records,
    rejectedOperations: merge.rejectedOperations,
    changedBytes: merge.changedBytes,
    uploadedBytes: uploadedBytes(merge),
    snapshotBytes: merge.snapshotBytes,
  };
  const { totals } = state;
  return {
    ...state,
    committed,
    // What failed before was overcome: limits count failures in a row.
    attempts: { ...state.attempts, rebases: 0, mergeFailures: 0 },
    totals: {
      commits: totals.commits + 1,
      deltas: totals.deltas + merge.deltas,
      operations: totals.operations + merge.operations,
      rejectedOperations: totals.rejectedOperations + merge.rejectedOperations,
      changedBytes: totals.changedBytes + merge.changedBytes,
      uploadedBytes: totals.uploadedBytes + uploadedBytes(merge),
    },
  };
}

function moved({ collection, base }: CompactionState): PointerMovedError {
  return new PointerMovedError(
    `Another commit or a garbage collection replaced version ${base.version} of "${collection}" first. Rebase: plan again.`,
  );
}
