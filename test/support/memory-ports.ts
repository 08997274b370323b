/**
 * All ports in memory, and the real state machine over them: the ASL file's own bytes, the real handlers, time that
 * passes only when everybody waits. Equal seeds give equal runs.
 */
import { ulid } from 'ulid';
import type {
  Announcer,
  Clock,
  EngineRecord,
  ExecutionStatus,
  Executions,
  Ids,
  Ports,
  Refusal,
  Settings,
  Telemetry,
} from '../../lambdas/ports.ts';
import type { CompactionCommitted } from '../../lambdas/protocol/announcement.ts';
import type { Metric } from '../../lambdas/protocol/metrics.ts';
import { encodeDelta, type Operation } from '../../lambdas/snapshot/delta.ts';
import { createCollection as createStep } from '../../lambdas/steps/create-collection.ts';
import { hydrate } from '../../lambdas/steps/hydrate.ts';
import { loadManifest, readPointer } from '../../lambdas/steps/read-pointer.ts';
import { submitDelta } from '../../lambdas/steps/submit-delta.ts';
import { COMPACTION, readDefinition, taskHandlers } from '../../local/machines.ts';
import { type Json, parseDefinition } from '../../local/sfn/definition.ts';
import type { RecordedEvent } from '../../local/sfn/history.ts';
import { runExecution } from '../../local/sfn/interpreter.ts';
import { executionArn, stateMachineArn } from '../../local/sfn/names.ts';
import { compileMachine, type Machine } from '../../local/sfn/run-options.ts';
import type { TaskHandler } from '../../local/sfn/task.ts';
import type { Time } from '../../local/sfn/time.ts';
import { type Fault, faulty } from './faulty.ts';
import { MemoryCache } from './memory-cache.ts';
import { MEMORY_CODEC } from './memory-codec.ts';
import { MemoryDirectories } from './memory-directories.ts';
import { MemoryEngine, type MemoryEngineOptions } from './memory-engine.ts';
import { MemoryStore } from './memory-store.ts';
import { MemoryTable } from './memory-table.ts';

export const COLLECTION = 'books';
export const DIMENSION = 4;

interface Timer {
  at: number;
  fire: () => void;
  /** Periodic tasks alone do not make time pass. */
  isPeriodic: boolean;
}

/** Virtual time: it jumps to the next timer once nothing but timers is left to wait for. */
export class VirtualClock implements Clock {
  #now = Date.parse('2026-01-01T00:00:00Z');
  #timers: Timer[] = [];
  #isPumping = false;
  /** The same time for the interpreter. */
  readonly time: Time = { now: () => this.now(), sleep: (ms, signal) => this.#sleep(ms, signal) };

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  async sleep(ms: number): Promise<void> {
    await this.#sleep(ms);
  }

  every(ms: number, task: () => Promise<void>): () => void {
    let stop = () => {};
    const arm = () => {
      stop = this.#add(ms, true, () => {
        arm();
        // A failing beat is tried again at the next one, as `SystemClock` has it.
        task().catch(() => {});
      });
    };
    arm();
    return () => stop();
  }

  /** Let time pass, and everything happen that happens meanwhile. */
  async advance(ms: number): Promise<void> {
    await this.#sleep(ms);
  }

  /** Resolves when nobody waits for time any more: zombies included. */
  async idle(): Promise<void> {
    do await new Promise((resolve) => setImmediate(resolve));
    while (this.#timers.some((timer) => !timer.isPeriodic));
  }

  #sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#add(ms, false, resolve);
      signal?.addEventListener('abort', cancel, { once: true });
      if (signal?.aborted === true) cancel();
    });
  }

  #add(ms: number, isPeriodic: boolean, fire: () => void): () => void {
    // Whole milliseconds, as every wall clock gives them.
    const timer = { at: this.#now + Math.ceil(ms), fire, isPeriodic };
    const later = this.#timers.findIndex(({ at }) => at > timer.at);
    this.#timers.splice(later === -1 ? this.#timers.length : later, 0, timer);
    this.#pump();
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** An immediate runs when all promises have settled that can: everything here is made of promises and timers alone. */
  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    setImmediate(() => {
      this.#isPumping = false;
      if (!this.#timers.some((timer) => !timer.isPeriodic)) return;
      const next = this.#timers.shift();
      if (next === undefined) return;
      this.#now = next.at;
      next.fire();
      this.#pump();
    });
  }
}

