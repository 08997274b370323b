/**
 * What the state machines and the Lambdas agree on: names of states, and what flows between them. The ASL files are the
 * truth about edges; tests hold the two together.
 *
 * Every Lambda takes the state and gives the whole next state back, so that one shape flows from end to end. It carries
 * references, tokens and counts, never lists: it stays small with ten thousand deltas waiting.
 */

/** Why the lock is held: to compare the planned pointer and take the claim, or to move the pointer. */
type LockPhase = 'validation' | 'swap';

/** Where a manifest lies, and what its bytes must be: hex SHA-256. */
interface ManifestRef {
  key: string;
  sha256: string;
}

/** What an execution is started with. */
export interface CompactionInput {
  collection: string;
  /** Vacuum the snapshot, also if no delta waits. */
  vacuum?: boolean;
}

/** The version to build on, as PlanCompaction read it. The swap needs nothing else of the old pointer. */
export interface Base {
  version: number;
  /** Of the pointer when it was read. Never re-read before the swap. */
  etag: string;
  commitId: string;
  token: number;
  fence: number;
  fencedBy: string | null;
  retainedFrom: number;
  manifest: ManifestRef;
  /** Own table, with its identity, as the swap has to name it. Absent in a state from before tables had one. */
  statusTable?: string;
}

/** What MergeDeltas sealed into staging. */
export interface Merge {
  commitId: string;
  manifest: ManifestRef;
  manifestBytes: number;
  /** `null` when no block changed. */
  pack: { key: string; size: number; sha256: string } | null;
  records: number;
  deltas: number;
  /** Of those, writes of endpoints. */
  logged?: number;
  operations: number;
  rejectedOperations: number;
  /** Deletes of records that were not there. */
  missingDeletes: number;
  /** Deltas that were set aside: rejected because their merges fail, and not for what they say. */
  setAside: number;
  /** Decompressed bytes of the changed 4 KiB blocks. */
  changedBytes: number;
  /** Size of the whole snapshot. */
  snapshotBytes: number;
  /** Decompressed bytes of unchanged blocks that were written again, so that the snapshot does not fall to pieces. */
  rewrittenBytes: number;
  /** The files were rewritten without dead data. */
  vacuumed?: boolean;
}

/** Milliseconds that lock and claim were held, from the acquiring to the releasing write, summed over the execution. */
export interface HeldTimes {
  validationMs: number;
  swapMs: number;
  claimMs: number;
}

export interface Attempts {
  /** Times that the pointer moved, or the inbox changed, under a plan. */
  rebases: number;
  mergeFailures: number;
  /** Plans made. */
  rounds: number;
  /** Times that a delta changed, or could not be read, under a plan. A commit does not reset it. */
  inboxChanges: number;
  /** Times that a lock was lost in this round. */
  lockLosses: number;
}

/**
 * A delta that is merged alone, because merges failed: PlanCompaction names it before the merge, so that a merge that
 * dies leaves no doubt whose failure it was.
 */
export interface Trial {
  deltaId: string;
  /** Of the object that is tried: other content under the id is another trial. */
  etag: string;
  /** Merges of nothing but this delta that failed in this execution. */
  failures: number;
  /** What the last one failed of, for people. */
  reason?: string;
}

/** What the last Lambda decided; the Choice states look at nothing else. */
export const NEXT = {
  merge: 'merge',
  finish: 'finish',
  nothing: 'nothing',
  delegated: 'delegated',
  upload: 'upload',
  plan: 'plan',
  done: 'done',
} as const;
export type Next = (typeof NEXT)[keyof typeof NEXT];

/** What a Catch adds to the state. `Cause` is Lambda's JSON string. */
export interface CaughtError {
  Error: string;
  Cause?: string;
}

/** One commit made by this execution. */
export interface CommitSummary {
  version: number;
  commitId: string;
  deltas: number;
  records: number;
  rejectedOperations: number;
  changedBytes: number;
  uploadedBytes: number;
  snapshotBytes: number;
}

/** Sums over all commits of one execution. */
export interface CommitTotals {
  commits: number;
  deltas: number;
  operations: number;
  rejectedOperations: number;
  changedBytes: number;
  uploadedBytes: number;
}

export interface CompactionState {
  collection: string;
  /** ARN: owner of lock and claim. */
  execution: string;
  next: Next;
  attempts: Attempts;
  base: Base;
  /** When this round was planned, in milliseconds since the epoch. */
  plannedAt?: number;
  /** At the time of the plan: objects in the inbox that are not known to be decided; zero only if nothing is pending. */
  pending: number;
  /** Inbox objects known to be decided, and decisions without a status. */
  leftovers: number;
  lock: { token: number; phase: LockPhase; acquiredAt: number } | null;
  claim: { token: number; takenAt: number } | null;
  merge: Merge | null;
  /** A vacuum was asked for, and is still to be done: before anything else. */
  vacuum?: boolean;
  /** The delta that this round merges alone; absent in states of earlier deployments. */
  trial?: Trial | null;
  /** The last commit of this execution that is known to be in the ancestry. */
  committed: CommitSummary | null;
  totals: CommitTotals;
  held: HeldTimes;
  /** Set by DiscardUpload for the Wait state after it. */
  backoffSeconds?: number;
  error?: CaughtError;
}

export interface PlanInput {
  /** Execution input, or the state of the round before. */
  input: unknown;
  execution: string;
}

export interface AcquireLockInput {
  phase: LockPhase;
  state: CompactionState;
}

export interface ValidateCasInput {
  /** `claim`: compare under the lock, and take the claim. `base`: compare only, before the upload. */
  check: 'claim' | 'base';
  state: CompactionState;
}

export interface HandleFailureInput {
  input: unknown;
  execution: string;
}

/** Plans after which an execution starts a successor, well within Step Functions' 25,000 events. */
export const MAX_ROUNDS = 50;
export const MAX_REBASES = 20;
/** Enough halvings to come down to one delta from the largest `MAX_DELTAS_PER_COMMIT`. */
export const MAX_MERGE_FAILURES = 13;
/** Of a vacuum that was asked for, in a row. */
export const MAX_VACUUM_FAILURES = 3;
/** Failures alone after which a delta is set aside, if the engine writes without it. They count for no other limit. */
export const MAX_ALONE_FAILURES = 3;
export const MAX_LOCK_LOSSES = 5;
/** Longest wait of the Backoff state. */
export const MAX_BACKOFF_SECONDS = 20;

/** Short waits inside AcquireLock, in milliseconds before jitter, as the review asks. */
export const ACQUIRE_WAITS_MS = [100, 200] as const;

/**
 * Input of release-abandoned.asl.json: `detail` of the event by which EventBridge says that an execution has ended, as it
 * is; or, for people, `execution` and `collection`.
 * Source: https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
 */
export interface ReleaseAbandonedInput {
  /** ARN of the execution that ended. */
  executionArn?: string;
  /** What it was started with, as JSON text; absent where it is too large for an event. */
  input?: string | null;
  /** `executionArn`, for people. */
  execution?: string;
  /** Instead of `input`, for people. */
  collection?: string;
}

export interface ReleaseAbandonedOutput {
  /** `null`: the execution was started with nothing that names one, so that it can hold nothing. */
  collection: string | null;
  execution: string;
  releasedLock: boolean;
  releasedClaim: boolean;
  /** Does anything wait in the inbox? */
  waiting: boolean;
  /** Named by time slot, so that a failing collection restarts at most once a minute. */
  successorName: string;
}
