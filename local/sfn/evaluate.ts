import { compileChoice } from './choice.ts';
import type { Json, StateDefinition } from './definition.ts';
import type { StateFailure } from './failure.ts';
import { compilePlacing, compileRequired, type Evaluate, type Scope } from './paths.ts';
import { compileExpression, compileTemplate } from './template.ts';

/**
 * One compiled state: what it computes. Going from state to state, time, retries, stopping and history belong to
 * walk.ts. Every part throws a `StateFailure` if the data does not fit.
 */
export interface CompiledState {
  /** The effective input, after `InputPath` and `Parameters`: passed to a Task's function; other states pass it on. */
  effective: Evaluate;
  /**
   * The output, made from a Task's result or the effective input by `Result`, `ResultSelector`, `ResultPath` and
   * `OutputPath`.
   */
  output(scope: Scope, result: Json): Json;
  /** Choice: the name of the next state, from its effective input. */
  choose: ((scope: Scope) => string) | undefined;
  /** Fail: its error and cause. Wait: its duration, in any of the four forms. From the effective input. */
  details: Evaluate;
  /** The output after catcher number `index` has caught a failure. */
  caught(index: number, input: Json, failure: StateFailure): Json;
}

/** @throws Unsupported */
export function compileState(state: StateDefinition): CompiledState {
  const placing = (state.Catch ?? []).map((catcher) => compilePlacing(catcher.ResultPath));
  return {
    effective: compileEffective(state),
    output: compileOutput(state),
    choose:
      state.Type === 'Choice' ? compileChoice(state.Choices as Record<string, unknown>[], state.Default) : undefined,
    details: compileDetails(state),
    caught: (index, input, { error, reason = '' }) => {
      const place = placing[index];
      if (place === undefined) throw new RangeError(`There is no catcher ${index}.`);
      return place(input, { Error: error, Cause: reason });
    },
  };
}

function compileEffective(state: StateDefinition): Evaluate {
  const select = compileSelection(state.InputPath);
  if (!('Parameters' in state)) return select;
  const fill = compileTemplate(state.Parameters);
  return (scope) => fill({ ...scope, input: select(scope) });
}

function compileOutput(state: StateDefinition): CompiledState['output'] {
  const reshape = 'ResultSelector' in state ? compileTemplate(state.ResultSelector) : (scope: Scope) => scope.input;
  const place = compilePlacing(state.ResultPath);
  const select = compileSelection(state.OutputPath);
  const hasResult = state.Type === 'Pass' && 'Result' in state;
  return (scope, result) => {
    const reshaped = reshape({ ...scope, input: hasResult ? (state.Result as Json) : result });
    return select({ ...scope, input: place(scope.input, reshaped) });
  };
}

/** `InputPath` or `OutputPath`: everything by default, nothing for `null`. */
function compileSelection(path: unknown): Evaluate {
  if (path === undefined) return (scope) => scope.input;
  return path === null ? () => ({}) : compileRequired(path);
}

/** An object with the fields of a Wait or Fail state, given directly or by paths. */
function compileDetails(state: StateDefinition): Evaluate {
  const template: Record<string, Evaluate> = {};
  for (const field of ['Seconds', 'Timestamp', 'Error', 'Cause']) {
    const path = state[`${field}Path`];
    if (path !== undefined) template[field] = compileExpression(path);
    else if (state[field] !== undefined) template[field] = () => state[field] as Json;
  }
  return (scope) => Object.fromEntries(Object.entries(template).map(([field, of]) => [field, of(scope)]));
}
