import { InvalidInputError } from '../../lambdas/errors/errors.ts';
import type { Definition, Json } from './definition.ts';
import { type CompiledState, compileState } from './evaluate.ts';
import { Unsupported } from './failure.ts';
import type { RecordedEvent } from './history.ts';
import type { TaskHandler } from './task.ts';
import type { Time } from './time.ts';

/** A compiled state machine, which can run any number of times and concurrently. */
export interface Machine {
  definition: Definition;
  states: ReadonlyMap<string, CompiledState>;
}

/** @throws InvalidInputError (a state uses a feature that does not run locally) */
export function compileMachine(definition: Definition): Machine {
  const states = new Map<string, CompiledState>();
  for (const [name, state] of Object.entries(definition.States)) {
    try {
      states.set(name, compileState(state));
    } catch (cause) {
      if (!(cause instanceof Unsupported)) throw cause;
      throw new InvalidInputError(`State "${name}" uses ${cause.message}, which does not run locally.`, { cause });
    }
  }
  return { definition, states };
}

export interface RunOptions {
  machine: Machine;
  /** Keyed by the name of the Task state. */
  handlers: Readonly<Record<string, TaskHandler>>;
  input: Json;
  /**
   * The context object (`$$`) without `State`, which is added: `{ Execution: { Id, Name, ... }, StateMachine: {...} }`.
   */
  context: { [key: string]: Json };
  /** Called synchronously, in order, before the interpreter goes on. */
  onEvent: (event: RecordedEvent) => void;
  /** Aborts the execution. A running handler continues, and its result is ignored; no further one is started. */
  signal?: AbortSignal;
  time?: Time;
  /** Uniform in [0, 1): for full jitter and `States.MathRandom`. */
  random?: () => number;
}
