/** The retriers of the ASL files against the policies, Lambda's documented errors, the lock, and the limits of executions. */
import { describe, expect, it } from 'vitest';
import { ConfigurationError, InvalidInputError } from '../../lambdas/errors/errors.ts';
import { delaysOf, expectedTotalSeconds, type RetryPolicy, worstTotalSeconds } from '../../lambdas/protocol/backoff.ts';
import { parseConfig } from '../../lambdas/runtime/config.ts';
import { COMPACTION, RELEASE_ABANDONED, readDefinition } from '../../local/machines.ts';
import { MAX_ROUNDS } from '../../statemachine/contract.ts';
import { POLICIES, type Retrier } from '../../statemachine/retriers.ts';
import { retriersOf } from '../../statemachine/retriers-by-task.ts';
import { withRetriers } from '../../statemachine/write-retriers.ts';
import { LAMBDA_ERRORS, LAMBDA_SERVICE, NOT_READY } from '../support/lambda-errors.ts';
import { shortfallBound } from '../support/shortfall-bound.ts';

interface Rule extends RetryPolicy {
  ErrorEquals: string[];
}
interface State {
  Type: string;
  Resource?: string;
  TimeoutSeconds: number;
  Seconds?: number;
  Retry?: Rule[];
  Catch?: Rule[];
}
interface Machine {
  TimeoutSeconds: number;
  States: Record<string, State>;
}

const MACHINES = [COMPACTION, RELEASE_ABANDONED];
const machines = MACHINES.map((name) => [name, JSON.parse(readDefinition(name)) as Machine] as const);
const tasks = machines.flatMap(([, { States }]) => Object.entries(States).filter(([, { Type }]) => Type === 'Task'));
const lambdas = tasks.filter(([, { Resource }]) => Resource?.startsWith('${'));
const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);

describe('the files', () => {
  it.each(MACHINES)(
    '%s.asl.json has the retriers of the policies: run `npm run asl` after a change of either',
    (name) => {
      const definition = readDefinition(name);

      const written = withRetriers(definition, retriersOf(name));

      expect(definition).toBe(written);
    },
  );

  it('have policies for every Task, and for nothing else', () => {
    const withPolicies = MACHINES.flatMap((name) => Object.keys(retriersOf(name)));

    expect(withPolicies).toEqual(tasks.map(([task]) => task));
  });

  it('are refused with a Retry that has no policies, and for a Task without Retry', () => {
    const definition = readDefinition(RELEASE_ABANDONED);
    const { StartSuccessor = [], ...others } = retriersOf(RELEASE_ABANDONED);

    expect(() => withRetriers(definition, others)).toThrow(InvalidInputError);
    expect(() => withRetriers(definition, { ...others, StartSuccessor, Another: [] })).toThrow(/Another/);
  });

  it('may have an empty Retry to be filled', () => {
    const definition = readDefinition(RELEASE_ABANDONED);
    const emptied = definition.replaceAll(/"Retry": \[\n.*?\n {6}\]/gs, '"Retry": []');

    const written = withRetriers(emptied, retriersOf(RELEASE_ABANDONED));

    expect(emptied).not.toContain('MaxAttempts');
    expect(written).toBe(definition);
  });
});

describe.each(lambdas)('%s', (task, { Retry = [], Catch = [] }) => {
  const retriersFor = (error: string) => Retry.filter(({ ErrorEquals }) => ErrorEquals.includes(error));

  it('names every documented error of Lambda in exactly one retrier', () => {
    // A merge that took Lambda down is not repeated as it was: it is caught, and tried again with fewer deltas.
    const caught = task === 'MergeDeltas' ? ['Lambda.Unknown'] : [];
    const named = LAMBDA_ERRORS.filter((error) => !caught.includes(error));

    const counts = named.map((error) => [error, retriersFor(error).length]);

    expect(counts).toEqual(named.map((error) => [error, 1]));
    expect(caught.flatMap(retriersFor)).toEqual([]);
    expect(Catch.flatMap(({ ErrorEquals }) => ErrorEquals)).toEqual(expect.arrayContaining(caught));
  });

  it('retries what AWS says to retry, with full jitter', () => {
    const wanted = LAMBDA_SERVICE.filter((error) => task !== 'MergeDeltas' || error !== 'Lambda.Unknown');

    const rules = wanted.flatMap(retriersFor);

    const expected = expect.objectContaining({
      MaxAttempts: POLICIES.lambdaTrouble.MaxAttempts,
      JitterStrategy: 'FULL',
    });
    expect(rules).toEqual(wanted.map(() => expected));
  });

  it('waits minutes, without jitter, for a function that is not ready', () => {
    const retriers = new Set(NOT_READY.flatMap(retriersFor));

    expect(retriers.size).toBe(1);
    const [retrier = { ErrorEquals: [], MaxAttempts: 0 }] = retriers;
    expect((retrier as RetryPolicy).JitterStrategy ?? 'NONE').toBe('NONE');
    expect(Math.min(...delaysOf(retrier))).toBeGreaterThanOrEqual(60);
    expect(worstTotalSeconds(retrier)).toBeGreaterThanOrEqual(600);
  });
});

