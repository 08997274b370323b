/** One simulated world: what stands in it, and the processes that run there, each with ports of its own. */
import type { Ports } from '../../lambdas/ports.ts';
import { runWithPorts } from '../../lambdas/runtime/handler.ts';
import type { ServingPorts } from '../../lambdas/serving/target.ts';
import { deltaKey } from '../../lambdas/snapshot/keys.ts';
import type { BatchResponse, QueueRecord } from '../../lambdas/triggers/start-compactions.ts';
import type { Sweep } from '../../lambdas/triggers/sweep-collections.ts';
import type { GarbageRun } from '../../lambdas/upkeep/collect-garbage.ts';
import type { RolledBack } from '../../lambdas/upkeep/rollback.ts';
import { type CompactionState, MAX_ROUNDS } from '../../statemachine/contract.ts';
import { MemoryCache } from '../support/memory-cache.ts';
import { MemoryDirectories } from '../support/memory-directories.ts';
import type { MemoryStore } from '../support/memory-store.ts';
import { MemoryApiEngine } from '../support/model-api.ts';
import { backendOf, QUIRKS } from './backend.ts';
import { startFrom } from './baseline.ts';
import { burst } from './burst.ts';
import { type Counts, noCounts } from './counts.ts';
import { endingFaults } from './endings.ts';
import type { Surroundings } from './faults.ts';
import { gatedApi } from './gated-engine.ts';
import { gatedPorts } from './gated-ports.ts';
import { handlerOf, timeoutOf } from './handlers.ts';
import { Invocation } from './invocation.ts';
import { ObservedStore } from './observed-store.ts';
import { Oracle } from './oracle.ts';
import type { Plant } from './planted/plant.ts';
import { drawProfile, type Profile } from './profile.ts';
import { Queue } from './queue.ts';
import { Random } from './random.ts';
import { Scheduler } from './scheduler.ts';
import type { Stack } from './stack.ts';
import { SimulatedStepFunctions } from './step-functions.ts';
import { SimulatedTable } from './table.ts';

export interface Waiter {
  collection: string;
  deltaId: string;
  sha256: string;
}

/** A process that is no Lambda, and may die. */
export interface Process {
  ports: ServingPorts;
  isDead(): boolean;
  /** Resolves when it dies. */
  died: Promise<undefined>;
}

/** Of Lambdas beside endpoints: less than the quotient of the times of `settle-time.ts`. */
const FAST_CLOCK = 2.5;
/** An ordinary world has less than a tenth of it. */
const MAX_EVENTS = 40_000;

export class World implements Surroundings, Stack {
  readonly isForeign = false;
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly profile: Profile;
  readonly counts: Counts = noCounts();
  readonly plant: Plant;
  readonly oracle: Oracle;
  readonly raw: MemoryStore;
  readonly table: SimulatedTable;
  readonly cache: MemoryCache;
  readonly machines: SimulatedStepFunctions;
  readonly waiters: Waiter[] = [];
  /** Collections for which a stranded delta would be nobody's fault but the harness's, and why. */
  readonly excuses = new Map<string, string>();
  faultsAreOver = false;
  badWrites = 0;
  readonly directories = new MemoryDirectories();
  readonly #queue: Queue;
  readonly #current = new Map<string, Invocation>();
  #invocations = 0;
  #faultsEndedAt = 0;

