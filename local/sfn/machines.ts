import { InvalidInputError } from '../../lambdas/errors/errors.ts';
import { type Definition, type Json, parseDefinition } from './definition.ts';
import { integrationFor, type Start } from './integrations.ts';
import { assertName, stateMachineArn } from './names.ts';
import { compileMachine, type Machine } from './run-options.ts';
import type { TaskHandler } from './task.ts';

export interface StateMachineOptions {
  name: string;
  /** The ASL file's text, or its parsed content. */
  definition: string | object;
  /** Values for `${Name}` in the definition. A `Resource` needs none: see `parseDefinition`. */
  substitutions?: Readonly<Record<string, string>>;
  /** Keyed by the name of the Task state. `arn:aws:states:::states:startExecution` needs no handler. */
  handlers: Readonly<Record<string, TaskHandler>>;
  /** The file is known to be valid, because its tests validate it. */
  isValidated?: boolean;
}

export interface RegisteredMachine {
  name: string;
  stateMachineArn: string;
  definition: Definition;
  /** Milliseconds since the epoch. */
  creationDate: number;
  machine: Machine;
  handlers: Readonly<Record<string, TaskHandler>>;
}

/** @throws InvalidInputError (the definition cannot run, or a Task has no handler), ApiError `InvalidName` */
export function registeredMachine(
  options: StateMachineOptions,
  host: { creationDate: number; start: Start; track: (work: Promise<unknown>) => Promise<unknown> },
): RegisteredMachine {
  assertName(options.name);
  const definition = parseDefinition(options.name, options.definition, options.substitutions, options);
  const handlers: Record<string, TaskHandler> = {};
  for (const [state, { Type, Resource }] of Object.entries(definition.States)) {
    if (Type !== 'Task') continue;
    const handler = options.handlers[state] ?? integrationFor(Resource, host.start);
    if (handler === undefined) {
      throw new InvalidInputError(`Task state "${state}" of "${options.name}" has no handler. Pass one by its name.`);
    }
    handlers[state] = (input) => host.track(handler(input));
  }
  let machine = options.isValidated === true ? undefined : compileMachine(definition);
  return {
    name: options.name,
    stateMachineArn: stateMachineArn(options.name),
    definition,
    creationDate: host.creationDate,
    // Compiled for its first execution, since it is known to compile.
    get machine() {
      machine ??= compileMachine(definition);
      return machine;
    },
    handlers,
  };
}

/** The context object (`$$`) of an execution. `startDate` is in milliseconds since the epoch. */
export function contextOf(
  machine: Pick<RegisteredMachine, 'name' | 'stateMachineArn'>,
  arn: string,
  { name, startDate, input }: { name: string; startDate: number; input: Json },
): { [key: string]: Json } {
  return {
    Execution: { Id: arn, Name: name, Input: input, StartTime: new Date(startDate).toISOString() },
    StateMachine: { Id: machine.stateMachineArn, Name: machine.name },
  };
}
