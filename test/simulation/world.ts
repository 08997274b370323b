/** One simulated world: everything that runs in it, from its seed alone, until all is quiet; then the last account. */
import { handler as collectGarbageHandler } from '../../lambdas/collect-garbage.ts';
import { HANDLERS } from '../../lambdas/handlers.ts';
import type { Ports } from '../../lambdas/ports.ts';
import type { CompactionCommitted } from '../../lambdas/protocol/announcement.ts';
import { makeHandler, runWithPorts } from '../../lambdas/runtime/handler.ts';
import { deltaKey } from '../../lambdas/snapshot/keys.ts';
import { handler as startCompactionHandler } from '../../lambdas/start-compaction.ts';
import type { GarbageRun } from '../../lambdas/steps/collect-garbage.ts';
import { type RolledBack, rollback } from '../../lambdas/steps/rollback.ts';
import type { BatchResponse, QueueRecord } from '../../lambdas/steps/start-compactions.ts';
import type { Sweep } from '../../lambdas/steps/sweep-collections.ts';
import { handler as sweepHandler } from '../../lambdas/sweep.ts';
import { MemoryCache } from '../support/memory-cache.ts';
import { MemoryDirectories } from '../support/memory-directories.ts';
import { MemoryEngine } from '../support/memory-engine.ts';
import type { MemoryStore } from '../support/memory-store.ts';
import { collect, goBack, produce, read, spoil } from './actors.ts';
import { startFrom } from './baseline.ts';
import { POISON } from './contents.ts';
import { type Counts, noCounts } from './counts.ts';
import { endingFaults } from './endings.ts';
import { gatedPorts } from './gated-ports.ts';
import { Invocation, type Surroundings } from './invocation.ts';
import { ObservedStore } from './observed-store.ts';
import { Oracle } from './oracle.ts';
import type { Plant } from './planted/plant.ts';
import { drawProfile, type Profile } from './profile.ts';
import { Queue } from './queue.ts';
import { Random } from './random.ts';
import { Scheduler } from './scheduler.ts';
import { SimulatedStepFunctions } from './step-functions.ts';
import { SimulatedTable } from './table.ts';
import { worldTelemetry } from './telemetry.ts';

export interface Waiter {
  collection: string;
  deltaId: string;
  sha256: string;
}

/** An ordinary world has less than a tenth of it. */
const MAX_EVENTS = 40_000;

type AnyHandler = (input: never) => Promise<unknown>;
const OTHERS: Record<string, AnyHandler> = {
  CollectGarbage: collectGarbageHandler as AnyHandler,
  StartCompaction: startCompactionHandler as AnyHandler,
  Sweep: sweepHandler as AnyHandler,
  // No Lambda, but a process like any other, which may die or be given up.
  Rollback: makeHandler(rollback) as AnyHandler,
};
const LAMBDA_TIMEOUT_MS = { Rollback: 600_000, StartCompaction: 30_000, CollectGarbage: 900_000, Sweep: 300_000 };

export class World implements Surroundings {
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly profile: Profile;
  readonly counts: Counts = noCounts();
  readonly plant: Plant;
  readonly oracle: Oracle;
  readonly store: ObservedStore;
  readonly raw: MemoryStore;
  readonly table: SimulatedTable;
  readonly cache: MemoryCache;
  readonly machines: SimulatedStepFunctions;
  readonly waiters: Waiter[] = [];
  /** Collections for which a stranded delta would be nobody's fault but the harness's, and why. */
  readonly excuses = new Map<string, string>();
  faultsAreOver = false;
  readonly directories = new MemoryDirectories();
  readonly #queue: Queue;
  readonly #current = new Map<string, Invocation>();
  #invocations = 0;

  static async make(seed: number, plant: Plant, options: { keepTrace?: boolean } = {}): Promise<World> {
    const random = new Random(seed);
    const profile = { ...drawProfile(random), ...plant.profile };
    const scheduler = new Scheduler(options);
    const { store, truths, fill } = await startFrom(profile.collections, () => scheduler.now());
    const world = new World({ random, profile, scheduler, store, plant });
    for (const truth of truths) world.oracle.truths.set(truth.collection, truth);
    fill(world.table);
    return world;
  }

