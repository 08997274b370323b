import { type Json, jsonText, type StateDefinition } from './definition.ts';
import type { CompiledState } from './evaluate.ts';
import { CONTEXT_KEY, SEED_KEY } from './exact.ts';
import { firstMatch, StateFailure } from './failure.ts';
import type { Emit } from './history.ts';
import type { RunOptions } from './run-options.ts';
import { assertPayload, runTask } from './task.ts';
import { interruptible, type Time } from './time.ts';

export interface WalkOptions extends RunOptions {
  time: Time;
  signal: AbortSignal;
  emit: Emit;
}

/** The way of one execution through its states: what each takes, gives and writes into the history. */
export class Walk {
  readonly #options: WalkOptions;
  readonly #random: () => number;

  constructor(options: WalkOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random;
  }

  /** Go from state to state and return the last one's output. @throws StateFailure, or the signal's reason */
  async run(): Promise<Json> {
    const { definition } = this.#options.machine;
    let value = this.#options.input;
    for (let name: string | undefined = definition.StartAt; name !== undefined; ) {
      const state: StateDefinition | undefined = definition.States[name];
      if (state === undefined) throw new StateFailure('States.Runtime', `There is no state "${name}".`);
      const left: { next: string | undefined; output: Json } = await this.#step(name, state, value);
      name = left.next;
      value = left.output;
    }
    return value;
  }

  async #step(name: string, state: StateDefinition, input: Json): Promise<{ next: string | undefined; output: Json }> {
    this.#options.signal.throwIfAborted();
    const entered = this.#options.emit(`${state.Type}StateEntered`, {
      stateEnteredEventDetails: { name, input: jsonText(input), inputDetails: { truncated: false } },
    });
    const context = this.#contextFor(name);
    const left = await this.#visit(name, state, input, context).catch((thrown: unknown) => {
      throw located(thrown, name, entered);
    });
    const output = jsonText(left.output);
    assertPayload(name, output);
    if (state.Type !== 'Fail') {
      this.#options.emit(`${state.Type}StateExited`, {
        stateExitedEventDetails: { name, output, outputDetails: { truncated: false } },
      });
    }
    return left;
  }

  async #visit(name: string, state: StateDefinition, input: Json, context: Record<string, Json>) {
    const compiled = this.#options.machine.states.get(name) as CompiledState;
    switch (state.Type) {
      case 'Task':
        return this.#task(name, state, compiled, input, context);
      case 'Choice':
        return { next: await compiled.choose(input, context), output: await compiled.output(input, context) };
      case 'Wait': {
        const waitMs = waitTime(await compiled.details(input, context), this.#options.time.now());
        await interruptible(this.#options.signal, this.#options.time.sleep(waitMs, this.#options.signal, 'wait'));
        break;
      }
      case 'Fail': {
        const { Error: error, Cause: cause } = (await compiled.details(input, context)) as Record<string, Json>;
        throw new StateFailure(optionalText(error) ?? '', optionalText(cause));
      }
    }
    return { next: state.Next, output: await compiled.output(input, context) };
  }

  async #task(
    name: string,
    state: StateDefinition,
    compiled: CompiledState,
    input: Json,
    context: Record<string, Json>,
  ) {
    const handler = this.#options.handlers[name];
    if (handler === undefined) throw new StateFailure('States.Runtime', `State "${name}" has no handler.`);
    const run = {
      name,
      state,
      handler,
      time: this.#options.time,
      random: this.#random,
      signal: this.#options.signal,
      emit: this.#options.emit,
    };
    try {
      return {
        next: state.Next,
        output: await compiled.output(input, context, (effective) => runTask(run, effective)),
      };
    } catch (thrown) {
      const match = thrown instanceof StateFailure ? firstMatch(state.Catch, thrown) : undefined;
      if (match === undefined) throw thrown;
      return {
        next: match.rule.Next,
        output: await compiled.caught(match.index, input, context, thrown as StateFailure),
      };
    }
  }

  #contextFor(name: string): Record<string, Json> {
    const State = { Name: name, EnteredTime: new Date(this.#options.time.now()).toISOString() };
    return {
      [CONTEXT_KEY]: { ...this.#options.context, State },
      [SEED_KEY]: Math.floor(this.#random() * 2 ** 31),
    };
  }
}

/** AWS says where a runtime error happened; other failures keep the words of whoever threw them. */
function located(thrown: unknown, name: string, entered: number): unknown {
  if (!(thrown instanceof StateFailure) || !['States.Runtime', 'States.NoChoiceMatched'].includes(thrown.error)) {
    return thrown;
  }
  const place = `An error occurred while executing the state '${name}' (entered at the event id #${entered}).`;
  return new StateFailure(thrown.error, `${place} ${thrown.reason ?? ''}`, { catchable: thrown.catchable });
}

function waitTime(details: Json, now: number): number {
  const { Seconds: seconds, Timestamp: timestamp } = details as Record<string, Json>;
  if (typeof timestamp === 'string' && !Number.isNaN(Date.parse(timestamp))) {
    return Math.max(0, Date.parse(timestamp) - now);
  }
  if (typeof seconds === 'number' && Number.isInteger(seconds) && seconds >= 0) return seconds * 1000;
  throw new StateFailure(
    'States.Runtime',
    `A Wait state needs whole seconds or a timestamp, not ${jsonText(details)}.`,
  );
}

function optionalText(value: Json | undefined): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  throw new StateFailure('States.Runtime', `A Fail state needs text for its error and cause, not ${jsonText(value)}.`);
}
