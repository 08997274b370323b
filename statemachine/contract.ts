/**
 * The contract between the state machines and the Lambdas: names of states, and the data that flows between them. Edges
 * are defined by the ASL files alone; tests keep the two consistent.
 *
 * Every Lambda takes the state and returns the whole next state, so that one shape flows from end to end. It carries
 * references, tokens and counts, and no list that is longer than `MAX_ROUNDS`, so it stays small with ten thousand deltas
 * waiting.
 */

/** Why the lock is held: to compare the planned pointer and take the claim, or to move the pointer. */
type LockPhase = 'validation' | 'swap';

/** Key of a manifest, and the SHA-256 that its bytes must have, in hex. */
interface ManifestRef {
  key: string;
  sha256: string;
}

/** What an execution is started with. */
export interface CompactionInput {
  collection: string;
  /** Vacuum the snapshot, even if no delta waits. */
  vacuum?: boolean;
}

/** The version to build on, as PlanCompaction read it. The swap needs nothing else of the old pointer. */
export interface Base {
  version: number;
  /** ETag of the pointer when it was read. It is never read again before the swap. */
  etag: string;
  commitId: string;
  token: number;
  fence: number;
  fencedBy: string | null;
  retainedFrom: number;
  manifest: ManifestRef;
  /** Our own table with its identity, as the swap must name it. Absent in states from before tables had an identity. */
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
  /** How many of those are writes of endpoints. */
  logged?: number;
  operations: number;
  rejectedOperations: number;
  /** Deletes of records that did not exist. */
  missingDeletes: number;
  /** Deltas that were set aside: rejected because their merges fail, not because of their content. */
  setAside: number;
  /** Decompressed bytes of the changed 4 KiB blocks. */
  changedBytes: number;
  /** Size of the whole snapshot. */
  snapshotBytes: number;
  /** Decompressed bytes of unchanged blocks that were rewritten to limit fragmentation. */
  rewrittenBytes: number;
  /** The files were rewritten without dead data. */
  vacuumed?: boolean;
}

/**
 * Milliseconds for which lock and claim were held, from the acquiring to the releasing write, summed over the
 * execution.
 */
export interface HeldTimes {
  validationMs: number;
  swapMs: number;
  claimMs: number;
}

export interface Attempts {
  /** How often the pointer moved, or the inbox changed, after a plan. */
  rebases: number;
  mergeFailures: number;
  /** Plans made. */
  rounds: number;
  /** How often a delta changed, or could not be read, after a plan. A commit does not reset this. */
  inboxChanges: number;
  /** How often a lock was lost in this round. */
  lockLosses: number;
}

/**
 * A delta that is merged alone because merges failed. PlanCompaction records it before the merge, so that the failure
 * can be attributed even if the merge dies.
 */
export interface Trial {
  deltaId: string;
  /** ETag of the object that is tried: other content under the same id is a separate trial. */
  etag: string;
  /** Merges of nothing but this delta that failed in this execution. */
  failures: number;
  /** Reason of the last failure, for people. */
  reason?: string;
}

/** How far the inbox is listed for one commit, as the last whole listing of this execution told. */
export interface Horizon {
  /** The highest delta id: what lies behind it is not listed. */
  to: string;
  /** Latest arrival of a producer's delta, in milliseconds since the epoch: a later one is not taken yet. */
  until: number;
  /** Objects that waited behind it. */
  behind: number;
}

/** The decision of the last Lambda; the Choice states use nothing else. */
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
  /** ARN of the execution, which is the owner of lock and claim. */
  execution: string;
  next: Next;
  attempts: Attempts;
  base: Base;
  /** When this round was planned, in milliseconds since the epoch. */
  plannedAt?: number;
  /**
   * At the time of the plan: objects in the inbox that are not known to be decided; zero only if nothing is pending. With
   * a horizon at least so many: what has come since the last whole listing may be missing.
   */
  pending: number;
  /** Of this round and those that follow it; absent if the inbox is to be listed whole. */
  horizons?: Horizon[];
  /** Inbox objects known to be decided, and decisions without a status. */
  leftovers: number;
  lock: { token: number; phase: LockPhase; acquiredAt: number } | null;
  claim: { token: number; takenAt: number } | null;
  merge: Merge | null;
  /** A requested vacuum that is still to be done, before anything else. */
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

/** Number of plans after which an execution starts a successor, well within Step Functions' 25,000 events. */
export const MAX_ROUNDS = 50;
export const MAX_REBASES = 20;
/** Enough halvings to come down to one delta from the largest `MAX_DELTAS_PER_COMMIT`. */
export const MAX_MERGE_FAILURES = 13;
/** Consecutive failures of a requested vacuum. */
export const MAX_VACUUM_FAILURES = 3;
/**
 * Failures of a delta that is merged alone after which it is set aside, if the engine works without it. They count
 * towards no other limit.
 */
export const MAX_ALONE_FAILURES = 3;
export const MAX_LOCK_LOSSES = 5;
/** Longest wait of the Backoff state. */
export const MAX_BACKOFF_SECONDS = 20;

/** Short waits inside AcquireLock, in milliseconds before jitter. */
export const ACQUIRE_WAITS_MS = [100, 200] as const;

/**
 * Input of release-abandoned.asl.json: the unchanged `detail` of EventBridge's event about an execution that has ended;
 * or, if started by hand, `execution` and `collection`. Source:
 * https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
 */
export interface ReleaseAbandonedInput {
  /** ARN of the execution that ended. */
  executionArn?: string;
  /** Its input, as JSON text; absent if it is too large for an event. */
  input?: string | null;
  /** Instead of `executionArn`, if started by hand. */
  execution?: string;
  /** Instead of `input`, if started by hand. */
  collection?: string;
}

export interface ReleaseAbandonedOutput {
  /** `null`: the execution's input names no collection, so it cannot hold anything. */
  collection: string | null;
  execution: string;
  releasedLock: boolean;
  releasedClaim: boolean;
  /** Does anything wait in the inbox? */
  waiting: boolean;
  /** Named by time slot, so that a failing collection restarts at most once a minute. */
  successorName: string;
}
