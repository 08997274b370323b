/** Step Functions of a simulated world: the real ASL, interpreted; executions that are stopped, redriven and cleaned up after. */
import { HANDLERS } from '../../lambdas/handlers.ts';
import type { ExecutionStatus, Executions } from '../../lambdas/ports.ts';
import { COMPACTION, RELEASE_ABANDONED, readDefinition } from '../../local/machines.ts';
import { type Json, parseDefinition } from '../../local/sfn/definition.ts';
import { StateFailure } from '../../local/sfn/failure.ts';
import type { RecordedEvent } from '../../local/sfn/history.ts';
import { runExecution, StopRequest } from '../../local/sfn/interpreter.ts';
import { executionArn, stateMachineArn } from '../../local/sfn/names.ts';
import { compileMachine, type Machine } from '../../local/sfn/run-options.ts';
import type { TaskHandler } from '../../local/sfn/task.ts';
import type { CompactionState } from '../../statemachine/contract.ts';
import type { Surroundings } from './faults.ts';

/** A handler by its name in `HANDLERS`, run as an invocation of its own. */
export type Invoke = (
  handler: string,
  who: string,
  execution: string,
  input: unknown,
  timeoutMs: number,
) => Promise<unknown>;

export interface Execution {
  arn: string;
  name: string;
  collection: string;
  status: ExecutionStatus;
  stop: AbortController;
  /** State entered last, with its input: where a redrive begins. */
  at: { state: string; input: string };
  redrives: number;
}

/** What the world does about executions. */
export interface ExecutionListener {
  ended(
    execution: Execution,
    output: CompactionState | undefined,
    error: string | undefined,
    cause: string | undefined,
  ): void;
  /** For once nobody will look before the sweep: why. */
  excuse(collection: string, why: string): void;
}

const SUBSTITUTIONS = { CompactionArn: stateMachineArn(COMPACTION) };
const machines = new Map<string, Machine>();

function machineOf(name: string): Machine {
  const machine = machines.get(name) ?? compileMachine(parseDefinition(name, readDefinition(name), SUBSTITUTIONS));
  machines.set(name, machine);
  return machine;
}

/** Names in `HANDLERS` by Task state. */
function handlerNames(name: string): Map<string, string> {
  const { States } = JSON.parse(readDefinition(name)) as { States: Record<string, { Resource?: string }> };
  const names = Object.entries(States).map(([state, { Resource = '' }]) => [
    state,
    /^\$\{(\w+)Arn\}$/.exec(Resource)?.[1] ?? '',
  ]);
  return new Map(names.filter(([, handler = '']) => handler in HANDLERS) as Array<[string, string]>);
}
const HANDLER_NAMES = new Map([COMPACTION, RELEASE_ABANDONED].map((name) => [name, handlerNames(name)]));

export class SimulatedStepFunctions implements Executions {
  readonly executions = new Map<string, Execution>();
  /** Executions and releases that have not ended. */
  running = 0;
  readonly #world: Surroundings;
  readonly #invoke: Invoke;
  readonly #listener: ExecutionListener;

  constructor(world: Surroundings, invoke: Invoke, listener: ExecutionListener) {
    this.#world = world;
    this.#invoke = invoke;
    this.#listener = listener;
  }

  async start(name: string, asked: { collection: string; vacuum?: boolean }): Promise<'started' | 'exists'> {
    const { collection } = asked;
    const arn = executionArn(COMPACTION, name);
    if (this.executions.has(arn)) return 'exists';
    const at = { state: machineOf(COMPACTION).definition.StartAt, input: JSON.stringify(asked) };
    const execution: Execution = {
      arn,
      name,
      collection,
      status: 'RUNNING',
      stop: new AbortController(),
      at,
      redrives: 0,
    };
    this.executions.set(arn, execution);
    this.#world.counts.executions++;
    if (name.includes('-next-')) this.#world.counts.handOvers++;
    this.#run(execution);
    return 'started';
  }

  async status(arn: string): Promise<ExecutionStatus | undefined> {
    return this.executions.get(arn)?.status;
  }

  /** StopExecution: no cleanup, and a handler that is running goes on. */
  stop(execution: Execution): void {
    if (execution.status !== 'RUNNING') return;
    this.#world.counts.stops++;
    this.#world.scheduler.note(`${execution.name} is stopped`);
    execution.stop.abort(new StopRequest());
  }

