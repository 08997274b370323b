/** The settings of a deployment, and those that are passed on to its functions. */
import { z } from 'zod';
import { endpointSettings } from './endpoint-settings.ts';
import { flag, NEW_ACCOUNT_MEMORY_MIB, seconds } from './setting-kinds.ts';
import { timeoutOf } from './verbs.ts';

const days = z.coerce.number().int().min(1).max(3_650);
/** Numbers of days that CloudWatch Logs can keep. */
const LOG_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

/** `npm run docs` writes its descriptions to docs/reference/configuration.md. */
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
  ...endpointSettings,
  alarmEmail: z.email().optional().describe('Who hears of alarms. Without it, subscribe to the topic yourself.'),
});

export type DeploymentConfig = z.infer<typeof deployment>;

/** The settings that functions get in their environment. */
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