  static async make(seed: number, plant: Plant, options: { keepTrace?: boolean } = {}): Promise<World> {
    const random = new Random(seed);
    const profile = { ...drawProfile(random), ...plant.profile };
    // Long listings one object at a time would teach nothing that short ones do not.
    if (profile.isOld) profile.pageSize = Math.max(profile.pageSize, 25);
    const scheduler = new Scheduler(options);
    const resolution = profile.wholeSeconds ? 1_000 : 1;
    const now = () => Math.floor(scheduler.now() / resolution) * resolution;
    const { store, truths, fill } = await startFrom(profile, now);
    const world = new World({ random, profile, scheduler, store, plant });
    for (const truth of truths) {
      world.oracle.truths.set(truth.collection, truth);
      world.oracle.names.hasStored(truth.collection);
    }
    fill(world.table);
    if (profile.isOld) world.counts.oldWorlds++;
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
    this.oracle = new Oracle(made.store, this.counts, made.profile, () => this.scheduler.now(), made.plant.lookFor);
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
        for (const collection of this.oracle.truths.keys())
          this.excuse(collection, 'a wake-up went to the dead letters');
      },
    );
    this.oracle.onCommit = (collection) => burst(this, collection);
    this.oracle.onDelta = (collection, deltaId) => this.#queue.notify(deltaKey(collection, deltaId));
  }

  /** Nothing more can be learnt. */
  isOver(): boolean {
    return this.oracle.violations.length > 0 || this.isRestless();
  }

  isRestless(): boolean {
    return this.scheduler.events() > MAX_EVENTS;
  }

  isTaken(collection: string): boolean {
    return this.oracle.unreached.isTaken(collection);
  }

  violate(what: string): void {
    this.oracle.violate(what);
  }

  /** @param graceMs After the last fault: an answer that it spoiled may be acted upon so much later. */
  excuse(collection: string, why: string, graceMs = 0): void {
    const isTooLate = this.faultsAreOver && this.scheduler.now() > this.#faultsEndedAt + graceMs;
    if (isTooLate || this.excuses.has(collection)) return;
    this.counts.excused++;
    this.excuses.set(collection, why);
    this.scheduler.note(`${collection} is excused: ${why}`);
  }

  /** The store as somebody sees it whose calls take effect at once. */
  storeOf(by: string): ObservedStore {
    return new ObservedStore(this.raw, this.oracle, by);
  }

  /** Ports of a process that is no Lambda: it meets faults, but lives. */
  client(name: string, directories = new MemoryDirectories()): Ports {
    return this.#ports(new Invocation(this, name, { isMortal: false }), '', { ...ownStack(this), directories });
  }

  /** Ports of a process that runs for long, whose clock is mostly wrong, and which may die at any of its calls. */
  process(name: string, directories: MemoryDirectories): Process {
    const invocation = new Invocation(this, name, { crash: this.profile.endpointCrash, skewed: 0.7 });
    const { promise: died, resolve } = Promise.withResolvers<undefined>();
    invocation.onDeath(() => {
      this.counts.endpointDeaths++;
      resolve(undefined);
    });
    const api = gatedApi(invocation, new MemoryApiEngine(QUIRKS));
    const ports = { ...this.#ports(invocation, '', { ...ownStack(this), directories }), api };
    return { ports, isDead: () => invocation.isDead, died };
  }

  /** Run a handler as one Lambda invocation, with its own clock, its own end, and perhaps its own afterlife. */
  invoke(
    handler: string,
    who: string,
    input: unknown,
    timeoutMs?: number,
    execution = '',
    stack: Stack = this,
  ): Promise<unknown> {
    const limitMs = timeoutMs ?? timeoutOf(handler);
    const { crash, finishCrash } = this.profile;
    const invocation = new Invocation(this, `${who}#${++this.#invocations}`, {
      crash: handler === 'FinishCompaction' ? Math.max(crash, finishCrash) : crash,
      isForeign: stack.isForeign,
      rate: this.#invocations % 3 === 0 ? FAST_CLOCK : 1,
    });
    this.scheduler.note(`${invocation.name} starts`);
    if (execution !== '') this.#current.set(execution, invocation);
    const ports = this.#ports(invocation, execution, stack);
    const real = handlerOf(handler);
    const bug = this.plant.steps?.[handler];
    return new Promise((resolve, reject) => {
      const fail = (error: unknown) => {
        if (handler === 'MergeDeltas') this.oracle.mergeFailed((input as CompactionState).collection, execution);
        reject(error);
      };
      // The function's own timeout lies a little below the task's; a suspended one outlives both.
      const dies = this.random.chance(0.5);
      const cancel = this.scheduler.after(limitMs - 3_000, () => {
        if (dies && !invocation.isDead) return invocation.kill('Sandbox.Timedout');
        this.scheduler.after(3_001, () => {
          invocation.isAbandoned = true;
          fail(new Error('The caller waits no longer.'));
        });
      });
      const task = () =>
        runWithPorts(ports, () => (bug === undefined ? real(input) : bug({ ports, execution }, input, real)));
      const ended = invocation.run(task).finally(cancel);
      ended.then((output) => resolve(handler === 'PlanCompaction' ? this.#tired(output) : output), fail);
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

  /** Whoever died over the last commit of an old collection was noticed. */
  wakeAll(): void {
    for (const { collection, inbox } of this.oracle.truths.values()) {
      const [deltaId = ''] = inbox.keys();
      this.#queue.notify(deltaKey(collection, deltaId));
    }
  }

  /** From now on nothing fails any more. */
  endFaults(): void {
    this.faultsAreOver = true;
    this.#faultsEndedAt = this.scheduler.now();
    this.scheduler.note('faults are over');
  }

  /** As if the execution had made most of its plans already. */
  #tired(output: unknown): unknown {
    const state = output as CompactionState;
    const { attempts } = state;
    if (attempts.rounds > 1) return state;
    return { ...state, attempts: { ...attempts, rounds: 1 + MAX_ROUNDS - this.profile.maxRounds } };
  }

  #ports(invocation: Invocation, execution: string, stack: Stack): Ports {
    const ports = gatedPorts(invocation, backendOf(this, stack, invocation.name), stack.directories);
    return this.plant.ports?.(ports, execution) ?? ports;
  }
}

function ownStack({ table, cache, directories, machines, isForeign }: Stack): Stack {
  return { table, cache, directories, machines, isForeign };
}