  private constructor(made: {
    random: Random;
    profile: Profile;
    scheduler: Scheduler;
    store: MemoryStore;
    plant: Plant;
  }) {
    this.random = made.random;
    this.profile = made.profile;
    this.scheduler = made.scheduler;
    this.raw = made.store;
    this.plant = made.plant;
    this.oracle = new Oracle(made.store, this.counts, made.plant.lookFor);
    this.store = new ObservedStore(made.store, this.oracle);
    this.table = new SimulatedTable(this.oracle, made.plant.transitions);
    this.cache = new MemoryCache({ now: () => this.scheduler.now() });
    this.machines = new SimulatedStepFunctions(
      this,
      (handler, who, execution, input, timeoutMs) => this.invoke(handler, who, input, timeoutMs, execution),
      {
        ended: (execution, output, error, cause) => {
          const zombie = this.#current.get(execution.arn);
          if (zombie !== undefined) zombie.isAbandoned = true;
          for (const fault of endingFaults(this.oracle, execution, output, error, cause)) this.violate(fault);
          const { redrive } = this.profile;
          if (!this.faultsAreOver && this.random.chance(redrive)) {
            this.scheduler.after(this.random.logarithmic(1_000, 36_000_000), () => this.machines.redrive(execution));
          }
        },
        excuse: (collection, why) => this.excuse(collection, why),
      },
    );
    this.#queue = new Queue(
      this,
      (Records: QueueRecord[]) => this.invoke('StartCompaction', 'start', { Records }) as Promise<BatchResponse>,
      () => {
        for (const collection of this.profile.collections)
          this.excuse(collection, 'a wake-up went to the dead letters');
      },
    );
    this.oracle.onDelta = (collection, deltaId) => this.#queue.notify(deltaKey(collection, deltaId));
  }

  /** Nothing more can be learnt. */
  isOver(): boolean {
    return this.oracle.violations.length > 0 || this.scheduler.events() > MAX_EVENTS;
  }

  violate(what: string): void {
    this.oracle.violate(what);
  }

  excuse(collection: string, why: string): void {
    if (this.faultsAreOver || this.excuses.has(collection)) return;
    this.counts.excused++;
    this.excuses.set(collection, why);
    this.scheduler.note(`${collection} is excused: ${why}`);
  }

  /** Ports of a process that is no Lambda: it meets faults, but lives. */
  client(name: string, directories = new MemoryDirectories()): Ports {
    return this.#ports(new Invocation(this, name, { isMortal: false }), '', directories);
  }

  /** Run a handler as one Lambda invocation, with its own clock, its own end, and perhaps its own afterlife. */
  invoke(handler: string, who: string, input: unknown, timeoutMs?: number, execution = ''): Promise<unknown> {
    const limitMs = timeoutMs ?? LAMBDA_TIMEOUT_MS[handler as keyof typeof LAMBDA_TIMEOUT_MS] ?? 60_000;
    const { crash, finishCrash } = this.profile;
    const invocation = new Invocation(this, `${who}#${++this.#invocations}`, {
      crash: handler === 'FinishCompaction' ? Math.max(crash, finishCrash) : crash,
    });
    this.scheduler.note(`${invocation.name} starts`);
    if (execution !== '') this.#current.set(execution, invocation);
    const ports = this.#ports(invocation, execution, this.directories);
    const real = (HANDLERS[handler] ?? OTHERS[handler]) as (input: unknown) => Promise<unknown>;
    const bug = this.plant.steps?.[handler];
    return new Promise((resolve, reject) => {
      // The function's own timeout lies a little below the task's; a suspended one outlives both.
      const dies = this.random.chance(0.5);
      const cancel = this.scheduler.after(limitMs - 3_000, () => {
        if (dies && !invocation.isDead) return invocation.kill('Sandbox.Timedout');
        this.scheduler.after(3_001, () => {
          invocation.isAbandoned = true;
          reject(new Error('The caller waits no longer.'));
        });
      });
      const task = () =>
        runWithPorts(ports, () => (bug === undefined ? real(input) : bug({ ports, execution }, input, real)));
      invocation.run(task).finally(cancel).then(resolve, reject);
    });
  }

  async collectGarbage(): Promise<GarbageRun> {
    return (await this.invoke('CollectGarbage', 'gc', {})) as GarbageRun;
  }

  async rollBack(collection: string, version: number): Promise<RolledBack> {
    const actor = `rollback-${this.oracle.rollbacks.size + 1}`;
    this.oracle.rollbacks.set(actor, version);
    return (await this.invoke('Rollback', actor, { collection, version, actor })) as RolledBack;
  }

  async sweep(): Promise<Sweep> {
    return (await this.invoke('Sweep', 'sweep', {})) as Sweep;
  }

  /** All actors at work, with faults, until they are done; then a while of grace, then no more faults; then until all is quiet. */
  async live(): Promise<void> {
    const { random, profile, scheduler } = this;
    const producers = random.int(1, Math.min(3, profile.deltas));
    const numbers = Array.from({ length: profile.deltas }, (_, n) => n + 1);
    const actors = [
      ...Array.from({ length: producers }, (_, p) =>
        produce(
          this,
          `producer-${p}`,
          numbers.filter((n) => n % producers === p),
        ),
      ),
      ...Array.from({ length: profile.readers }, (_, r) => read(this, `reader-${r}`)),
      spoil(this),
      collect(this),
      goBack(this),
    ];
    let isDone = false;
    Promise.all(actors).then(() => {
      scheduler.after(random.logarithmic(10, 1_000_000), () => {
        isDone = true;
      });
    });
    await scheduler.drain(() => isDone || this.isOver());
    this.faultsAreOver = true;
    scheduler.note('faults are over');
    await scheduler.drain(() => this.isOver());
    if (scheduler.events() > MAX_EVENTS) this.oracle.violations.push('the world does not come to rest');
  }

  #ports(invocation: Invocation, execution: string, directories: MemoryDirectories): Ports {
    const store = this.plant.store?.(this.store) ?? this.store;
    const refuses = (record: { metadata?: Record<string, unknown> }) => record.metadata?.[POISON] === true;
    const backend = {
      store,
      locks: this.plant.locks?.(this.table) ?? this.table,
      statuses: this.table,
      engine: new MemoryEngine({ refuses }),
      cache: this.cache,
      executions: this.machines,
      announcer: {
        announce: async (announcements: readonly CompactionCommitted[]) => this.oracle.announced(announcements),
      },
      telemetry: worldTelemetry(this),
      settings: {
        lockDurationMs: 60_000,
        claimDurationMs: 60_000,
        heartbeatIntervalMs: 30_000,
        maxDeltasPerCommit: this.profile.maxDeltasPerCommit,
        maxBytesPerCommit: 64 * 1024 * 1024,
        retainVersions: this.profile.retainVersions,
        retainDays: 0,
      },
      ...(this.plant.wrapDirectory === undefined ? {} : { wrapDirectory: this.plant.wrapDirectory }),
    };
    const ports = gatedPorts(invocation, backend, directories);
    return this.plant.ports?.(ports, execution) ?? ports;
  }
}
