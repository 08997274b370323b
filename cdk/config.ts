/**
 * What a deployment may choose: `compactor:<name>` in the context of cdk.json, or `-c compactor:<name>=<value>`.
 * Combinations that cannot work are refused here, before anything is deployed.
 */
import { z } from 'zod';
import { parseConfig } from '../lambdas/runtime/config.ts';
import { timeoutOf } from './verbs.ts';

export const CONTEXT_PREFIX = 'compactor:';

const seconds = (least: number, most: number) => z.coerce.number().int().min(least).max(most);
const days = z.coerce.number().int().min(1).max(3_650);
/** Numbers of days that CloudWatch Logs can keep. */
const LOG_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

/** What Lambda allows accounts that it does not know yet, by the message with which it refuses more. */
const NEW_ACCOUNT_MEMORY_MIB = 3_008;
/** S3 rounds the end of a noncurrent version up to midnight, UTC, and removes it within the day that follows. */
const LIFECYCLE_LAG_DAYS = 2;

/** On the command line everything is text. */
const flag = z.preprocess((value) => ({ true: true, false: false })[String(value)] ?? value, z.boolean());

/** Its descriptions are docs/reference/configuration.md: `npm run docs` writes them there. */
export const deployment = z.strictObject({
  stackName: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9-]{0,39}$/, 'at most 40 letters, digits and "-", starting with a letter')
    .default('ChromaCompactor')
    .describe(
      'Name of the stack, of the dashboard and of the state machines; also the dimension `service` of metrics.',
    ),
  architecture: z
    .enum(['builder', 'arm64', 'x86_64'])
    .default('builder')
    .describe(
      'Processor of all functions; `builder`: that of the machine that deploys, which builds the image without emulation. Name it if machines of both kinds deploy this stack.',
    ),
  expectedSnapshotMiB: z.coerce
    .number()
    .int()
    .min(1)
    .default(600)
    .describe('Size of the largest snapshot to expect, as a directory. Memory and `/tmp` are checked against it.'),
  mergeMemoryMiB: z.coerce
    .number()
    .int()
    .min(512)
    .max(10_240)
    .default(NEW_ACCOUNT_MEMORY_MIB)
    .describe('Memory of MergeDeltas. New accounts are refused more than the default.'),
  mergeTmpMiB: z.coerce.number().int().min(512).max(10_240).default(4_096).describe('Size of `/tmp` of MergeDeltas.'),
  mergeTimeoutSeconds: seconds(60, 900)
    .default(timeoutOf('MergeDeltas'))
    .describe('Timeout of MergeDeltas: at most what the state machine allows.'),
  lockDurationMinutes: z.coerce
    .number()
    .positive()
    .max(5)
    .default(3)
    .describe('Minutes after which lock and claim expire, if their holder is gone. At least twice the heartbeat.'),
  heartbeatIntervalSeconds: z.coerce
    .number()
    .positive()
    .max(1_800)
    .default(30)
    .describe('Seconds between two renewals of the claim during merge and upload.'),
  maxDeltasPerCommit: z.coerce
    .number()
    .int()
    .min(1)
    .max(5_000)
    .default(500)
    .describe('Deltas merged in one commit, at most.'),
  maxMiBPerCommit: z.coerce
    .number()
    .positive()
    .max(1_024)
    .default(64)
    .describe('MiB of deltas merged in one commit, at most. Memory is checked against it.'),
  retainVersions: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(10)
    .describe('Newest versions that garbage collection keeps, the current one included.'),
  retainDays: z.coerce
    .number()
    .min(0)
    .max(3_650)
    .default(7)
    .describe('Versions replaced within this many days are kept as well.'),
  statusTtlDays: z.coerce
    .number()
    .min(0)
    .max(3_650)
    .default(0)
    .describe(
      '0: never. Otherwise the window in which a late duplicate of a delta is still known as one; at least `recoveryDays`, and `inboxRecoveryDays` + 2.',
    ),
  batchSize: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(100)
    .describe('Notifications per invocation of StartCompaction, at most.'),
  batchWindowSeconds: seconds(0, 300)
    .default(5)
    .describe('Seconds that notifications are gathered for before StartCompaction is invoked.'),
  starterTimeoutSeconds: seconds(5, 900).default(30).describe('Timeout of StartCompaction.'),
  queueVisibilitySeconds: seconds(0, 43_200)
    .default(240)
    .describe(
      'Seconds for which a notification in hand is hidden from other invocations: at least 6 x `starterTimeoutSeconds` + `batchWindowSeconds`.',
    ),
  maxReceiveCount: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000)
    .default(5)
    .describe('Times that a notification is tried before it becomes a dead letter.'),
  eventBusName: z
    .string()
    .regex(/^[A-Za-z0-9._/-]{1,256}$/, 'the name of an EventBridge bus')
    .default('default')
    .describe('EventBridge bus of this account and region that commits are announced on.'),
  sweepMinutes: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_440)
    .default(5)
    .describe('Minutes between two sweeps, which start whatever waits without an execution.'),
  garbageHours: z.coerce.number().int().min(1).max(168).default(24).describe('Hours between two garbage collections.'),
  logRetentionDays: z.coerce
    .number()
    .refine((value) => LOG_DAYS.includes(value), `one of ${LOG_DAYS.join(', ')}`)
    .default(30)
    .describe(`Days for which logs are kept: one of ${LOG_DAYS.join(', ')}.`),
  rejectionDays: days.default(90).describe('Days for which rejection reports are kept.'),
  recoveryDays: days.default(14).describe('Days for which overwritten and deleted objects can be restored.'),
  inboxRecoveryDays: days
    .default(1)
    .describe(
      'The same for deltas, which are deleted once they are settled; at most `recoveryDays`. Listings pass over each of them until then.',
    ),
  deletionProtection: flag
    .default(false)
    .describe(
      'Whether DynamoDB refuses to delete the table. Not in a first deployment: its rollback could not delete the table.',
    ),
  pendingAgeAlarmSeconds: seconds(60, 86_400)
    .default(900)
    .describe('Age of the oldest waiting delta that raises an alarm.'),
  failedExecutionsAlarm: z.coerce
    .number()
    .int()
    .min(0)
    .max(1_000_000)
    .default(2)
    .describe(
      'Failed executions in five minutes that raise no alarm yet. A delta for a collection that does not exist fails one; a collection that cannot be compacted fails one a minute.',
    ),
  rejectedOperationsAlarm: z.coerce
    .number()
    .int()
    .min(0)
    .max(1_000_000_000)
    .default(100)
    .describe("Rejected operations in five minutes that raise no alarm yet: a producer's typo does not page anyone."),
  alarmEmail: z.email().optional().describe('Who hears of alarms. Without it, subscribe to the topic yourself.'),
});

