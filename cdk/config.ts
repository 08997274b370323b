/**
 * What a deployment may choose: `compactor:<name>` in the context of cdk.json, or `-c compactor:<name>=<value>`.
 * Combinations that cannot work are refused here, before anything is deployed.
 */
import { z } from 'zod';
import { timeoutOf } from './verbs.ts';

export const CONTEXT_PREFIX = 'compactor:';

const seconds = (least: number, most: number) => z.coerce.number().int().min(least).max(most);
const days = z.coerce.number().int().min(1).max(3_650);
/** Numbers of days that CloudWatch Logs can keep. */
const LOG_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

const schema = z.strictObject({
  stackName: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9-]{0,39}$/, 'at most 40 letters, digits and "-", starting with a letter')
    .default('ChromaCompactor'),
  /** Of all functions. Building the image for another architecture than the builder's needs emulation. */
  architecture: z.enum(['arm64', 'x86_64']).default('arm64'),
  /** Size of the largest snapshot to expect, as a directory. Memory and /tmp are checked against it. */
  expectedSnapshotMiB: z.coerce.number().int().min(1).default(600),
  mergeMemoryMiB: z.coerce.number().int().min(512).max(10_240).default(3_072),
  mergeTmpMiB: z.coerce.number().int().min(512).max(10_240).default(4_096),
  /** At most what the state machine allows. */
  mergeTimeoutSeconds: seconds(60, 900).default(timeoutOf('MergeDeltas')),
  lockDurationMinutes: z.coerce.number().positive().max(60).default(3),
  heartbeatIntervalSeconds: z.coerce.number().positive().max(1_800).default(30),
  maxDeltasPerCommit: z.coerce.number().int().min(1).max(5_000).default(500),
  maxMiBPerCommit: z.coerce.number().positive().max(1_024).default(64),
  retainVersions: z.coerce.number().int().min(1).default(10),
  retainDays: z.coerce.number().min(0).max(3_650).default(7),
  /** 0: never. Otherwise the window in which a late duplicate of a delta is still known as one. */
  statusTtlDays: z.coerce.number().min(0).max(3_650).default(0),
  /** Notifications per invocation of StartCompaction. */
  batchSize: z.coerce.number().int().min(1).max(10_000).default(100),
  /** Seconds that notifications are gathered for before StartCompaction is invoked. */
  batchWindowSeconds: seconds(0, 300).default(5),
  starterTimeoutSeconds: seconds(5, 900).default(30),
  /** Seconds for which a notification in hand is hidden from other invocations. */
  queueVisibilitySeconds: seconds(0, 43_200).default(240),
  /** Times that a notification is tried before it becomes a dead letter. */
  maxReceiveCount: z.coerce.number().int().min(1).max(1_000).default(5),
  sweepMinutes: z.coerce.number().int().min(1).max(1_440).default(5),
  garbageHours: z.coerce.number().int().min(1).max(168).default(24),
  logRetentionDays: z.coerce
    .number()
    .refine((value) => LOG_DAYS.includes(value), `one of ${LOG_DAYS.join(', ')}`)
    .default(30),
  /** Days for which rejection reports are kept. */
  rejectionDays: days.default(90),
  /** Days for which overwritten and deleted objects can be restored. */
  recoveryDays: days.default(14),
  /** Age of the oldest waiting delta that raises an alarm. */
  pendingAgeAlarmSeconds: seconds(60, 86_400).default(900),
  /** Who hears of alarms. Without it, subscribe to the topic yourself. */
  alarmEmail: z.email().optional(),
});

export type DeploymentConfig = z.infer<typeof schema>;

/** @throws Error naming everything that is wrong, and what to do */
export function parseDeploymentConfig(context: Readonly<Record<string, unknown>>): DeploymentConfig {
  const own = Object.entries(context).filter(([key]) => key.startsWith(CONTEXT_PREFIX));
  const parsed = schema.safeParse(
    Object.fromEntries(own.map(([key, value]) => [key.slice(CONTEXT_PREFIX.length), value])),
  );
  if (!parsed.success) {
    throw new Error(
      `The context "${CONTEXT_PREFIX}*" does not configure a compactor:\n${z.prettifyError(parsed.error)}`,
    );
  }
  const problems = impossibilities(parsed.data);
  if (problems.length > 0) throw new Error(`This configuration cannot work:\n- ${problems.join('\n- ')}`);
  return parsed.data;
}

function impossibilities(config: DeploymentConfig): string[] {
  const problems: string[] = [];
  const { lockDurationMinutes, heartbeatIntervalSeconds, mergeTimeoutSeconds, statusTtlDays, recoveryDays } = config;
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
  if (statusTtlDays > 0 && statusTtlDays < recoveryDays) {
    problems.push(
      `statusTtlDays (${statusTtlDays}) must be 0 or at least recoveryDays (${recoveryDays}): a delta restored later ` +
        'than its status is kept would be applied twice.',
    );
  }
  return [...problems, ...queueProblems(config), ...sizeProblems(config)];
}

function queueProblems({ batchSize, batchWindowSeconds, ...config }: DeploymentConfig): string[] {
  const problems: string[] = [];
  const { queueVisibilitySeconds, starterTimeoutSeconds } = config;
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
  return problems;
}

/** Node.js, the Chroma server's code, and buffers of packs and deltas. */
const BASE_MEMORY_MIB = 512;
/** Logs, SQLite's journal, and sockets. */
const BASE_TMP_MIB = 256;

function sizeProblems(config: DeploymentConfig): string[] {
  const { expectedSnapshotMiB, mergeMemoryMiB, mergeTmpMiB, maxMiBPerCommit } = config;
  const problems: string[] = [];
  // Chroma keeps the HNSW index in memory, which is most of a snapshot; a commit's deltas are held as text and as objects.
  const memory = Math.ceil(BASE_MEMORY_MIB + 1.5 * expectedSnapshotMiB + 4 * maxMiBPerCommit);
  if (mergeMemoryMiB < memory) {
    problems.push(
      `mergeMemoryMiB (${mergeMemoryMiB}) is too little for a snapshot of ${expectedSnapshotMiB} MiB with deltas of ` +
        `${maxMiBPerCommit} MiB: about ${memory} MiB are needed. Raise it, or lower expectedSnapshotMiB or maxMiBPerCommit.`,
    );
  }
  // The working directory, and Chroma's rewrite of an index beside the old one.
  const tmp = BASE_TMP_MIB + 2 * expectedSnapshotMiB;
  if (mergeTmpMiB < tmp) {
    problems.push(
      `mergeTmpMiB (${mergeTmpMiB}) is too little for a snapshot of ${expectedSnapshotMiB} MiB: about ${tmp} MiB are ` +
        'needed. Raise it; Lambda offers at most 10240, so a snapshot may have about 4990 MiB.',
    );
  }
  return problems;
}
