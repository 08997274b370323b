/**
 * Every error that a Retry or Catch names, in every Task, whether a step can throw it there or not: before the handler
 * ran, and after it did everything but answer. Lambda's own errors come that way in either case.
 */
import { expect } from 'vitest';
import { worstTotalSeconds } from '../../lambdas/protocol/backoff.ts';
import { StateFailure } from '../../local/sfn/failure.ts';
import type { TaskHandler } from '../../local/sfn/task.ts';
import type { Run, RunOptions } from '../support/run-machine.ts';
import { statesOf } from './edges.ts';
import type { Scenario } from './scenario.ts';
import { failsInUpload, movedAtSwap } from './scenarios-outages.ts';

const UNFORESEEN = 'SomethingUnforeseenError';
/** More errors than any rule names that a step throws. */
const LONG = 12;
/** Goes on, whatever the failure. */
const SUCCESS = ['Compacted', 'UpToDate'];
const ROUTES: Readonly<Record<string, Scenario['faults']>> = {
  ReleaseLockAfterConflict: movedAtSwap,
  DiscardUpload: movedAtSwap,
  HandleFailure: failsInUpload,
};

export const named: Scenario[] = Object.entries(statesOf()).flatMap(([state, { Type, Retry = [], Catch = [] }]) => {
  if (Type !== 'Task') return [];
  const names = new Set([...Retry, ...Catch].flatMap(({ ErrorEquals }) => sampled(ErrorEquals)));
  names.delete('States.ALL');
  return [...names, UNFORESEEN].flatMap((error) => {
    const covers = (rule: { ErrorEquals: string[] }) => rule.ErrorEquals.includes(error);
    const retry = Retry.find(covers);
    const isRetried = retry?.MaxAttempts !== 0 && retry !== undefined;
    const caught = Catch.find(covers) ?? Catch.at(-1);
    const edges = [
      ...(retry === undefined ? [] : [`${state} Retry ${retry.ErrorEquals[0]}`]),
      ...(isRetried ? [] : [`${state} Catch ${caught?.ErrorEquals[0]}`]),
    ];
    const fails = !isRetried && ['HandleFailure', 'InvalidInput'].includes(caught?.Next ?? '');
    const ends = state === 'HandleFailure' ? 'StoreUnavailableError' : fails ? error : SUCCESS;
    return (['before', 'after'] as const).map((when): Scenario => {
      const faults = ROUTES[state];
      return {
        name: `${error} ${when} ${state} took effect`,
        wrap: failing(state, error, when),
        ...(faults === undefined ? {} : { faults }),
        ends,
        takes: edges,
        leavesHeld: when === 'before' && (state === 'ReleaseSwapLock' || state === 'HandleFailure'),
      };
    });
  });
});

/** Long lists hold Lambda's own errors, which meet one rule and one end: the first and the last stand for all. */
function sampled(errors: readonly string[]): readonly string[] {
  return errors.length <= LONG ? errors : [errors.at(0) ?? '', errors.at(-1) ?? ''];
}

/** The first invocation fails so. */
export function failing(state: string, error: string, when: 'before' | 'after', times = 1): RunOptions['wrap'] {
  const around = (real: TaskHandler): TaskHandler => {
    let calls = 0;
    return async (input) => {
      calls++;
      if (calls <= times && when === 'after') await real(input);
      // `States.` errors are found by Step Functions itself; all others are reported by Lambda.
      if (calls <= times && error.startsWith('States.')) throw new StateFailure(error, '');
      if (calls <= times) throw Object.assign(new Error(`${error} by the test.`), { name: error });
      return real(input);
    };
  };
  return { [state]: around };
}

/** Its Catch plans again: giving up is not the end of the execution. */
const PLANS_AGAIN = ['SwapPointer Retry StoreUnavailableError', 'SwapPointer Retry States.Timeout'];

/** Every Retry until it gives up: as often as the file says, and no longer than the contract allows. */
export const exhausted: Scenario[] = Object.entries(statesOf()).flatMap(([state, { Retry = [], Catch = [] }]) =>
  Retry.flatMap((rule) => {
    const { MaxAttempts = 0, ErrorEquals } = rule;
    const error = ErrorEquals[0] ?? '';
    const edge = `${state} Retry ${error}`;
    if (MaxAttempts === 0 || PLANS_AGAIN.includes(edge)) return [];
    const faults = ROUTES[state];
    const ends = state === 'HandleFailure' ? 'StoreUnavailableError' : error;
    const isPassedOver = Catch.at(-1)?.Next !== 'HandleFailure' && state !== 'HandleFailure';
    return {
      name: `${error} in ${state}, always`,
      wrap: failing(state, error, 'before', Number.POSITIVE_INFINITY),
      ...(faults === undefined ? {} : { faults }),
      ends: isPassedOver ? 'Compacted' : ends,
      takes: [edge, `${state} Catch States.ALL`],
      leavesHeld: state === 'ReleaseSwapLock' || state === 'HandleFailure',
      assess: (_: unknown, { events }: Run) => {
        const from = events.findIndex((event) => event.stateEnteredEventDetails?.name === state);
        const to = events.findIndex((event) => event.stateExitedEventDetails?.name === state);
        const visit = events.slice(from, to);
        expect(visit.filter(({ type }) => type === 'LambdaFunctionScheduled')).toHaveLength(MaxAttempts + 1);
        const waitedMs = (events[to]?.timestamp ?? 0) - (events[from]?.timestamp ?? 0);
        // Whole milliseconds, rounded up for each wait.
        expect(waitedMs).toBeLessThanOrEqual(worstTotalSeconds(rule) * 1_000 + MaxAttempts);
      },
    };
  }),
);
