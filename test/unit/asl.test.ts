/** The ASL files against the rules of the design, the handlers, and the errors. */
import { readFileSync } from 'node:fs';
import validate from 'asl-validator';
import { describe, expect, it } from 'vitest';
import * as errors from '../../lambdas/errors/errors.ts';
import { HANDLERS } from '../../lambdas/handlers.ts';
import type { RetryPolicy } from '../../lambdas/protocol/backoff.ts';
import { COMPACTION, RELEASE_ABANDONED, readDefinition } from '../../local/machines.ts';
import { LAMBDA_ERRORS, NOT_READY } from '../support/lambda-errors.ts';

interface Rule extends RetryPolicy {
  ErrorEquals: string[];
  Next?: string;
  ResultPath?: string;
}
interface State {
  Type: string;
  Comment?: string;
  Resource?: string;
  Next?: string;
  Default?: string;
  Choices?: Array<{ Next: string }>;
  TimeoutSeconds?: number;
  Retry?: Rule[];
  Catch?: Rule[];
}
interface Machine {
  StartAt: string;
  States: Record<string, State>;
}

/** Names that AWS gives, with where they are documented. */
const AWS_NAMES = new Set([
  ...LAMBDA_ERRORS,
  // Step Functions, "Error names"
  'States.ALL',
  'States.TaskFailed',
  'States.Timeout',
  // Lambda, "Runtime exit" and "Function timeout"
  'Sandbox.Timedout',
  'Runtime.ExitError',
  'Runtime.OutOfMemory',
  // Step Functions, "Start a new state machine execution"
  'StepFunctions.ExecutionAlreadyExistsException',
]);
/** Errors that compaction.asl.json need not name, and why. */
const UNNAMED: Readonly<Record<string, string>> = {
  AnnouncerUnavailableError: 'never ends a step: what is not announced is settled all the same',
  CompactorError: 'is the abstract base of all',
  CollectionsFailedError: 'comes only from scheduled Lambdas, which are no states',
  CollectionExistsError: 'comes only from the CLI, when a collection is created',
  DamagedSourceError: 'comes only from the CLI, when a directory is imported',
  DeltaIdReusedError: 'is recorded as a rejection, and never thrown',
  SecretUnavailableError: 'comes only from endpoints, which are no states',
};
/** After the swap the commit stands: what fails here is passed over. */
const AFTER_SWAP: Readonly<Record<string, string>> = { ReleaseSwapLock: 'SyncEfs', SyncEfs: 'FinishCompaction' };

/** Up to 15 minutes of work: a new plan is the better second attempt. */
const PLANS_AGAIN = new Set(['MergeDeltas', 'UploadSnapshot']);

const ERRORS_SOURCE = readFileSync(new URL('../../lambdas/errors/errors.ts', import.meta.url), 'utf8');

const parse = (name: string) => JSON.parse(readDefinition(name)) as Machine;
const compaction = parse(COMPACTION);
const classes = Object.values(errors).filter((value) => typeof value === 'function') as Array<{ name: string }>;
const classNames = new Set(classes.map(({ name }) => name));
const rulesOf = (state: State) => [...(state.Retry ?? []), ...(state.Catch ?? [])];
const named = (machine: Machine) =>
  new Set(Object.values(machine.States).flatMap((state) => rulesOf(state).flatMap((rule) => rule.ErrorEquals)));
const targets = (state: State) =>
  [state.Next, state.Default, ...(state.Choices ?? []), ...(state.Catch ?? [])]
    .map((edge) => (typeof edge === 'object' ? edge.Next : edge))
    .filter((next) => next !== undefined);

describe.each([COMPACTION, RELEASE_ABANDONED])('%s.asl.json', (name) => {
  const machine = parse(name);
  const states = Object.entries(machine.States);
  const tasks = states.filter(([, state]) => state.Type === 'Task');

  it('is valid by asl-validator', () => {
    const text = readDefinition(name)
      .replace(/\$\{CompactionArn\}/, 'arn:aws:states:eu-west-1:123456789012:stateMachine:compaction')
      .replaceAll(/\$\{(\w+)Arn\}/g, 'arn:aws:lambda:eu-west-1:123456789012:function:$1');
    const verdict = validate(JSON.parse(text));
    expect(verdict.isValid ? '' : verdict.errorsText()).toBe('');
  });

  it('explains every state', () => {
    const silent = states.filter(([, { Comment = '' }]) => Comment.length < 20);
    expect(silent.map(([state]) => state)).toEqual([]);
  });

  it('names handlers that exist', () => {
    const arns = [...readDefinition(name).matchAll(/\$\{(\w+)Arn\}/g)].map(([, handler = '']) => handler);
    expect(arns.filter((handler) => handler !== 'Compaction' && HANDLERS[handler] === undefined)).toEqual([]);
  });

  it('reaches every state from its start, and leads every state to an end', () => {
    const reached = new Set([machine.StartAt]);
    for (const at of reached) for (const next of targets(machine.States[at] as State)) reached.add(next);
    expect([...reached].sort()).toEqual(states.map(([state]) => state).sort());
    for (const [state, { Type, Next, Default }] of states) {
      const isEnd = Type === 'Succeed' || Type === 'Fail';
      expect([state, isEnd || (Next ?? Default) !== undefined]).toEqual([state, true]);
    }
  });

  it('names only errors that exist', () => {
    const unknown = [...named(machine)].filter((error) => !classNames.has(error) && !AWS_NAMES.has(error));
    expect(unknown).toEqual([]);
  });

  it.each(tasks)(
    '%s has a timeout, fails at once where no retry helps, and jitters all waits but those for a function',
    (_, state) => {
      expect(state.TimeoutSeconds).toBeGreaterThan(0);
      const retriers = state.Retry ?? [];
      expect(retriers[0]?.MaxAttempts).toBe(0);
      const waiting = retriers.filter(({ MaxAttempts }) => MaxAttempts !== 0);
      const jitterOf = ({ ErrorEquals }: Rule) =>
        ErrorEquals.some((error) => NOT_READY.includes(error)) ? 'NONE' : 'FULL';
      expect(waiting.map(({ JitterStrategy }) => JitterStrategy)).toEqual(waiting.map(jitterOf));
      expect(waiting.filter(({ MaxAttempts = 0 }) => MaxAttempts < 1)).toEqual([]);
      expect(state.Catch?.at(-1)?.ErrorEquals).toEqual(['States.ALL']);
      const all = retriers.flatMap((rule) => rule.ErrorEquals);
      expect(new Set(all).size).toBe(all.length);
    },
  );
});

