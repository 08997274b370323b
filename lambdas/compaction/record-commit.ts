/** What an execution says of a commit that is known to be in the ancestry, whether its swap or a later look told so. */
import type { CommitSummary, CompactionState, Merge } from '../../statemachine/contract.ts';
import { uploadedBytes } from '../commit/upload-staged.ts';
import type { Ports } from '../ports.ts';
import { METRICS } from '../protocol/metrics.ts';

/** The state after the commit. */
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
    ...(merge.vacuumed && state.vacuum && { vacuum: false }),
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

/** Metrics of a commit that is known to be in the ancestry. */
export function recordCommit(ports: Pick<Ports, 'telemetry'>, collection: string, merge: Merge): void {
  ports.telemetry.metric(METRICS.deltasApplied, merge.deltas, { collection });
  if (merge.logged !== undefined) ports.telemetry.metric(METRICS.endpointDeltasApplied, merge.logged, { collection });
  ports.telemetry.metric(METRICS.operationsRejected, merge.rejectedOperations, { collection });
  ports.telemetry.metric(METRICS.recordCount, merge.records, { collection });
  if (merge.setAside > 0) ports.telemetry.metric(METRICS.setAside, merge.setAside, { collection });
}
