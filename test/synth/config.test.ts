/** What a deployment may choose, and which combinations are refused. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { servedCollections } from '../../cdk/checks.ts';
import { GRANTS } from '../../cdk/grants.ts';
import { architectureOf, parseDeploymentConfig } from '../../cdk/parse-settings.ts';
import { deployment, settingsOf } from '../../cdk/settings.ts';
import { entryOf, VERBS } from '../../cdk/verbs.ts';
import { environment, parseConfig } from '../../lambdas/runtime/config.ts';
import { endpointEnvironment } from '../../lambdas/runtime/endpoint-config.ts';

const parse = (own: Record<string, unknown>) =>
  parseDeploymentConfig(Object.fromEntries(Object.entries(own).map(([key, value]) => [`compactor:${key}`, value])));

/** Settings that the stack hands to its Lambdas as they are. */
const HANDED_ON = {
  lockDurationMinutes: 'LOCK_DURATION_MINUTES',
  heartbeatIntervalSeconds: 'HEARTBEAT_INTERVAL_SECONDS',
  maxDeltasPerCommit: 'MAX_DELTAS_PER_COMMIT',
  maxMiBPerCommit: 'MAX_MIB_PER_COMMIT',
  retainVersions: 'RETAIN_VERSIONS',
  retainDays: 'RETAIN_DAYS',
  statusTtlDays: 'STATUS_TTL_DAYS',
};

/** The same for the function of the endpoint. */
const HANDED_ON_TO_THE_ENDPOINT = {
  endpointReadLevel: 'ENDPOINT_READ_LEVEL',
  endpointMaxBatchSize: 'ENDPOINT_MAX_BATCH_SIZE',
};

