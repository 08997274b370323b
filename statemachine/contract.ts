/**
 * What the state machines and the Lambdas agree on: names of states, and what flows between them. The ASL files are the
 * truth about edges; tests hold the two together.
 *
 * Every Lambda takes the state and gives the whole next state back, so that one shape flows from end to end. It carries
 * references, tokens and counts, never lists: it stays small with ten thousand deltas waiting.
 */

import type { LockPhase } from '../lambdas/protocol/lock.ts';
import type { ManifestRef } from '../lambdas/snapshot/manifest.ts';

/** What an execution is started with. */
export interface CompactionInput {
  collection: string;
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
  operations: number;
  rejectedOperations: number;
  /** Deletes of records that were not there. */
  missingDeletes: number;
  /** Decompressed bytes of the changed 4 KiB blocks. */
  changedBytes: number;
  /** Size of the whole snapshot. */
  snapshotBytes: number;
  /** Decompressed bytes of unchanged blocks that were written again, so that the snapshot does not fall to pieces. */
  rewrittenBytes: number;
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
export const MAX_LOCK_LOSSES = 5;
/** Longest wait of the Backoff state. */
export const MAX_BACKOFF_SECONDS = 20;

/** Short waits inside AcquireLock, in milliseconds before jitter, as the review asks. */
export const ACQUIRE_WAITS_MS = [100, 200] as const;

/**
 * Longest total wait of each kind of Retry in the ASL files, in seconds, before jitter (which only shortens it). A test
 * computes them from the files. Waiting for the lock must outlast `LOCK_DURATION_MINUTES` (3 deployed) with full jitter
 * as well, whose mean is half of this.
 */
export const RETRY_TOTAL_SECONDS = {
  /** 1, 2, 4, 8, 16, then 20 x 35. */
  lockHeld: 731,
  /** Lambda service exceptions: 2, 4, 8, 16, 32, 60. */
  lambdaService: 122,
  /** Store or table unavailable: 1, 2, 4, 8, 15. */
  unavailable: 30,
  /** A call that hung: 1, 2. */
  hung: 3,
} as const;

/** Input of release-abandoned.asl.json. */
export interface ReleaseAbandonedInput {
  /** ARN of the execution that ended. */
  execution: string;
  /** Its input, JSON as EventBridge hands it on: in a string, which its rules cannot open. */
  input?: string;
  /** Instead of `input`, for people. */
  collection?: string;
}

export interface ReleaseAbandonedOutput {
  collection: string;
  execution: string;
  releasedLock: boolean;
  releasedClaim: boolean;
  /** Does anything wait in the inbox? */
  waiting: boolean;
  /** Named by time slot, so that a failing collection restarts at most once a minute. */
  successorName: string;
}
