/** Configuration from the environment, parsed once. */
import { z } from 'zod';
import { describeIssues } from '../errors/describe-issues.ts';
import { ConfigurationError } from '../errors/errors.ts';
import type { Settings } from '../ports.ts';

const MIB = 1024 * 1024;

/** Its descriptions are docs/reference/configuration.md: `npm run docs` writes them there. */
export const environment = z.object({
  STORE_URL: z.string().min(1).describe('Where objects are kept: `s3://bucket/prefix`, or `file:///dir`.'),
  TABLE_NAME: z.string().min(1).describe('DynamoDB table of locks and statuses.'),
  CACHE_DIRECTORY: z
    .string()
    .default('/mnt/cache')
    .describe('Where EFS is mounted: packs, manifests and staging. Whatever is in it may be deleted.'),
  WORK_DIRECTORY: z.string().default('/tmp/work').describe('Local disk for working directories.'),
  STATE_MACHINE_ARN: z
    .string()
    .optional()
    .describe('ARN of the state machine. Needed by whatever starts executions; with it, `compactor` works on AWS.'),
  EVENT_BUS_NAME: z
    .string()
    .min(1)
    .optional()
    .describe('EventBridge bus that commits are announced on: a name or an ARN. Unset: no events.'),
  // Waiting for the lock must outlast it, jitter and all: see `lockHeld` in statemachine/retriers.ts.
  LOCK_DURATION_MINUTES: z.coerce
    .number()
    .positive()
    .max(5)
    .default(1)
    .describe('Minutes after which lock and claim expire, if their holder is gone. At least twice the heartbeat.'),
  HEARTBEAT_INTERVAL_SECONDS: z.coerce
    .number()
    .positive()
    .max(1_800)
    .default(30)
    .describe('Seconds between two renewals of the claim during merge and upload.'),
  MAX_DELTAS_PER_COMMIT: z.coerce
    .number()
    .int()
    .min(1)
    .max(5_000)
    .default(500)
    .describe('Deltas merged in one commit, at most. What is left goes into the next commit of the same execution.'),
  MAX_MIB_PER_COMMIT: z.coerce
    .number()
    .positive()
    .max(1_024)
    .default(64)
    .describe('MiB of deltas merged in one commit, at most; a single larger delta is still merged, alone.'),
  RETAIN_VERSIONS: z.coerce
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(10)
    .describe('Newest versions that garbage collection keeps, the current one included.'),
  RETAIN_DAYS: z.coerce
    .number()
    .min(0)
    .max(3_650)
    .default(7)
    .describe('Versions replaced within this many days are kept as well.'),
  STATUS_TTL_DAYS: z.coerce
    .number()
    .min(0)
    .max(3_650)
    .default(0)
    .describe('Days after which a status may go, and with it the guard against late duplicates. 0: never.'),
});

export interface Config {
  storeUrl: string;
  tableName: string;
  cacheDirectory: string;
  workDirectory: string;
  stateMachineArn: string | undefined;
  eventBusName: string | undefined;
  /** Seconds; 0 for never. */
  statusTtlSeconds: number;
  settings: Settings;
}

/** @throws ConfigurationError (missing or impossible values, all of them named) */
export function parseConfig(env: Record<string, string | undefined>): Config {
  const parsed = environment.safeParse(env);
  if (!parsed.success) {
    throw new ConfigurationError(
      `The environment does not configure a compactor:\n${describeIssues(parsed.error, env)}`,
    );
  }
  const values = parsed.data;
  const lockDurationMs = values.LOCK_DURATION_MINUTES * 60_000;
  const heartbeatIntervalMs = values.HEARTBEAT_INTERVAL_SECONDS * 1_000;
  if (heartbeatIntervalMs * 2 > lockDurationMs) {
    throw new ConfigurationError(
      `HEARTBEAT_INTERVAL_SECONDS (${values.HEARTBEAT_INTERVAL_SECONDS}) must be at most half of LOCK_DURATION_MINUTES ` +
        `(${values.LOCK_DURATION_MINUTES}), or a single late heartbeat loses the claim. Lower the one or raise the other.`,
    );
  }
  return {
    storeUrl: values.STORE_URL,
    tableName: values.TABLE_NAME,
    cacheDirectory: values.CACHE_DIRECTORY,
    workDirectory: values.WORK_DIRECTORY,
    stateMachineArn: values.STATE_MACHINE_ARN,
    eventBusName: values.EVENT_BUS_NAME,
    statusTtlSeconds: Math.round(values.STATUS_TTL_DAYS * 86_400),
    settings: {
      lockDurationMs,
      claimDurationMs: lockDurationMs,
      heartbeatIntervalMs,
      maxDeltasPerCommit: values.MAX_DELTAS_PER_COMMIT,
      maxBytesPerCommit: Math.round(values.MAX_MIB_PER_COMMIT * MIB),
      retainVersions: values.RETAIN_VERSIONS,
      retainDays: values.RETAIN_DAYS,
    },
  };
}
