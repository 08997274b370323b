/** The edges of an ASL file, and those that an execution took. */
import { COMPACTION, readDefinition } from '../../local/machines.ts';
import type { Definition, StateDefinition } from '../../local/sfn/definition.ts';
import { firstMatch, StateFailure } from '../../local/sfn/failure.ts';
import type { Run } from '../support/run-machine.ts';

export function statesOf(machine = COMPACTION): Record<string, StateDefinition> {
  return (JSON.parse(readDefinition(machine)) as Definition).States;
}

/** `<state> -> <state>`, and for each Retry and Catch `<state> Retry <first error that it names>`. */
export function edgesOf(machine = COMPACTION): string[] {
  return Object.entries(statesOf(machine)).flatMap(([name, state]) => [
    ...targets(state).map((target) => `${name} -> ${target}`),
    ...(state.Retry ?? []).map((rule) => `${name} Retry ${rule.ErrorEquals[0]}`),
    ...(state.Catch ?? []).map((rule) => `${name} Catch ${rule.ErrorEquals[0]}`),
  ]);
}

function targets({ Next, Default, Choices = [] }: StateDefinition & { Default?: string }): string[] {
  const choices = (Choices as Array<{ Next: string }>).map((choice) => choice.Next);
  return [...choices, ...[Default, Next].filter((name) => name !== undefined)];
}

/**
 * Edges taken, in order. A Retry with `MaxAttempts: 0` is taken when it keeps an error from being retried.
 * @throws Error when an execution went where no edge leads
 */
export function edgesTaken({ events }: Pick<Run, 'events'>, machine = COMPACTION): string[] {
  const states = statesOf(machine);
  const taken: string[] = [];
  let at = '';
  let failure: StateFailure | undefined;
  for (const event of events) {
    const entered = event.stateEnteredEventDetails?.name;
    if (entered !== undefined) {
      if (at !== '') taken.push(...leaving(at, states[at], failure, entered));
      at = entered;
      failure = undefined;
    }
    const isAttempt = event.type === 'LambdaFunctionScheduled' || event.type === 'TaskScheduled';
    if (isAttempt && failure !== undefined) {
      taken.push(`${at} Retry ${firstMatch(states[at]?.Retry, failure)?.rule.ErrorEquals[0]}`);
      failure = undefined;
    }
    const details = event.lambdaFunctionFailedEventDetails ?? event.taskFailedEventDetails;
    if (details !== undefined) failure = new StateFailure(details.error ?? '');
    if (event.type === 'LambdaFunctionTimedOut' || event.type === 'TaskTimedOut') {
      failure = new StateFailure('States.Timeout');
    }
  }
  return taken;
}

function leaving(from: string, state: StateDefinition | undefined, failure: StateFailure | undefined, to: string) {
  if (failure === undefined) {
    if (state !== undefined && targets(state).includes(to)) return [`${from} -> ${to}`];
    throw new Error(`Nothing leads from ${from} to ${to}.`);
  }
  const refusing = firstMatch(state?.Retry, failure)?.rule;
  const catching = firstMatch(state?.Catch, failure)?.rule;
  if (catching?.Next !== to) throw new Error(`${failure.error} leads from ${from} to ${catching?.Next}, not to ${to}.`);
  const edges = [`${from} Catch ${catching.ErrorEquals[0]}`];
  return refusing?.MaxAttempts === 0 ? [`${from} Retry ${refusing.ErrorEquals[0]}`, ...edges] : edges;
}
