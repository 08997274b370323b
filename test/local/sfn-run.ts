/** Runs of a few states, for tests of the interpreter. */
import type { Definition, Json } from '../../local/sfn/definition.ts';
import type { RecordedEvent } from '../../local/sfn/history.ts';
import { runExecution } from '../../local/sfn/interpreter.ts';
import { compileMachine, type RunOptions } from '../../local/sfn/run-options.ts';
import { systemTime, type Time } from '../../local/sfn/time.ts';
import { withoutWaits } from '../support/without-waits.ts';

type Handlers = RunOptions['handlers'];

export const LAMBDA = 'arn:aws:lambda:us-east-1:000000000000:function:work';
export const EXECUTION = {
  Execution: { Id: 'arn:execution', Name: 'run-7', Input: { given: 1 }, StartTime: '2026-01-01T00:00:00.000Z' },
};

/**
 * Run states whose first one is the start; waits and retries take no time and are listed in `sleeps`. Not validated, which
 * takes longer than all the rest: what is refused has tests of its own.
 */
export async function run(
  states: Record<string, object>,
  options: { input?: Json; handlers?: Handlers; random?: () => number; time?: Time; signal?: AbortSignal } = {},
) {
  const sleeps: number[] = [];
  const events: RecordedEvent[] = [];
  const definition = { StartAt: Object.keys(states)[0], States: states } as Definition;
  const outcome = await runExecution({
    machine: compileMachine(definition),
    input: options.input === undefined ? {} : options.input,
    handlers: options.handlers ?? {},
    context: EXECUTION,
    onEvent: (event) => events.push(event),
    time: options.time ?? withoutWaits(systemTime, (ms) => sleeps.push(ms)),
    ...(options.random === undefined ? {} : { random: options.random }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  return { outcome, events, types: events.map(({ type }) => type), sleeps };
}

/** A handler that throws errors of these names, in order, then returns `{ calls }`. */
export function failing(...names: string[]) {
  let calls = 0;
  return async () => {
    const name = names[calls++];
    if (name !== undefined) throw Object.assign(new Error(`number ${calls}`), { name });
    return { calls };
  };
}

export const task = (fields: object = {}) => ({ Type: 'Task', Resource: LAMBDA, End: true, ...fields });
export const pass = (fields: object) => ({ Type: 'Pass', End: true, ...fields });
export const output = async (states: Record<string, object>, options: Parameters<typeof run>[1] = {}) => {
  const { outcome } = await run(states, options);
  return outcome.status === 'SUCCEEDED' ? outcome.output : outcome;
};
