import { type Json, jsonText, type StateDefinition } from './definition.ts';
import type { CompiledState } from './evaluate.ts';
import { firstMatch, StateFailure } from './failure.ts';
import type { Emit } from './history.ts';
import type { Scope } from './paths.ts';
import type { RunOptions } from './run-options.ts';
import { assertPayload, runTask } from './task.ts';
import { instantOf, interruptible, type Time } from './time.ts';

export interface WalkOptions extends RunOptions {
  time: Time;
  signal: AbortSignal;
  emit: Emit;
}

/** The output of a state, and the state that gets it. */
interface Left {
  next: string | undefined;
  output: Json;
  /** JSON text of the output, if already serialised. */
  text?: string;
}

/** One execution's path through its states: the input and output of each, and what goes into the history. */
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
      const left: Left = await this.#step(name, state, value);
      name = left.next;
      value = left.output;
    }
    return value;
  }

  async #step(name: string, state: StateDefinition, input: Json): Promise<Left> {
    this.#options.signal.throwIfAborted();
    const entered = this.#options.emit(`${state.Type}StateEntered`, {
      stateEnteredEventDetails: { name, input: jsonText(input), inputDetails: { truncated: false } },
    });
    const scope = { input, context: this.#contextFor(name), random: this.#random };
    const left = await this.#visit(name, state, scope).catch((thrown: unknown) => {
      throw located(thrown, name, entered);
    });
    const output = left.text ?? jsonText(left.output);
    assertPayload(name, output);
    if (state.Type !== 'Fail') {
      this.#options.emit(`${state.Type}StateExited`, {
        stateExitedEventDetails: { name, output, outputDetails: { truncated: false } },
      });
    }
    return left;
  }

  async #visit(name: string, state: StateDefinition, scope: Scope): Promise<Left> {
    const compiled = this.#options.machine.states.get(name) as CompiledState;
    if (state.Type === 'Task') return this.#task(name, state, compiled, scope);
    const effective = compiled.effective(scope);
    const inner = { ...scope, input: effective };
    switch (state.Type) {
      case 'Wait': {
        const waitMs = waitTime(compiled.details(inner), this.#options.time.now());
        await interruptible(this.#options.signal, this.#options.time.sleep(waitMs, this.#options.signal, 'wait'));
        break;
      }
      case 'Fail': {
        const { Error: error, Cause: cause } = compiled.details(inner) as Record<string, Json>;
        throw new StateFailure(optionalText(error) ?? '', optionalText(cause));
      }
    }
    return { next: compiled.choose?.(inner) ?? state.Next, output: compiled.output(scope, effective) };
  }

  async #task(name: string, state: StateDefinition, compiled: CompiledState, scope: Scope): Promise<Left> {
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
      const output = compiled.output(scope, await runTask(run, compiled.effective(scope)));
      const text = jsonText(output);
      // Checked here, so that a catcher can name it.
      assertPayload(name, text);
      return { next: state.Next, output, text };
    } catch (thrown) {
      const match = thrown instanceof StateFailure ? firstMatch(state.Catch, thrown) : undefined;
      if (match === undefined) throw thrown;
      return { next: match.rule.Next, output: compiled.caught(match.index, scope.input, thrown as StateFailure) };
    }
  }

  #contextFor(name: string): Json {
    const State = { Name: name, EnteredTime: new Date(this.#options.time.now()).toISOString() };
    return { ...this.#options.context, State };
  }
}

/** AWS reports where a runtime error happened; other failures keep their own message. */
function located(thrown: unknown, name: string, entered: number): unknown {
  if (!(thrown instanceof StateFailure) || !['States.Runtime', 'States.NoChoiceMatched'].includes(thrown.error)) {
    return thrown;
  }
  const place = `An error occurred while executing the state '${name}' (entered at the event id #${entered}).`;
  return new StateFailure(thrown.error, `${place} ${thrown.reason ?? ''}`);
}

function waitTime(details: Json, now: number): number {
  const { Seconds: seconds, Timestamp: timestamp } = details as Record<string, Json>;
  const until = instantOf(timestamp);
  if (until !== undefined) return Math.max(0, until - now);
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