/** Numbers in [0, 1) from a seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Records what is started; `onStart` may run it. */
export class MemoryExecutions implements Executions {
  readonly started = new Map<string, { collection: string }>();
  readonly statuses = new Map<string, ExecutionStatus>();
  onStart: (name: string, input: { collection: string }) => void = () => {};

  async start(name: string, input: { collection: string }): Promise<'started' | 'exists'> {
    if (this.started.has(name)) return 'exists';
    this.started.set(name, input);
    this.onStart(name, input);
    return 'started';
  }

  async status(arn: string): Promise<ExecutionStatus | undefined> {
    return this.statuses.get(arn);
  }
}

/** Keeps what is announced. */
export class MemoryAnnouncer implements Announcer {
  readonly announced: CompactionCommitted[] = [];

  async announce(announcements: readonly CompactionCommitted[]): Promise<Refusal[]> {
    this.announced.push(...announcements);
    return [];
  }
}

/** Keeps what the steps report. */
export class MemoryTelemetry implements Telemetry {
  readonly metrics: Array<{ name: string; value: number; collection: string; phase?: string }> = [];
  readonly warnings: string[] = [];

  metric({ name }: Metric, value: number, dimensions: { collection: string; phase?: string }): void {
    this.metrics.push({ name, value, ...dimensions });
  }

  info(): void {}

  warn(message: string): void {
    this.warnings.push(message);
  }

  /** Sum of all values of a metric. */
  sum({ name }: Metric): number {
    return this.metrics.filter((metric) => metric.name === name).reduce((sum, { value }) => sum + value, 0);
  }
}

export interface MemoryPorts extends Ports {
  store: MemoryStore;
  table: MemoryTable;
  engine: MemoryEngine;
  directories: MemoryDirectories;
  cache: MemoryCache;
  clock: VirtualClock;
  executions: MemoryExecutions;
  announcer: MemoryAnnouncer;
  telemetry: MemoryTelemetry;
}

export interface MemoryPortsOptions {
  seed?: number;
  engine?: MemoryEngineOptions;
  settings?: Partial<Settings>;
}

export function memoryPorts({ seed = 1, engine, settings }: MemoryPortsOptions = {}): MemoryPorts {
  const clock = new VirtualClock();
  const table = new MemoryTable();
  const random = seededRandom(seed);
  const ids: Ids = { commitId: () => ulid(clock.now(), random), random };
  return {
    store: new MemoryStore({ now: () => clock.now() }),
    table,
    locks: table,
    statuses: table,
    engine: new MemoryEngine(engine),
    directories: new MemoryDirectories(),
    cache: new MemoryCache({ now: () => clock.now() }),
    codec: MEMORY_CODEC,
    clock,
    ids,
    executions: new MemoryExecutions(),
    announcer: new MemoryAnnouncer(),
    telemetry: new MemoryTelemetry(),
    settings: {
      lockDurationMs: 60_000,
      claimDurationMs: 60_000,
      heartbeatIntervalMs: 30_000,
      maxDeltasPerCommit: 500,
      maxBytesPerCommit: 64 * 1024 * 1024,
      retainVersions: 10,
      retainDays: 7,
      ...settings,
    },
  };
}

export async function createCollection(ports: Ports, collection = COLLECTION): Promise<void> {
  await createStep(ports, { collection, dimension: DIMENSION, space: 'l2', creator: 'test' });
}

/** Put a delta into the inbox: operations, or raw bytes. */
export async function submit(
  ports: Ports,
  deltaId: string,
  content: readonly Operation[] | Uint8Array,
  collection = COLLECTION,
): Promise<{ deltaId: string; sha256: string }> {
  const body = content instanceof Uint8Array ? content : encodeDelta(content);
  return submitDelta(ports, { collection, deltaId, body });
}

