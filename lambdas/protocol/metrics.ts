/** CloudWatch namespace of every metric of every stack. */
export const NAMESPACE = 'ChromaCompactor';

/**
 * Names, CloudWatch units and meanings of every metric that the steps emit. Alarms and dashboard read them from here, and
 * `npm run docs` writes docs/reference/metrics.md.
 */
export const METRICS = {
  lockAttempt: {
    name: 'CompactionLockAttempt',
    unit: 'Count',
    byPhase: true,
    meaning: 'Attempts to acquire the lock.',
  },
  lockCollision: {
    name: 'CompactionLockCollision',
    unit: 'Count',
    byPhase: true,
    meaning: 'Attempts that found the lock held by another execution.',
  },
  lockWait: {
    name: 'CompactionLockWait',
    unit: 'Milliseconds',
    byPhase: true,
    meaning: 'From the first attempt in one AcquireLock to the acquiring write.',
  },
  lockDuration: {
    name: 'CompactionLockDuration',
    unit: 'Milliseconds',
    byPhase: true,
    meaning: 'Time held: from the acquiring write to the releasing write.',
  },
  claimDuration: {
    name: 'CompactionClaimDuration',
    unit: 'Milliseconds',
    byPhase: false,
    meaning: 'From taking the claim to letting go of it.',
  },
  delegated: {
    name: 'CompactionDelegated',
    unit: 'Count',
    byPhase: false,
    meaning: 'Executions that left their deltas to the execution that holds the claim.',
  },
  backoffAttempts: {
    name: 'CompactionBackoffAttempts',
    unit: 'Count',
    byPhase: false,
    meaning: 'Merges that failed and are tried again, with fewer deltas.',
  },
  rebase: {
    name: 'CompactionRebase',
    unit: 'Count',
    byPhase: false,
    meaning: 'Plans made again because the pointer moved, the inbox changed, or staging was lost.',
  },
  duration: {
    name: 'CompactionDuration',
    unit: 'Milliseconds',
    byPhase: false,
    meaning: 'From the plan of a round to the end of FinishCompaction.',
  },
  deltasApplied: {
    name: 'DeltasApplied',
    unit: 'Count',
    byPhase: false,
    meaning: 'Deltas decided by a commit, the rejected ones included.',
  },
  operationsRejected: {
    name: 'OperationsRejected',
    unit: 'Count',
    byPhase: false,
    meaning: 'Operations that a commit rejected; there is a report on each.',
  },
  bytesUploaded: {
    name: 'BytesUploaded',
    unit: 'Bytes',
    byPhase: false,
    meaning: 'Pack and manifest of a commit, as stored.',
  },
  cacheBytes: {
    name: 'CacheBytes',
    unit: 'Bytes',
    byPhase: false,
    meaning: 'Bytes that a commit added to the cache.',
  },
  pendingDeltaAge: {
    name: 'PendingDeltaAge',
    unit: 'Seconds',
    byPhase: false,
    meaning: 'Age of the oldest waiting delta, when a round is planned.',
  },
  recordCount: {
    name: 'RecordCount',
    unit: 'Count',
    byPhase: false,
    meaning: 'Records in the collection after a commit.',
  },
  garbageBytes: {
    name: 'GarbageCollectedBytes',
    unit: 'Bytes',
    byPhase: false,
    meaning: 'Bytes deleted by garbage collection.',
  },
  garbageFailure: {
    name: 'GarbageCollectionFailed',
    unit: 'Count',
    byPhase: false,
    meaning: 'Garbage collections that failed for this collection; nothing that may be needed was deleted.',
  },
  announcementFailure: {
    name: 'AnnouncementFailed',
    unit: 'Count',
    byPhase: false,
    meaning: 'Events of commits that the bus did not take. The commits and their statuses are not concerned.',
  },
  unreadableDelta: {
    name: 'UnreadableDelta',
    unit: 'Count',
    byPhase: false,
    meaning: 'Deltas passed over because they cannot be read. They stay in the inbox.',
  },
  setAside: {
    name: 'DeltaSetAside',
    unit: 'Count',
    byPhase: false,
    meaning: 'Deltas that a commit set aside, because merges of nothing else failed. Their content is kept.',
  },
  vacuumAdvised: {
    name: 'VacuumAdvised',
    unit: 'Count',
    byPhase: false,
    meaning:
      'Commits whose snapshot is for the most part of no use, and too large to be vacuumed in passing: `compactor vacuum` is advised.',
  },
} as const satisfies Record<string, MetricEntry>;

interface MetricEntry {
  name: string;
  unit: 'Count' | 'Milliseconds' | 'Seconds' | 'Bytes';
  /** Emitted with the dimension `Phase`: `validation` or `swap`. */
  byPhase: boolean;
  meaning: string;
}

export type Metric = (typeof METRICS)[keyof typeof METRICS];