describe('the context', () => {
  it.each(Object.entries(HANDED_ON_TO_THE_ENDPOINT))(
    'allows no %s that the endpoint would refuse',
    (name, variable) => {
      const limits = (schema: z.ZodObject, of: string) => ({
        ...(z.toJSONSchema(schema).properties?.[of] as z.core.JSONSchema.Schema),
        description: '',
      });
      expect(limits(deployment, name)).toEqual(limits(endpointEnvironment, variable));
    },
  );

  it.each(Object.entries(HANDED_ON))('allows no %s that a Lambda would refuse at start', (setting, variable) => {
    const bounds = (schema: z.ZodObject, name: string) => {
      const { properties = {} } = z.toJSONSchema(schema);
      const { minimum, exclusiveMinimum, maximum } = properties[name] as z.core.JSONSchema.Schema;
      return { minimum, exclusiveMinimum, maximum };
    };
    expect(bounds(deployment, setting)).toEqual(bounds(environment, variable));
  });

  it.each([
    ['expectedSnapshotMiB', 66, 6],
    ['endpointMemoryMiB', 10_240, 5],
  ])('bounds what the endpoint keeps open by its memory: %s %i', (name, value, collections) => {
    expect(servedCollections(parse({ endpoint: true, [name]: value }))).toBe(collections);
  });

  it('asks nothing of an endpoint that is not there', () => {
    expect(parse({ expectedSnapshotMiB: 900, endpointTmpMiB: 512 })).toMatchObject({ endpoint: false });
  });

  it('has defaults that work', () => {
    expect(parseDeploymentConfig({ '@aws-cdk/core:something': true })).toMatchObject({
      stackName: 'ChromaCompactor',
      lockDurationMinutes: 3,
      heartbeatIntervalSeconds: 30,
      expectedSnapshotMiB: 600,
    });
  });

  it('asks for nothing that Lambda refuses in a new account', () => {
    const { mergeMemoryMiB, expectedSnapshotMiB } = parse({});
    expect(mergeMemoryMiB).toBeLessThanOrEqual(3_008);
    expect(expectedSnapshotMiB).toBe(600);
  });

  it('may come from the command line, as text', () => {
    expect(parse({ batchSize: '50', lockDurationMinutes: '2.5', deletionProtection: 'true' })).toMatchObject({
      batchSize: 50,
      lockDurationMinutes: 2.5,
      deletionProtection: true,
    });
    expect(parse({ deletionProtection: 'false' })).toMatchObject({ deletionProtection: false });
  });

  it.each([
    ['a name that is none', { memory: 3 }, /memory/],
    ['a heartbeat too slow for the lock', { heartbeatIntervalSeconds: 120, lockDurationMinutes: 3 }, /at most half/],
    ['a window too long for the visibility', { batchWindowSeconds: 300 }, /queueVisibilitySeconds \(240\).*480/],
    ['a starter too slow for the visibility', { starterTimeoutSeconds: 60 }, /6 x starterTimeoutSeconds/],
    ['large batches without a window', { batchWindowSeconds: 0 }, /at most 10/],
    [
      'an alarm that every delta raises',
      { pendingAgeAlarmSeconds: 60, batchWindowSeconds: 60, queueVisibilitySeconds: 300 },
      /pendingAgeAlarmSeconds \(60\).*above batchWindowSeconds/,
    ],
    ['a lock that outlasts the wait for it', { lockDurationMinutes: 6 }, /lockDurationMinutes/],
    ['too little memory', { expectedSnapshotMiB: 2_000, mergeTmpMiB: 10_240 }, /mergeMemoryMiB \(3008\)/],
    ['too little disk', { expectedSnapshotMiB: 4_000, mergeMemoryMiB: 10_240 }, /mergeTmpMiB \(4096\)/],
    // What Chroma takes of a small snapshot is three times its size: 512 + 3 x 64 + 4 x 64.
    ['too little memory, by little', { expectedSnapshotMiB: 64, mergeMemoryMiB: 959 }, /about 960 MiB/],
    ['too little memory of a middling one', { expectedSnapshotMiB: 100, mergeMemoryMiB: 959 }, /about 960 MiB/],
    ['too little memory to serve', { endpoint: true, expectedSnapshotMiB: 900 }, /endpointMemoryMiB \(3008\).*3212/],
    [
      'too little disk to serve',
      { endpoint: true, expectedSnapshotMiB: 600, endpointTmpMiB: 2_000 },
      /endpointTmpMiB \(2000\).*2056 MiB.*about 3320 MiB/,
    ],
    ['a status shorter than recovery', { statusTtlDays: 3 }, /recoveryDays/],
    [
      'an inbox kept longer than anything else',
      { inboxRecoveryDays: 15 },
      /inboxRecoveryDays \(15\).*recoveryDays \(14\)/,
    ],
    [
      'a status that S3 may outlive by its rounding',
      { statusTtlDays: 14, inboxRecoveryDays: 14 },
      /statusTtlDays \(14\) must be 0 or at least 16/,
    ],
    ['a merge longer than its Task', { mergeTimeoutSeconds: 901 }, /900/],
    ['days that CloudWatch Logs does not know', { logRetentionDays: 31 }, /one of 1, 3, 5/],
    ['an answer that is neither yes nor no', { deletionProtection: 'maybe' }, /deletionProtection/],
    ['a stack name that is none', { stackName: 'my stack' }, /letters/],
  ])('refuses %s', (_, own, message) => {
    expect(() => parse(own)).toThrow(message);
  });

  it('is what the functions read', () => {
    const settings = settingsOf(
      parse({ lockDurationMinutes: 2, maxMiBPerCommit: 32, retainDays: 3, statusTtlDays: 20 }),
    );

    expect(parseConfig({ STORE_URL: 's3://bucket', TABLE_NAME: 't', ...settings })).toMatchObject({
      statusTtlSeconds: 20 * 86_400,
      settings: {
        lockDurationMs: 120_000,
        heartbeatIntervalMs: 30_000,
        maxDeltasPerCommit: 500,
        maxBytesPerCommit: 32 * 1024 * 1024,
        retainVersions: 10,
        retainDays: 3,
      },
    });
  });

  it.each([
    ['builder', 'x64', 'x86_64'],
    ['builder', 'arm64', 'arm64'],
    ['arm64', 'x64', 'arm64'],
    ['x86_64', 'arm64', 'x86_64'],
  ])('takes %s on %s for %s', (architecture, processor, expected) => {
    expect(architectureOf(parse({ architecture }), processor)).toBe(expected);
  });

  it('does not guess for a builder that Lambda has no functions for', () => {
    expect(() => architectureOf(parse({}), 'riscv64')).toThrow(/riscv64.*compactor:architecture/);
  });

  it('names everything that is wrong at once', () => {
    expect(() => parse({ heartbeatIntervalSeconds: 120, batchWindowSeconds: 300 })).toThrow(/half[\s\S]*Visibility/);
  });
});

it('names the handlers by their verbs, and grants to each of them', () => {
  expect(entryOf('ValidateCas')).toBe('validate-cas');
  expect(Object.keys(GRANTS).sort()).toEqual([...VERBS].sort());
});
