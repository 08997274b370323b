import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Json } from './definition.ts';
import { ApiError } from './errors.ts';
import { parseInput } from './execution-input.ts';
import { ENDINGS, type RecordedEvent } from './history.ts';
import type { Started, StartRequest } from './integrations.ts';
import { type Outcome, runExecution, StopRequest } from './interpreter.ts';
import { contextOf, type RegisteredMachine, registeredMachine, type StateMachineOptions } from './machines.ts';
import { assertExecutionArn, assertName, assertStateMachineArn, executionArn } from './names.ts';
import { type StatusChange, statusChange } from './status-change.ts';
import { type Ending, type ExecutionRecord, ExecutionStore } from './store.ts';
import { systemTime, type Time } from './time.ts';

export interface LocalStepFunctionsOptions {
  /** Where `executions.sqlite` lives; without it, executions are kept in memory. */
  dataDirectory?: string;
  time?: Time;
  /** Uniform in [0, 1): for full jitter and `States.MathRandom`. */
  random?: () => number;
  /**
   * Most executions that may run at once; further ones are refused as `ExecutionLimitExceeded`. No limit by default.
   */
  maxRunning?: number;
}

interface Running {
  stop: AbortController;
  ended: Promise<void>;
}

/**
 * Step Functions in this process: runs named executions of registered state machines concurrently, and keeps their
 * histories.
 *
 * An execution does not outlive its process. Those that were interrupted by a crash or `close` become `ABORTED` with
 * the error `Local.Restarted` when the data directory is next opened, and are listed in `interrupted`.
 */
export class LocalStepFunctions {
  /** Status changes of interrupted executions, for the machine that releases what they held. */
  readonly interrupted: readonly StatusChange[];
  /** For queries; only this class writes to it. */
  readonly store: ExecutionStore;
  readonly #options: LocalStepFunctionsOptions;
  readonly #time: Time;
  readonly #machines = new Map<string, RegisteredMachine>();
  readonly #running = new Map<string, Running>();
  readonly #inFlight = new Set<Promise<unknown>>();
  readonly #listeners = new Set<(change: StatusChange) => void>();
  #closed = false;

