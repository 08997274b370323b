import type { StateMachineDefinition } from 'aws-local-stepfunctions';
import { ExecutionError, StateMachine } from 'aws-local-stepfunctions';
import type { Json, StateDefinition } from './definition.ts';
import { exactPaths, exactRule, withoutDefaultResultPath } from './exact.ts';
import { StateFailure } from './failure.ts';
import { passesOn, plainChoice, plainParameters, plainResult } from './plain.ts';

type Fields = Record<string, unknown>;
type Handler = (input: Json) => Promise<Json>;
/** Evaluates one state; with a handler, what it returns is the state's result. */
type Evaluate = (input: Json, context: Record<string, Json>, handler?: Handler) => Promise<Json>;

const STATE = 'It';
/** The library's own task timeout is real time and 60 s by default: out of the way, ours is in `task.ts`. */
const NO_TIMEOUT_SECONDS = Math.floor((2 ** 31 - 1) / 1000);

/**
 * One state made ready to run. The library evaluates paths, templates, intrinsic functions and choice rules, one state
 * at a time; going from state to state, time, retries, stopping and history are the interpreter's.
 */
export interface CompiledState {
  /** The output: for a Task, by applying its input fields, calling the handler and applying its result fields. */
  output: Evaluate;
  /** Choice: the name of the next state. */
  choose(input: Json, context: Record<string, Json>): Promise<string>;
  /** Fail: its error and cause. Wait: how long, in any of its four forms. */
  details: Evaluate;
  /** The output after catcher number `index` has taken a failure. */
  caught(index: number, input: Json, context: Record<string, Json>, failure: StateFailure): Promise<Json>;
}

/** @throws never; failures of the state language itself surface as `StateFailure` when the state runs */
export function compileState(state: StateDefinition): CompiledState {
  const catchers = (state.Catch ?? []).map((catcher) =>
    single(taskFields({ ...('ResultPath' in catcher ? { ResultPath: catcher.ResultPath } : {}) })),
  );
  const plainResults = (state.Catch ?? []).map((catcher) => plainResult(catcher.ResultPath));
  const choice = state.Type === 'Choice' ? compileChoice(state) : undefined;
  const plain = state.Type === 'Choice' ? plainChoice(state) : undefined;
  return {
    output: compileOutput(state),
    choose: async (input, context) => {
      if (choice === undefined) throw new TypeError(`A ${state.Type} state does not choose.`);
      return plain?.(input, context) ?? ((await choice(input, context)) as string);
    },
    details: compileDetails(state),
    caught: async (index, input, context, failure) => {
      const evaluate = catchers[index];
      if (evaluate === undefined) throw new RangeError(`There is no catcher ${index}.`);
      const result = { Error: failure.error, Cause: failure.reason ?? '' };
      return plainResults[index]?.(input, result) ?? evaluate(input, context, async () => result);
    },
  };
}

function compileOutput(state: StateDefinition): Evaluate {
  if (state.Type === 'Task') return compileTask(state);
  if (passesOn(state)) return async (input) => input;
  if (state.Type === 'Pass' && 'Result' in state) {
    // As a task that returns it: the library's Pass passes over a falsy `Result`.
    const evaluate = single(taskFields(pick(state, ['ResultPath', 'OutputPath'])));
    return (input, context) => evaluate(input, context, async () => state.Result as Json);
  }
  return single({
    Type: 'Pass',
    ...pick(state, ['InputPath', ...(state.Type === 'Pass' ? ['Parameters', 'ResultPath'] : []), 'OutputPath']),
  });
}

/**
 * Input first, then the handler, then the result: the library never waits for a handler, since it would keep a timer of
 * its own for one that does not come back.
 */
function compileTask(state: StateDefinition): Evaluate {
  const fields = ['InputPath', 'Parameters', 'ResultSelector', 'ResultPath', 'OutputPath'];
  const evaluate = single(taskFields(pick(state, fields)));
  const effective = single({ Type: 'Pass', ...pick(state, ['InputPath', 'Parameters']) });
  const plain = plainParameters(state);
  const isResultOutput = fields.slice(2).every((field) => !(field in state));
  return async (input, context, handler) => {
    if (handler === undefined) return evaluate(input, context);
    const result = await handler(plain?.(input, context) ?? (await effective(input, context)));
    return isResultOutput ? result : evaluate(input, context, async () => result);
  };
}

/** What a Wait or Fail state computes from its input, as an object with the fields that it has. */
function compileDetails(state: StateDefinition): Evaluate {
  const template: Fields = {};
  for (const field of ['Seconds', 'Timestamp', 'Error', 'Cause']) {
    const path = state[`${field}Path`];
    if (path !== undefined) template[`${field}.$`] = path;
    else if (state[field] !== undefined) template[field] = state[field];
  }
  return single({ Type: 'Pass', ...pick(state, ['InputPath']), Parameters: template });
}

function compileChoice(state: StateDefinition): Evaluate {
  const choices = (state.Choices as Fields[]).map(exactRule);
  const targets = [...choices.map((choice) => choice.Next), state.Default].filter((name) => name !== undefined);
  const reported = targets.map((name, index) => [`Target${index}`, { Type: 'Pass', Result: name, End: true }]);
  const alias = (name: unknown) => `Target${targets.indexOf(name as string)}`;
  return single(
    {
      Type: 'Choice',
      ...pick(state, ['InputPath']),
      Choices: choices.map((choice) => ({ ...choice, Next: alias(choice.Next) })),
      ...(state.Default === undefined ? {} : { Default: alias(state.Default) }),
    },
    Object.fromEntries(reported),
  );
}

function taskFields(fields: Fields): Fields {
  return { Type: 'Task', Resource: 'local', TimeoutSeconds: NO_TIMEOUT_SECONDS, ...fields };
}

function single(state: Fields, others: Fields = {}): Evaluate {
  const exact = withoutDefaultResultPath(exactPaths(state) as Fields);
  const definition = { StartAt: STATE, States: { [STATE]: { ...exact, End: true }, ...others } };
  const machine = new StateMachine(definition as unknown as StateMachineDefinition, {
    validationOptions: { noValidate: true },
  });
  return async (input, context, handler) => {
    let thrownByHandler: unknown;
    const observed = async (effective: Json) => {
      try {
        return await handler?.(effective);
      } catch (thrown) {
        thrownByHandler = thrown;
        throw thrown;
      }
    };
    const overrides = handler === undefined ? {} : { taskResourceLocalHandlers: { [STATE]: observed as Handler } };
    try {
      return (await machine.run(input, { context, overrides }).result) as Json;
    } catch (thrown) {
      if (thrownByHandler !== undefined) throw thrownByHandler;
      throw languageFailure(thrown);
    }
  };
}

/** The library's own errors carry the names of the states language, unless it stumbled over what it did not expect. */
function languageFailure(thrown: unknown): StateFailure {
  const error = thrown instanceof ExecutionError && thrown.cause instanceof Error ? thrown.cause : (thrown as Error);
  const name = error.name.startsWith('States.') ? error.name : 'States.Runtime';
  return new StateFailure(name, error.message, { catchable: name !== 'States.Runtime' });
}

function pick(state: StateDefinition, fields: readonly string[]): Fields {
  return Object.fromEntries(fields.filter((field) => field in state).map((field) => [field, state[field]]));
}
