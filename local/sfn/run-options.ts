import type { Definition, Json } from './definition.ts';
import { type CompiledState, compileState } from './evaluate.ts';
import type { RecordedEvent } from './history.ts';
import type { TaskHandler } from './task.ts';
import type { Time } from './time.ts';

/** A state machine ready to run, any number of times and at once. */
export interface Machine {
  definition: Definition;
  states: ReadonlyMap<string, CompiledState>;
}

export function compileMachine(definition: Definition): Machine {
  const states = new Map(Object.entries(definition.States).map(([name, state]) => [name, compileState(state)]));
  return { definition, states };
}

export interface RunOptions {
  machine: Machine;
  /** By name of the Task state. */
  handlers: Readonly<Record<string, TaskHandler>>;
  input: Json;
  /** The context object (`$$`) without `State`, which is added: `{ Execution: { Id, Name, ... }, StateMachine: {...} }`. */
  context: { [key: string]: Json };
  /** Called synchronously, in order, before the interpreter goes on. */
  onEvent: (event: RecordedEvent) => void;
  /** Aborts the execution. A handler that is running goes on unheard; no further one is started. */
  signal?: AbortSignal;
  time?: Time;
  /** Uniform in [0, 1): for full jitter and `States.MathRandom`. */
  random?: () => number;
}
