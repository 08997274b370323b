/** Names and CloudWatch units of every metric that the steps emit. Alarms and dashboard read them from here. */
export const METRICS = {
  lockAttempt: { name: 'CompactionLockAttempt', unit: 'Count' },
  lockCollision: { name: 'CompactionLockCollision', unit: 'Count' },
  /** From the first attempt in one AcquireLock to the acquiring write. */
  lockWait: { name: 'CompactionLockWait', unit: 'Milliseconds' },
  /** Time held: from the acquiring write to the releasing write. */
  lockDuration: { name: 'CompactionLockDuration', unit: 'Milliseconds' },
  claimDuration: { name: 'CompactionClaimDuration', unit: 'Milliseconds' },
  delegated: { name: 'CompactionDelegated', unit: 'Count' },
  backoffAttempts: { name: 'CompactionBackoffAttempts', unit: 'Count' },
  rebase: { name: 'CompactionRebase', unit: 'Count' },
  duration: { name: 'CompactionDuration', unit: 'Milliseconds' },
  deltasApplied: { name: 'DeltasApplied', unit: 'Count' },
  operationsRejected: { name: 'OperationsRejected', unit: 'Count' },
  bytesUploaded: { name: 'BytesUploaded', unit: 'Bytes' },
  cacheBytes: { name: 'CacheBytes', unit: 'Bytes' },
  pendingDeltaAge: { name: 'PendingDeltaAge', unit: 'Seconds' },
  recordCount: { name: 'RecordCount', unit: 'Count' },
  garbageBytes: { name: 'GarbageCollectedBytes', unit: 'Bytes' },
  garbageFailure: { name: 'GarbageCollectionFailed', unit: 'Count' },
  unreadableDelta: { name: 'UnreadableDelta', unit: 'Count' },
} as const;

export type Metric = (typeof METRICS)[keyof typeof METRICS];