describe.each(Object.entries(POLICIES) as Array<[string, Retrier]>)('the policy %s', (_, policy) => {
  it('states what its waits come to', () => {
    const [expected, worst] = [expectedTotalSeconds(policy), worstTotalSeconds(policy)];
    const stated = policy.Comment.match(/[\d.]+ s (of waiting expected|at most|in all)/g) ?? [];
    const jittered = [`${expected} s of waiting expected`, `${worst} s at most`];

    const truth = policy.MaxAttempts === 0 ? [] : policy.JitterStrategy === 'FULL' ? jittered : [`${worst} s in all`];

    expect(stated).toEqual(truth);
  });
});

describe('waiting for the lock', () => {
  const minutes = (LOCK_DURATION_MINUTES: string) =>
    parseConfig({ LOCK_DURATION_MINUTES, STORE_URL: 's3://b', TABLE_NAME: 't' });
  const longestSeconds = minutes('5').settings.lockDurationMs / 1_000;

  it('outlasts the longest lock that configuration allows, but for one time in ten million', () => {
    const rules = tasks.flatMap(([, { Retry = [] }]) =>
      Retry.filter(({ ErrorEquals }) => ErrorEquals.includes('LockHeldError')),
    );

    const bounds = rules.map((rule) => shortfallBound(rule, longestSeconds));

    expect(() => minutes('5.001')).toThrow(ConfigurationError);
    expect(bounds).toHaveLength(2);
    expect(Math.max(...bounds)).toBeLessThan(1e-7);
  });

  it('states that lock and that probability', () => {
    expect(POLICIES.lockHeld.Comment).toContain(`less than ${longestSeconds} s`);
    expect(POLICIES.lockHeld.Comment).toContain('below 1e-7.');
  });
});

describe('an execution', () => {
  /** Every retrier used up, and every attempt as long as it may be. */
  const longestVisit = ({ TimeoutSeconds, Retry = [] }: State) =>
    sum(Retry.map(worstTotalSeconds)) + TimeoutSeconds * (1 + sum(Retry.map(({ MaxAttempts = 3 }) => MaxAttempts)));

  it.each(machines)('of %s has time for the longest visit of any Task', (_, { TimeoutSeconds, States }) => {
    const visits = Object.values(States).flatMap((state) => (state.Type === 'Task' ? [longestVisit(state)] : []));

    expect(Math.max(...visits)).toBeLessThan(TimeoutSeconds);
  });

  it('of release-abandoned has time to look twice and to start twice, each at its longest', () => {
    const [, { TimeoutSeconds, States }] = machines[1] ?? expect.unreachable();
    const { ReleaseAbandoned, StartSuccessor, AwaitNextSlot } = States as Record<string, State>;

    const waits = (state: State | undefined) => sum((state?.Retry ?? []).map(worstTotalSeconds));
    const longest = 2 * (waits(ReleaseAbandoned) + waits(StartSuccessor)) + (AwaitNextSlot?.Seconds ?? 0);

    expect(longest).toBeGreaterThan(0);
    expect(longest).toBeLessThan(TimeoutSeconds);
  });

  it('stays within 25,000 events though every round waits its longest for the lock and for a function, twice', () => {
    // docs/scale.md: 50 rounds without retries. An attempt is scheduled, started and failed.
    const [withoutRetries, eventsAnAttempt] = [3_400, 3];
    const { lockHeld, notReady } = POLICIES;

    const retried = MAX_ROUNDS * 2 * (lockHeld.MaxAttempts + notReady.MaxAttempts) * eventsAnAttempt;

    expect(withoutRetries + retried).toBeLessThan(25_000);
  });
});