export type DeploymentConfig = z.infer<typeof deployment>;

/** What an app may set by the props of the construct, which has a name instead of a `stackName`. */
export type CompactorSettings = Partial<Omit<DeploymentConfig, 'stackName'>>;

/** @throws Error naming everything that is wrong, and what to do */
export function parseDeploymentConfig(context: Readonly<Record<string, unknown>>): DeploymentConfig {
  const own = Object.entries(context).filter(([key]) => key.startsWith(CONTEXT_PREFIX));
  return parseSettings(
    `The context "${CONTEXT_PREFIX}*"`,
    Object.fromEntries(own.map(([key, value]) => [key.slice(CONTEXT_PREFIX.length), value])),
  );
}

/**
 * @param source What the settings come from, for the message.
 * @throws Error naming everything that is wrong, and what to do
 */
export function parseSettings(source: string, settings: Readonly<Record<string, unknown>>): DeploymentConfig {
  const parsed = deployment.safeParse(settings);
  if (!parsed.success) {
    throw new Error(`${source} does not configure a compactor:\n${z.prettifyError(parsed.error)}`);
  }
  const problems = impossibilities(parsed.data);
  if (problems.length > 0) throw new Error(`This configuration cannot work:\n- ${problems.join('\n- ')}`);
  return parsed.data;
}

/**
 * The processor that the functions get.
 * @param builder `process.arch` of the machine that builds the image
 * @throws Error if Lambda does not offer it
 */
export function architectureOf(
  { architecture }: Pick<DeploymentConfig, 'architecture'>,
  builder: string = process.arch,
): 'arm64' | 'x86_64' {
  if (architecture !== 'builder') return architecture;
  if (builder === 'arm64') return 'arm64';
  if (builder === 'x64') return 'x86_64';
  throw new Error(
    `Lambda has no functions for the processor of this machine (${builder}): name one of its own by ` +
      `${CONTEXT_PREFIX}architecture, and build with emulation.`,
  );
}

/** What the functions are told of it, in their environment. */
export function settingsOf(config: DeploymentConfig): Record<string, string> {
  return {
    LOCK_DURATION_MINUTES: String(config.lockDurationMinutes),
    HEARTBEAT_INTERVAL_SECONDS: String(config.heartbeatIntervalSeconds),
    MAX_DELTAS_PER_COMMIT: String(config.maxDeltasPerCommit),
    MAX_MIB_PER_COMMIT: String(config.maxMiBPerCommit),
    RETAIN_VERSIONS: String(config.retainVersions),
    RETAIN_DAYS: String(config.retainDays),
    STATUS_TTL_DAYS: String(config.statusTtlDays),
  };
}

function impossibilities(config: DeploymentConfig): string[] {
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

/** What would deploy, and then fail at every start: the functions' own parser decides. */
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
  // The working directory, and what Chroma writes anew beside it. A vacuum needs a third copy. The smallest /tmp has room for
  // the automatic ones, which are of at most 64 MiB; for one on request of a larger snapshot the operator must allow more.
  const tmp = BASE_TMP_MIB + 2 * expectedSnapshotMiB;
  if (mergeTmpMiB < tmp) {
    problems.push(
      `mergeTmpMiB (${mergeTmpMiB}) is too little for a snapshot of ${expectedSnapshotMiB} MiB: about ${tmp} MiB are ` +
        'needed. Raise it; Lambda offers at most 10240, so a snapshot may have about 4990 MiB.',
    );
  }
  return problems;
}
