/** The configuration: sound defaults, and a start that is refused rather than a compactor that fails later. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigurationError } from '../../lambdas/errors/errors.ts';
import { parseConfig } from '../../lambdas/runtime/config.ts';

const REQUIRED = { STORE_URL: 's3://bucket/prefix', TABLE_NAME: 'compactor' };

/** Message of the refusal. */
function refusal(env: Record<string, string | undefined>): string {
  try {
    parseConfig(env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as Error).message;
  }
  throw new Error('The configuration was accepted.');
}

describe('the configuration', () => {
  it('needs a store and a table, and has a default for everything else', () => {
    expect(parseConfig(REQUIRED)).toEqual({
      storeUrl: 's3://bucket/prefix',
      tableName: 'compactor',
      cacheDirectory: '/mnt/cache',
      workDirectory: '/tmp/work',
      stateMachineArn: undefined,
      statusTtlSeconds: 0,
      settings: {
        lockDurationMs: 60_000,
        claimDurationMs: 60_000,
        heartbeatIntervalMs: 30_000,
        maxDeltasPerCommit: 500,
        maxBytesPerCommit: 64 * 1024 * 1024,
        retainVersions: 10,
        retainDays: 7,
      },
    });
  });

  it('takes every value from the environment, in the units of its name', () => {
    const config = parseConfig({
      STORE_URL: 'file:///data',
      TABLE_NAME: 't',
      CACHE_DIRECTORY: '/cache',
      WORK_DIRECTORY: '/scratch',
      STATE_MACHINE_ARN: 'arn:aws:states:eu-central-1:123456789012:stateMachine:compaction',
      LOCK_DURATION_MINUTES: '3',
      HEARTBEAT_INTERVAL_SECONDS: '20',
      MAX_DELTAS_PER_COMMIT: '50',
      MAX_MIB_PER_COMMIT: '0.5',
      RETAIN_VERSIONS: '3',
      RETAIN_DAYS: '0.5',
      STATUS_TTL_DAYS: '30',
      PATH: '/usr/bin',
    });
    expect(config).toEqual({
      storeUrl: 'file:///data',
      tableName: 't',
      cacheDirectory: '/cache',
      workDirectory: '/scratch',
      stateMachineArn: 'arn:aws:states:eu-central-1:123456789012:stateMachine:compaction',
      statusTtlSeconds: 2_592_000,
      settings: {
        lockDurationMs: 180_000,
        claimDurationMs: 180_000,
        heartbeatIntervalMs: 20_000,
        maxDeltasPerCommit: 50,
        maxBytesPerCommit: 524_288,
        retainVersions: 3,
        retainDays: 0.5,
      },
    });
  });

  it('is refused with every missing name in the message', () => {
    expect(refusal({})).toMatch(/STORE_URL[\s\S]*TABLE_NAME/);
    expect(refusal({ STORE_URL: 's3://bucket' })).toMatch(/TABLE_NAME/);
    expect(refusal({ STORE_URL: 's3://bucket' })).not.toMatch(/STORE_URL/);
  });

  it('is refused with missing and impossible values named together', () => {
    expect(refusal({ TABLE_NAME: 't', LOCK_DURATION_MINUTES: 'long' })).toMatch(
      /STORE_URL[\s\S]*LOCK_DURATION_MINUTES/,
    );
  });

  it.each([
    ['LOCK_DURATION_MINUTES', ['0', '-1', '61', 'NaN', 'Infinity', '1m', '']],
    ['HEARTBEAT_INTERVAL_SECONDS', ['0', '-1', '1801', 'soon', '']],
    ['MAX_DELTAS_PER_COMMIT', ['0', '-5', '1.5', '5001', 'many', '']],
    ['MAX_MIB_PER_COMMIT', ['0', '-1', '1025', 'all', '']],
    ['RETAIN_VERSIONS', ['0', '-1', '2.5', '1000001', 'all', '']],
    ['RETAIN_DAYS', ['-1', '3651', 'ever']],
    ['STATUS_TTL_DAYS', ['-1', '3651', 'never']],
  ])('is refused when %s is no sensible number', (name, values) => {
    for (const value of values) expect(refusal({ ...REQUIRED, [name]: value })).toContain(name);
  });
});

describe('the heartbeat', () => {
  it('that would come twice within the lock duration is accepted, and any slower one refused', () => {
    const minutes = fc.integer({ min: 1, max: 5 });
    const seconds = fc.oneof(
      fc.integer({ min: 1, max: 1_800 }),
      minutes.chain((minutes) => fc.constantFrom(minutes * 30, Math.min(1_800, minutes * 30 + 1))),
    );
    fc.assert(
      fc.property(minutes, seconds, (minutes, seconds) => {
        const env = { ...REQUIRED, LOCK_DURATION_MINUTES: `${minutes}`, HEARTBEAT_INTERVAL_SECONDS: `${seconds}` };
        if (seconds * 2 <= minutes * 60) expect(parseConfig(env).settings.heartbeatIntervalMs).toBe(seconds * 1_000);
        else expect(refusal(env)).toMatch(/HEARTBEAT_INTERVAL_SECONDS.*LOCK_DURATION_MINUTES/);
      }),
    );
  });

  it('of the system this one replaces (120 s under a lock of 60 s) is refused', () => {
    expect(refusal({ ...REQUIRED, HEARTBEAT_INTERVAL_SECONDS: '120' })).toContain('at most half');
  });
});