/** All records of the current version by id: hydrated from nothing into a directory of its own, and verified. */
export async function records(ports: Ports, collection = COLLECTION): Promise<Map<string, EngineRecord>> {
  const { pointer } = await readPointer(ports, collection);
  const target = await loadManifest(ports, pointer.manifest);
  const directory = await new MemoryDirectories().claim(collection);
  await hydrate({ ...ports, cache: new MemoryCache() }, directory, target);
  const { space, dimension } = target.manifest;
  const session = await new MemoryEngine().open(directory);
  await session.useCollection(collection, { space, dimension });
  const all = await session.query(new Array<number>(dimension).fill(0), Number.MAX_SAFE_INTEGER);
  return new Map(all.map(({ distance: _distance, ...record }) => [record.id, record]));
}

export interface Run {
  arn: string;
  status: 'SUCCEEDED' | 'FAILED' | 'ABORTED' | 'TIMED_OUT';
  error: string | undefined;
  cause: string | undefined;
  output: Json | undefined;
  /** States entered, in order. */
  path: string[];
  /** Attempts beyond the first of their visit. */
  retries: number;
  events: RecordedEvent[];
}

export interface RunOptions {
  machine?: string;
  /** Faults at the ports; `in` confines one to the handlers of one state. */
  faults?: readonly Fault[];
  /** What stands instead of, or around, the handler of a state. */
  wrap?: Readonly<Record<string, (real: TaskHandler) => TaskHandler>>;
  /** Of Tasks that are no Lambda functions. */
  handlers?: Readonly<Record<string, TaskHandler>>;
  seed?: number;
}

const machines = new Map<string, Machine>();
let runs = 0;

function machineOf(name: string): Machine {
  const known = machines.get(name);
  if (known !== undefined) return known;
  const substitutions = { CompactionArn: stateMachineArn(COMPACTION) };
  const machine = compileMachine(parseDefinition(name, readDefinition(name), substitutions));
  machines.set(name, machine);
  return machine;
}

/** Interpret an ASL file with the real handlers, over these ports and their time. */
export async function run(ports: MemoryPorts, input: Json, options: RunOptions = {}): Promise<Run> {
  const { machine = COMPACTION, faults = [], wrap = {}, handlers = {}, seed = 1 } = options;
  const text = readDefinition(machine);
  const arn = executionArn(machine, `run-${++runs}`);
  // Wrapped once per fault: a fault that counts its calls counts them over all states that it applies to.
  const everywhere = faulty(
    ports,
    faults.filter((fault) => fault.in === undefined),
  );
  const all: Record<string, TaskHandler> = { ...taskHandlers(text, everywhere), ...handlers };
  for (const state of new Set(faults.map((fault) => fault.in))) {
    if (state === undefined) continue;
    const handler = taskHandlers(
      text,
      faulty(
        everywhere,
        faults.filter((fault) => fault.in === state),
      ),
    )[state];
    if (handler === undefined) throw new RangeError(`A fault names "${state}", which is no Task of ${machine}.`);
    all[state] = handler;
  }
  for (const [state, around] of Object.entries(wrap)) {
    const real = all[state];
    if (real === undefined) throw new RangeError(`"${state}" is no Task of ${machine}.`);
    all[state] = around(real);
  }
  const events: RecordedEvent[] = [];
  ports.executions.statuses.set(arn, 'RUNNING');
  const outcome = await runExecution({
    machine: machineOf(machine),
    handlers: all,
    input,
    context: { Execution: { Id: arn, Name: arn, Input: input } },
    onEvent: (event) => events.push(event),
    time: ports.clock.time,
    random: seededRandom(seed),
  });
  ports.executions.statuses.set(arn, outcome.status);
  const path = events.flatMap((event) => event.stateEnteredEventDetails?.name ?? []);
  const attempts = events.filter(({ type }) => type === 'LambdaFunctionScheduled' || type === 'TaskScheduled').length;
  const visits = events.filter(({ type }) => type === 'TaskStateEntered').length;
  return {
    arn,
    status: outcome.status,
    error: outcome.status === 'SUCCEEDED' ? undefined : outcome.error,
    cause: outcome.status === 'SUCCEEDED' ? undefined : outcome.cause,
    output: outcome.status === 'SUCCEEDED' ? outcome.output : undefined,
    path,
    retries: attempts - visits,
    events,
  };
}
