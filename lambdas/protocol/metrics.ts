/** CloudWatch namespace of every metric of every stack. */
export const NAMESPACE = 'ChromaCompactor';

/**
 * Names, CloudWatch units and meanings of every metric that the steps emit. Alarms and dashboard read them from here,
 * and `npm run docs` writes docs/reference/metrics.md.
 */
export const METRICS = {
  lockAttempt: {
    name: 'CompactionLockAttempt',
    unit: 'Count',
    byPhase: true,
    byCollection: true,
    meaning: 'Attempts to acquire the lock.',
  },
  lockCollision: {
    name: 'CompactionLockCollision',
    unit: 'Count',
    byPhase: true,
    byCollection: true,
    meaning: 'Attempts that found the lock held by another execution.',
  },
  lockWait: {
    name: 'CompactionLockWait',
    unit: 'Milliseconds',
    byPhase: true,
    byCollection: true,
    meaning: 'From the first attempt in one AcquireLock to the acquiring write.',
  },
  lockDuration: {
    name: 'CompactionLockDuration',
    unit: 'Milliseconds',
    byPhase: true,
    byCollection: true,
    meaning: 'Time held: from the acquiring write to the releasing write.',
  },
  claimDuration: {
    name: 'CompactionClaimDuration',
    unit: 'Milliseconds',
    byPhase: false,
    byCollection: true,
    meaning: 'From taking the claim to letting go of it.',
  },
  delegated: {
    name: 'CompactionDelegated',
    unit: 'Count',
    byPhase: false,
    byCollection: true,
    meaning: 'Executions that left their deltas to the execution that holds the claim.',
  },
  backoffAttempts: {
    name: 'CompactionBackoffAttempts',
    unit: 'Count',
    byPhase: false,
    byCollection: true,
    meaning: 'Merges that failed and are tried again, with fewer deltas.',
  },
  rebase: {
    name: 'CompactionRebase',
    unit: 'Count',
    byPhase: false,
    byCollection: true,
    meaning: 'Plans made again because the pointer moved, the inbox changed, or staging was lost.',
  },
  duration: {
    name: 'CompactionDuration',
    unit: 'Milliseconds',
    byPhase: false,
    byCollection: true,
    meaning: 'From the plan of a round to the end of FinishCompaction.',
  },
  deltasApplied: {
    name: 'DeltasApplied',
    unit: 'Count',
    byPhase: false,
    byCollection: true,
    meaning: 'Deltas decided by a commit, the rejected ones included.',
  },
  operationsRejected: {
    name: 'OperationsRejected',
    unit: 'Count',
    byPhase: false,
    byCollection: true,
    meaning: 'Operations that a commit rejected; there is a report on each.',
  },
  bytesUploaded: {
    name: 'BytesUploaded',
    unit: 'Bytes',
    byPhase: false,
    byCollection: true,
    meaning: 'Pack and manifest of a commit, as stored.',
  },
  cacheBytes: {
    name: 'CacheBytes',
    unit: 'Bytes',
    byPhase: false,
    byCollection: true,
    meaning: 'Bytes that a commit added to the cache.',
  },
  pendingDeltaAge: {
    name: 'PendingDeltaAge',
    unit: 'Seconds',
    byPhase: false,
    byCollection: true,
    meaning: 'Age of the oldest waiting delta, when a round is planned.',
  },
  recordCount: {
    name: 'RecordCount',
    unit: 'Count',
    byPhase: false,
    byCollection: true,
    meaning: 'Records in the collection after a commit.',
  },
  garbageBytes: {
    name: 'GarbageCollectedBytes',
    unit: 'Bytes',
    byPhase: false,
    byCollection: true,
    meaning: 'Bytes deleted by garbage collection.',
  },
  garbageFailure: {
    name: 'GarbageCollectionFailed',
    unit: 'Count',
    byPhase: false,
    byCollection: true,
    meaning: 'Garbage collections that failed for this collection; nothing that may be needed was deleted.',
  },
  announcementFailure: {
    name: 'AnnouncementFailed',
    unit: 'Count',
    byPhase: false,
    byCollection: true,
    meaning: 'Events of commits that the bus did not take. The commits and their statuses are not concerned.',
  },
  unreadableDelta: {
    name: 'UnreadableDelta',
    unit: 'Count',
    byPhase: false,
    byCollection: true,
    meaning: 'Deltas passed over because they cannot be read. They stay in the inbox.',
  },
  setAside: {
    name: 'DeltaSetAside',
    unit: 'Count',
    byPhase: false,
    byCollection: true,
    meaning: 'Deltas that a commit set aside, because merges of nothing else failed. Their content is kept.',
  },
  vacuumAdvised: {
    name: 'VacuumAdvised',
    unit: 'Count',
    byPhase: false,
    byCollection: true,
    meaning:
      'Commits whose snapshot is for the most part of no use, and too large to be vacuumed in passing: `compactor vacuum` is advised.',
  },
  endpointDeltasApplied: {
    name: 'EndpointDeltasApplied',
    unit: 'Count',
    byPhase: false,
    byCollection: false,
    meaning: 'Of `DeltasApplied`, the writes of endpoints; the others came from producers.',
  },
  endpointRequest: {
    name: 'EndpointRequest',
    unit: 'Count',
    byPhase: false,
    byCollection: false,
    meaning: 'Requests about the records of a collection that an endpoint has answered.',
  },
  endpointRefusal: {
    name: 'EndpointRefusal',
    unit: 'Count',
    byPhase: false,
    byCollection: false,
    meaning: 'Of `EndpointRequest`, those that were refused: 400 to 499.',
  },
  endpointFailure: {
    name: 'EndpointFailure',
    unit: 'Count',
    byPhase: false,
    byCollection: false,
    meaning: 'Of `EndpointRequest`, those that failed: 500 and above. A write that failed was not acknowledged.',
  },
  endpointWaiting: {
    name: 'EndpointWaitingDeltas',
    unit: 'Count',
    byPhase: false,
    byCollection: false,
    meaning: 'Waiting deltas that the answer to a read reflects, on top of its version.',
  },
  endpointVisibleAfter: {
    name: 'EndpointVisibleAfter',
    unit: 'Milliseconds',
    byPhase: false,
    byCollection: false,
    meaning:
      'From a read that is the first to reflect acknowledged writes or a new version, to the copy that reflects them: how long they could not be seen by who asked.',
  },
  endpointColdOpen: {
    name: 'EndpointColdOpen',
    unit: 'Milliseconds',
    byPhase: false,
    byCollection: false,
    meaning:
      'To open a collection with a snapshot that the endpoint did not have open. Their number is that of samples.',
  },
} as const satisfies Record<string, MetricEntry>;

interface MetricEntry {
  name: string;
  unit: 'Count' | 'Milliseconds' | 'Seconds' | 'Bytes';
  /** Emitted with the dimension `Phase`: `validation` or `swap`. */
  byPhase: boolean;
  /**
   * Emitted with the dimension `Collection` as well. Not for endpoints: they serve any number of collections, and each
   * metric is billed.
   */
  byCollection: boolean;
  meaning: string;
}

export type Metric = (typeof METRICS)[keyof typeof METRICS];