describe('compaction.asl.json', () => {
  it('uses every handler but the one of the other machine', () => {
    const used = Object.values(compaction.States).flatMap(
      ({ Resource = '' }) => /^\$\{(\w+)Arn\}$/.exec(Resource)?.[1] ?? [],
    );
    expect([...new Set(used)].sort()).toEqual(
      Object.keys(HANDLERS)
        .filter((name) => name !== 'ReleaseAbandoned')
        .sort(),
    );
    expect(Object.keys(parse(RELEASE_ABANDONED).States)).toContain('ReleaseAbandoned');
  });

  it('names every error that a step can throw', () => {
    const unnamed = [...classNames].filter((error) => !named(compaction).has(error));
    expect(unnamed.sort()).toEqual(Object.keys(UNNAMED).sort());
  });

  it('leads every unforeseen failure where the design says', () => {
    for (const [name, { Type, Catch }] of Object.entries(compaction.States)) {
      if (Type !== 'Task') continue;
      const last = Catch?.at(-1);
      const expected = name === 'HandleFailure' ? 'Failed' : (AFTER_SWAP[name] ?? 'HandleFailure');
      expect([name, last?.Next]).toEqual([name, expected]);
      // What fails first is what `Failed` reports: nothing that fails later may take its place.
      const path = name === 'HandleFailure' ? '$.releaseError' : name in AFTER_SWAP ? '$.passedOver' : '$.error';
      const catchers = Catch?.filter(({ Next }) => Next !== 'InvalidInput');
      expect([name, catchers?.map((rule) => rule.ResultPath)]).toEqual([name, catchers?.map(() => path)]);
    }
  });

  it('puts the error of an unusable input in its place, where any JSON has room for it', () => {
    const catchers = Object.entries(compaction.States).flatMap(([name, { Catch = [] }]) =>
      Catch.filter(({ Next }) => Next === 'InvalidInput').map(({ ErrorEquals, ResultPath }) => ({
        name,
        ErrorEquals,
        ResultPath,
      })),
    );
    expect(catchers).toEqual([{ name: 'PlanCompaction', ErrorEquals: ['InvalidInputError'], ResultPath: '$' }]);
    expect(compaction.States.InvalidInput).toMatchObject({ ErrorPath: '$.Error', CausePath: '$.Cause' });
  });

  it('does a step again whose call hung, but for those that plan again instead', () => {
    for (const [name, { Type, Retry = [] }] of Object.entries(compaction.States)) {
      if (Type !== 'Task') continue;
      const rule = Retry.find(({ ErrorEquals }) => ErrorEquals.includes('States.Timeout'));
      const expected = PLANS_AGAIN.has(name) ? undefined : ['States.Timeout', 'Sandbox.Timedout'];
      expect([name, rule?.ErrorEquals]).toEqual([name, expected]);
    }
    for (const name of PLANS_AGAIN) {
      const rule = compaction.States[name]?.Catch?.find(({ ErrorEquals }) => ErrorEquals.includes('States.Timeout'));
      expect([name, rule?.Next]).toEqual([name, 'DiscardUpload']);
    }
  });
});

describe('errors', () => {
  it.each(classes.filter(({ name }) => name !== 'CompactorError'))(
    '$name reports the name that the ASL matches',
    (Class) => {
      const error = new (Class as unknown as new (...args: unknown[]) => Error)('what', 'who', 0);
      expect(error.name).toBe(Class.name);
      expect(error).toBeInstanceOf(errors.CompactorError);
      // A literal: `constructor.name` would not survive minification.
      expect(ERRORS_SOURCE).toContain(`override readonly name = '${Class.name}';`);
    },
  );
});
