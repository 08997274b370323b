/** Finds settings that cannot work together, before anything is deployed. */
import { parseConfig } from '../lambdas/runtime/config.ts';
import { type DeploymentConfig, settingsOf } from './settings.ts';
import { timeoutOf } from './verbs.ts';

/** S3 rounds the end of a noncurrent version up to midnight, UTC, and removes it within the day that follows. */
const LIFECYCLE_LAG_DAYS = 2;

/** Reasons why these settings cannot work together, each with what to do; empty if they can. */
export function impossibilities(config: DeploymentConfig): string[] {
  const problems: string[] = [];
  const { lockDurationMinutes, heartbeatIntervalSeconds, mergeTimeoutSeconds } = config;
  const { statusTtlDays, recoveryDays, inboxRecoveryDays } = config;
  if (heartbeatIntervalSeconds * 2 > lockDurationMinutes * 60) {
    problems.push(
      `heartbeatIntervalSeconds (${heartbeatIntervalSeconds}) must be at most half of lockDurationMinutes ` +
        `(${lockDurationMinutes} min = ${lockDurationMinutes * 60} s), or one late heartbeat loses the claim. Lower the ` +
        'one or raise the other.',
    );
  }
  if (mergeTimeoutSeconds > timeoutOf('MergeDeltas')) {
    problems.push(
      `mergeTimeoutSeconds (${mergeTimeoutSeconds}) must be at most ${timeoutOf('MergeDeltas')}: the state machine gives ` +
        'up soon after. Raise TimeoutSeconds of MergeDeltas in the ASL file first.',
    );
  }
  if (inboxRecoveryDays > recoveryDays) {
    problems.push(
      `inboxRecoveryDays (${inboxRecoveryDays}) must be at most recoveryDays (${recoveryDays}): of two rules for one ` +
        'object S3 follows the shorter.',
    );
  }
  const leastTtl = Math.max(recoveryDays, inboxRecoveryDays + LIFECYCLE_LAG_DAYS);
  if (statusTtlDays > 0 && statusTtlDays < leastTtl) {
    problems.push(
      `statusTtlDays (${statusTtlDays}) must be 0 or at least ${leastTtl}, the larger of recoveryDays (${recoveryDays}) ` +
        `and inboxRecoveryDays (${inboxRecoveryDays}) + ${LIFECYCLE_LAG_DAYS}: a delta restored later than its status ` +
        'is kept would be applied twice.',
    );
  }
  const all = [...problems, ...queueProblems(config), ...sizeProblems(config)];
  return all.length > 0 ? all : refusals(config);
}

/** Settings that would deploy and then fail at every start: the functions' own parser decides. */
function refusals(config: DeploymentConfig): string[] {
  try {
    parseConfig({ STORE_URL: 's3://any-bucket', TABLE_NAME: 'any', ...settingsOf(config) });
    return [];
  } catch (error) {
    return [`The functions would refuse to start: ${error instanceof Error ? error.message : error}`];
  }
}

function queueProblems({ batchSize, batchWindowSeconds, ...config }: DeploymentConfig): string[] {
  const problems: string[] = [];
  const { queueVisibilitySeconds, starterTimeoutSeconds, pendingAgeAlarmSeconds } = config;
  // Lambda's advice: six times the function's timeout, so that throttled invocations can be retried, and the window.
  const least = 6 * starterTimeoutSeconds + batchWindowSeconds;
  if (queueVisibilitySeconds < least) {
    problems.push(
      `queueVisibilitySeconds (${queueVisibilitySeconds}) must be at least 6 x starterTimeoutSeconds + ` +
        `batchWindowSeconds (${least}), or notifications come back while they are being worked on.`,
    );
  }
  if (batchSize > 10 && batchWindowSeconds < 1) {
    problems.push(
      `batchSize ${batchSize} needs batchWindowSeconds of at least 1: without a window, SQS gives at most 10.`,
    );
  }
  if (pendingAgeAlarmSeconds <= batchWindowSeconds) {
    problems.push(
      `pendingAgeAlarmSeconds (${pendingAgeAlarmSeconds}) must be above batchWindowSeconds (${batchWindowSeconds}): ` +
        'every delta waits for the window, and would raise the alarm.',
    );
  }
  return problems;
}