  /** From the state in which it was stopped or timed out, with that state's input. */
  redrive(execution: Execution): void {
    if (execution.status !== 'ABORTED' && execution.status !== 'TIMED_OUT') return;
    this.#world.counts.redrives++;
    this.#world.scheduler.note(`${execution.name} is redriven at ${execution.at.state}`);
    execution.status = 'RUNNING';
    execution.stop = new AbortController();
    execution.redrives++;
    this.#run(execution);
  }

  async #run(execution: Execution): Promise<void> {
    const { definition, states } = machineOf(COMPACTION);
    const { arn, name, at } = execution;
    const { outcome } = await this.#interpret({
      machine: { definition: { ...definition, StartAt: at.state }, states },
      of: COMPACTION,
      who: `${shortName(name)}${'+'.repeat(execution.redrives)}`,
      arn,
      input: JSON.parse(at.input) as Json,
      signal: execution.stop.signal,
      onEntered: (state, input) => {
        execution.at = { state, input };
      },
    });
    execution.status = outcome.status;
    const { scheduler, random } = this.#world;
    const output = outcome.status === 'SUCCEEDED' ? (outcome.output as unknown as CompactionState) : undefined;
    const { error, cause } = outcome.status === 'SUCCEEDED' ? {} : outcome;
    scheduler.note(`${name} ${outcome.status} at ${execution.at.state} ${error ?? ''}`);
    this.#listener.ended(execution, output, error, cause);
    if (outcome.status === 'SUCCEEDED') return;
    // The rule delivers at least once, and in its own time.
    for (let n = random.chance(0.2) ? 2 : 1; n > 0; n--) {
      scheduler.after(random.logarithmic(100, 30_000), () => {
        this.#release(execution);
      });
    }
  }

  async #release({ arn, name, collection }: Execution): Promise<void> {
    const { outcome } = await this.#interpret({
      machine: machineOf(RELEASE_ABANDONED),
      of: RELEASE_ABANDONED,
      who: `release(${shortName(name)})`,
      arn,
      input: { collection, execution: arn },
    });
    if (outcome.status !== 'SUCCEEDED') this.#listener.excuse(collection, 'release-abandoned failed');
  }

  async #startSuccessor({ Name, Input }: { Name: string; Input: { collection: string } }): Promise<unknown> {
    if ((await this.start(Name, Input)) === 'started') {
      this.#world.counts.successors++;
      return { ExecutionArn: executionArn(COMPACTION, Name) };
    }
    this.#listener.excuse(Input.collection, 'the time slot had its successor');
    throw new StateFailure('StepFunctions.ExecutionAlreadyExistsException', 'used before');
  }

  async #interpret(run: {
    machine: Machine;
    of: string;
    who: string;
    arn: string;
    input: Json;
    signal?: AbortSignal;
    onEntered?: (state: string, input: string) => void;
  }) {
    const { who, arn, input, machine } = run;
    const { scheduler, random } = this.#world;
    const handlers: Record<string, TaskHandler> = { StartSuccessor: (given) => this.#startSuccessor(given) };
    for (const [state, handler] of HANDLER_NAMES.get(run.of) ?? []) {
      const timeoutMs = (machine.definition.States[state]?.TimeoutSeconds ?? 60) * 1_000;
      handlers[state] = (given) => this.#invoke(handler, `${who} ${state}`, arn, given, timeoutMs);
    }
    const onEvent = ({ stateEnteredEventDetails: entered }: RecordedEvent) => {
      if (entered?.name !== undefined) run.onEntered?.(entered.name, entered.input ?? 'null');
    };
    this.running++;
    const outcome = await runExecution({
      machine,
      handlers,
      input,
      context: { Execution: { Id: arn, Name: arn, Input: input } },
      onEvent,
      time: scheduler.time,
      random: random.next,
      ...(run.signal === undefined ? {} : { signal: run.signal }),
    });
    this.running--;
    return { outcome };
  }
}

/** Names end in a digest; a part of it tells them apart. */
function shortName(name: string): string {
  return name.replace(/-(batch|next)-(\w{4})\w*$/, '-$2').replace(/-at-.*-(\w{4})\w*$/, '-at-$1');
}