  /** @throws ConfigurationError (another process uses the data directory) */
  constructor(options: LocalStepFunctionsOptions = {}) {
    this.#options = options;
    this.#time = options.time ?? systemTime;
    this.store = new ExecutionStore(options.dataDirectory, this.#time.now());
    const cut = this.store.abortInterrupted(
      this.#time.now(),
      'Local.Restarted',
      'The local stack stopped while the execution was running.',
    );
    this.interrupted = cut.map(statusChange);
  }

  /**
   * Add a state machine, or replace the one of that name for later executions. Returns its ARN.
   * @throws InvalidInputError (the definition cannot run, or a Task has no handler)
   */
  register(options: StateMachineOptions): string {
    const machine = registeredMachine(options, {
      creationDate: this.#time.now(),
      start: (request) => this.start(request),
      track: (work) => this.#track(work),
    });
    this.#machines.set(machine.stateMachineArn, machine);
    return machine.stateMachineArn;
  }

  machines(): RegisteredMachine[] {
    return [...this.#machines.values()];
  }

  /** @throws ApiError `InvalidArn`, `StateMachineDoesNotExist` */
  machine(arn: string): RegisteredMachine {
    assertStateMachineArn(arn);
    const machine = this.#machines.get(arn);
    if (machine !== undefined) return machine;
    throw new ApiError('StateMachineDoesNotExist', `State Machine Does Not Exist: '${arn}'`);
  }

  /**
   * Start an execution. The same name with the same input is the same execution while it runs; otherwise a name is
   * used once.
   * @throws ApiError `InvalidArn`, `StateMachineDoesNotExist`, `InvalidName`, `InvalidExecutionInput`,
   * `ExecutionAlreadyExists`, `ExecutionLimitExceeded`
   */
  start(request: StartRequest): Started {
    if (this.#closed) throw new ApiError('ServiceUnavailable', 'The local stack is stopping. Start it again.');
    const machine = this.machine(request.stateMachineArn);
    const name = request.name ?? randomUUID();
    assertName(name);
    const input = request.input ?? '{}';
    const parsed = parseInput(input);
    const arn = executionArn(machine.name, name);
    const earlier = this.store.get(arn);
    if (earlier?.status === 'RUNNING' && earlier.input === input) return earlier;
    if (earlier !== undefined) throw new ApiError('ExecutionAlreadyExists', `Execution Already Exists: '${arn}'`);
    if (this.#running.size >= (this.#options.maxRunning ?? Number.POSITIVE_INFINITY)) {
      throw new ApiError('ExecutionLimitExceeded', `${this.#running.size} executions are running. Start it later.`);
    }
    const startDate = this.#time.now();
    this.store.insert({ executionArn: arn, stateMachineArn: machine.stateMachineArn, name, startDate, input });
    this.#run(machine, arn, { name, startDate, input: parsed });
    return { executionArn: arn, startDate };
  }

  /**
   * Abort an execution; one that has already ended is left as it is. A running handler continues, and its result is
   * ignored. Resolves with the time at which it stopped, in milliseconds since the epoch. @throws ApiError
   * `InvalidArn`, `ExecutionDoesNotExist`
   */
  async stop(request: { executionArn: string; error?: string; cause?: string }): Promise<{ stopDate: number }> {
    this.describe(request.executionArn);
    const running = this.#running.get(request.executionArn);
    running?.stop.abort(new StopRequest(request.error, request.cause));
    await running?.ended;
    return { stopDate: this.describe(request.executionArn).stopDate ?? this.#time.now() };
  }

  /** @throws ApiError `InvalidArn`, `ExecutionDoesNotExist` */
  describe(arn: string): ExecutionRecord {
    assertExecutionArn(arn);
    const record = this.store.get(arn);
    if (record !== undefined) return record;
    throw new ApiError('ExecutionDoesNotExist', `Execution Does Not Exist: '${arn}'`);
  }

  /**
   * Call a listener for every execution that ends, whatever its status; it must not throw. Returns a function that
   * removes it.
   */
  onStatusChange(listener: (change: StatusChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves once no execution is running, including those that are started meanwhile. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all([...this.#running.values()].map(({ ended }) => ended));
  }

  /**
   * Interrupt running executions, as a crash would; await `idle()` first to avoid that. Waits up to `graceMs` for
   * running handlers, since they use what the caller is about to close.
   */
  async close(graceMs = 5_000): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const { stop } of this.#running.values()) stop.abort(new StopRequest());
    const grace = new AbortController();
    const settled = Promise.allSettled([...this.#inFlight, ...[...this.#running.values()].map(({ ended }) => ended)]);
    await Promise.race([settled, delay(graceMs, undefined, { signal: grace.signal }).catch(() => {})]);
    grace.abort();
    this.store.close();
  }

  #run(machine: RegisteredMachine, arn: string, started: { name: string; startDate: number; input: Json }): void {
    const stop = new AbortController();
    let last: RecordedEvent | undefined;
    const onEvent = (event: RecordedEvent) => {
      if (ENDINGS.includes(event.type)) last = event;
      else if (!this.#closed) this.store.append(arn, event);
    };
    const { time, random } = this.#options;
    const outcome = runExecution({
      machine: machine.machine,
      handlers: machine.handlers,
      input: started.input,
      context: contextOf(machine, arn, started),
      onEvent,
      signal: stop.signal,
      ...(time === undefined ? {} : { time }),
      ...(random === undefined ? {} : { random }),
    });
    this.#running.set(arn, { stop, ended: outcome.then((result) => this.#end(arn, result, last)) });
  }

  #end(arn: string, outcome: Outcome, event: RecordedEvent | undefined): void {
    this.#running.delete(arn);
    // Executions that end while closing stay `RUNNING`, and the next process aborts them: one path for a stop and a
    // crash.
    if (this.#closed || event === undefined) return;
    const succeeded = outcome.status === 'SUCCEEDED';
    const ending: Ending = {
      status: outcome.status,
      stopDate: event.timestamp,
      output: succeeded ? JSON.stringify(outcome.output) : null,
      error: succeeded ? null : (outcome.error ?? null),
      cause: succeeded ? null : (outcome.cause ?? null),
    };
    this.store.end(arn, ending, event);
    const change = statusChange(this.describe(arn));
    for (const listener of this.#listeners) queueMicrotask(() => listener(change));
  }

  #track(work: Promise<unknown>): Promise<unknown> {
    this.#inFlight.add(work);
    const done = () => this.#inFlight.delete(work);
    work.then(done, done);
    return work;
  }
}