/** Node.js, the Chroma server's code, and buffers of packs and deltas. */
const BASE_MEMORY_MIB = 512;
/** Logs, SQLite's journal, and sockets. */
const BASE_TMP_MIB = 256;
/** The most memory, and the largest `/tmp`, that Lambda offers. */
const MOST_MIB = 10_240;
/** Most collections that one container keeps open. */
const MOST_SERVED = 64;
/** Up to this size Chroma takes three times the snapshot, beyond it half as much again: docs/scale.md. */
const SMALL_SNAPSHOT_MIB = 64;

/** Memory that Chroma takes for a snapshot: it keeps the index in memory, which is most of a snapshot. */
export function engineMemoryMiB(snapshotMiB: number): number {
  return Math.ceil(Math.max(3 * Math.min(snapshotMiB, SMALL_SNAPSHOT_MIB), 1.5 * snapshotMiB));
}

/** How many collections the endpoint keeps open. Each may have two copies while a new version takes over. */
export function servedCollections({ endpointMemoryMiB, expectedSnapshotMiB }: DeploymentConfig): number {
  const each = 2 * engineMemoryMiB(expectedSnapshotMiB);
  return Math.min(MOST_SERVED, Math.floor((endpointMemoryMiB - BASE_MEMORY_MIB) / each));
}

function sizeProblems(config: DeploymentConfig): string[] {
  const { expectedSnapshotMiB: snapshot, mergeMemoryMiB, mergeTmpMiB, maxMiBPerCommit } = config;
  const problems: string[] = [];
  // A commit's deltas are held as text and as objects.
  const memory = Math.ceil(BASE_MEMORY_MIB + engineMemoryMiB(snapshot) + 4 * maxMiBPerCommit);
  if (mergeMemoryMiB < memory) {
    problems.push(
      `mergeMemoryMiB (${mergeMemoryMiB}) is too little for a snapshot of ${snapshot} MiB with deltas of ` +
        `${maxMiBPerCommit} MiB: about ${memory} MiB are needed. Raise it, or lower expectedSnapshotMiB or maxMiBPerCommit.`,
    );
  }
  // The working directory, and Chroma's rewrite of an index beside the old one.
  if (mergeTmpMiB < tmpFor(2, snapshot)) problems.push(tooLittleTmp('mergeTmpMiB', mergeTmpMiB, 2, snapshot));
  return config.endpoint ? [...problems, ...endpointProblems(config)] : problems;
}

function endpointProblems(config: DeploymentConfig): string[] {
  const { expectedSnapshotMiB: snapshot, endpointMemoryMiB, endpointTmpMiB } = config;
  const problems: string[] = [];
  if (servedCollections(config) < 1) {
    problems.push(
      `endpointMemoryMiB (${endpointMemoryMiB}) is too little to serve a snapshot of ${snapshot} MiB: about ` +
        `${BASE_MEMORY_MIB + 2 * engineMemoryMiB(snapshot)} MiB are needed, for two copies while a new version takes over. ` +
        'Raise it, or lower expectedSnapshotMiB.',
    );
  }
  // The snapshot as fetched, the copy that serves, and the next copy.
  if (endpointTmpMiB < tmpFor(3, snapshot)) problems.push(tooLittleTmp('endpointTmpMiB', endpointTmpMiB, 3, snapshot));
  return problems;
}

function tmpFor(copies: number, snapshotMiB: number): number {
  return BASE_TMP_MIB + copies * snapshotMiB;
}

function tooLittleTmp(setting: string, tmpMiB: number, copies: number, snapshotMiB: number): string {
  const most = Math.floor((MOST_MIB - BASE_TMP_MIB) / copies / 10) * 10;
  return (
    `${setting} (${tmpMiB}) is too little for a snapshot of ${snapshotMiB} MiB: about ${tmpFor(copies, snapshotMiB)} MiB ` +
    `are needed. Raise it; Lambda offers at most ${MOST_MIB}, so a snapshot may have about ${most} MiB.`
  );
}
