/**
 * One run of a Lambda function, or of a client. Every call that it makes goes through here, waits for its turn, and may
 * meet a fault. A killed invocation makes no further call; one that was given up by its caller goes on as a zombie.
 */
import { ConditionalRequestConflictError } from '../../lambdas/errors/errors.ts';
import { type CallKind, CRASHES, drawFault, drawLatency, type Surroundings } from './faults.ts';

/** Errors of the product that no fault can excuse, wherever they come up. */
const BROKEN = ['InvariantViolatedError', 'StatusConflictError', 'ForeignStoreError', 'PointerMissingError'];
/** Longest that a write takes to land after its caller was told that nothing is known. */
const LATEST_LANDING_MS = 400_000;

class Crash extends Error {
  constructor(name: string) {
    super('The function died.');
    this.name = name;
    this.stack = name;
  }
}

export class Invocation {
  readonly name: string;
  readonly world: Surroundings;
  /** The caller has given up: whatever it still does, it does as a zombie. */
  isAbandoned = false;
  readonly #isMortal: boolean;
  readonly #rate: number;
  readonly #isForeign: boolean;
  readonly #skewMs: number;
  readonly #frozenClock: number | undefined;
  readonly #death: Promise<never>;
  #perish: (error: Error) => void = () => {};
  readonly #onDeath: Array<() => void> = [];
  #died: ((error: Error) => void) | undefined;
  #isDead = false;
  #isZombie = false;
  #steps = 0;
  #crashAt = Number.POSITIVE_INFINITY;
  #suspendedUntil = 0;

  /**
   * @param crash Probability that it dies at one of its calls.
   * @param skewed Probability that its clock is wrong.
   * @param rate Of its monotonic clock, and of its timers.
   * @param isForeign Of a stack to which the store does not belong: that it is told so is no fault.
   */
  constructor(
    world: Surroundings,
    name: string,
    { crash = 0, isMortal = true, isForeign = false, skewed = world.profile.skewedClock, rate = 1 } = {},
  ) {
    this.world = world;
    this.#rate = rate;
    this.#isForeign = isForeign;
    this.name = name;
    this.#isMortal = isMortal;
    const { random, profile, scheduler, faultsAreOver } = world;
    this.#death = new Promise((_, reject) => {
      this.#perish = reject;
    });
    this.#death.catch(() => {});
    const isFaulty = isMortal && !faultsAreOver;
    if (isFaulty && random.chance(crash)) this.#crashAt = random.logarithmic(1, 40);
    this.#skewMs = isFaulty && random.chance(skewed) ? random.int(-300_000, 300_000) : 0;
    this.#frozenClock = isFaulty && random.chance(profile.frozenClock) ? scheduler.now() + this.#skewMs : undefined;
  }

  /** By its own clock. */
  now(): number {
    return this.#frozenClock ?? this.world.scheduler.now() + this.#skewMs;
  }

  /** By a clock that nobody sets, and that runs fast or slow. */
  monotonic(): number {
    return this.world.scheduler.elapsed() * this.#rate;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  onDeath(clean: () => void): void {
    this.#onDeath.push(clean);
  }

  /** @throws what the task throws, or the name of a crash; never settles when it dies unheard */
  run<Result>(task: () => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#died = reject;
      task().then(resolve, (error: unknown) => {
        const { name = '', message = '' } = error as Error;
        const isDue = this.#isForeign && name === 'ForeignStoreError';
        // What is left of a collection that is being taken has no pointer for a moment.
        const [, collection = ''] = /^Collection "([^"]+)"/.exec(message) ?? [];
        const isTaken = name === 'PointerMissingError' && this.world.isTaken(collection);
        const isBroken =
          (BROKEN.includes(name) && !isDue && !isTaken) || error instanceof TypeError || error instanceof RangeError;
        if (isBroken) this.world.violate(`${this.name} failed with ${name}: ${message}`);
        this.world.scheduler.note(`${this.name} ! ${name}`);
        reject(error);
      });
    });
  }

  /** The process ends here and now. Whoever waits for it is told, or finds out by its own timeout. */
  kill(error?: string): void {
    if (this.#isDead) return;
    this.#isDead = true;
    this.#perish(new Error('The process is dead.'));
    const { counts, scheduler, random } = this.world;
    counts.crashes++;
    scheduler.note(`${this.name} dies`);
    for (const clean of this.#onDeath) clean();
    const name = error ?? (random.chance(0.75) ? random.pick(CRASHES) : undefined);
    if (name !== undefined) scheduler.after(random.int(1, 200), () => this.#died?.(new Crash(name)));
  }

  /** Something local is about to happen: a place to die. Pending for ever when it does. */
  async step(): Promise<void> {
    if (!this.#isAliveAtStep()) await new Promise<never>(() => {});
  }

  /** One call to the world: it takes effect in its own time, and its answer comes in its own time, or never. */
  call<Result>(kind: CallKind, perform: () => Promise<Result>): Promise<Result> {
    if (!this.#isAliveAtStep()) return new Promise<never>(() => {});
    const { scheduler, random, counts } = this.world;
    const { isLocal = false } = kind;
    const fault = drawFault(this.world, kind);
    const label = `${this.name} ${kind.on}${kind.about === undefined ? '' : ` ${kind.about}`}`;
    const note = (what: string) => scheduler.note(`${label} ${what}`);
    return new Promise<Result>((resolve, reject) => {
      const refuse = (error: Error) => this.#respond(() => reject(error));
      const land = async (): Promise<{ result: Result } | { error: unknown }> => {
        if (this.isAbandoned && !this.#isZombie) {
          this.#isZombie = true;
          counts.zombies++;
        }
        try {
          // What is done with a directory may end with its process, in the middle.
          return { result: await (isLocal ? Promise.race([perform(), this.#death]) : perform()) };
        } catch (error) {
          return { error };
        }
      };
      const arrive = async () => {
        // A request of the dead may have left in time, or not.
        if (this.#isDead && random.chance(0.5)) return note('dies with its caller');
        // Drawn in time, but nothing fails any more: it arrives like any other.
        const met = this.world.faultsAreOver ? 'none' : fault;
        switch (met) {
          case 'lost-request':
            note('is lost');
            return refuse(kind.unavailable());
          case 'conflict':
            note('409');
            return refuse(new ConditionalRequestConflictError(kind.conditional ?? ''));
          case 'late-landing':
            note('is not heard of');
            counts.ambiguousWrites++;
            scheduler.after(random.logarithmic(10, LATEST_LANDING_MS), async () => {
              counts.lateLandings++;
              note(`lands late: ${described(await land())}`);
            });
            return refuse(kind.unavailable());
        }
        const outcome = await land();
        note(described(outcome));
        if (met === 'lost-response') {
          if (kind.isWrite) counts.ambiguousWrites++;
          note('response lost');
          return refuse(kind.unavailable());
        }
        this.#respond(() => ('error' in outcome ? reject(outcome.error) : resolve(outcome.result)));
      };
      scheduler.after(this.#latency(), arrive);
    });
  }

  /** Bytes as the local disk keeps them. Whoever meets a bad write mostly dies soon after. */
  asKept(bytes: Uint8Array): Uint8Array {
    const { world } = this;
    if (!this.#isMortal || world.badWrites === 0 || world.faultsAreOver || bytes.length === 0) return bytes;
    world.badWrites--;
    world.counts.badWrites++;
    world.scheduler.note(`${this.name} writes a block that the disk does not keep`);
    if (world.random.chance(0.7)) this.#crashAt = this.#steps + world.random.int(2, 9);
    const kept = Buffer.from(bytes);
    const at = world.random.int(0, kept.length - 1);
    kept[at] = (kept[at] ?? 0) ^ (1 << world.random.int(0, 7));
    return kept;
  }

  sleep(ms: number): Promise<void> {
    if (!this.#isAliveAtStep()) return new Promise<never>(() => {});
    return new Promise((resolve) => this.world.scheduler.after(ms / this.#rate, () => this.#resume(resolve)));
  }

  every(ms: number, task: () => Promise<void>): () => void {
    let isRunning = false;
    let cancel = () => {};
    const beat = () => {
      cancel = this.world.scheduler.after(
        ms,
        () => {
          if (this.#isDead) return;
          beat();
          if (isRunning || this.#suspendedUntil > this.world.scheduler.now()) return;
          isRunning = true;
          const done = () => {
            isRunning = false;
          };
          task().then(done, done);
        },
        { isIdle: true },
      );
    };
    beat();
    return () => cancel();
  }

  #isAliveAtStep(): boolean {
    this.#steps++;
    if (!this.#isDead && this.#steps >= this.#crashAt && !this.world.faultsAreOver) this.kill();
    return !this.#isDead;
  }

  #respond(deliver: () => void): void {
    const { random, scheduler, profile, faultsAreOver } = this.world;
    if (!faultsAreOver && this.#steps >= this.#crashAt - 0.5 && random.chance(0.5)) this.kill();
    if (random.chance(0.3)) scheduler.after(random.int(1, profile.latencyMs), () => this.#resume(deliver));
    else this.#resume(deliver);
  }

  /** Nothing happens in a suspended process. */
  #resume(go: () => void): void {
    if (this.#isDead) return;
    const { scheduler } = this.world;
    const left = this.#suspendedUntil - scheduler.now();
    if (left <= 0) go();
    else scheduler.after(left, () => this.#resume(go));
  }

  #latency(): number {
    const { waitMs, suspendedMs } = drawLatency(this.world);
    // What a suspended process has sent goes through, and it hears of nothing.
    if (suspendedMs > 0) this.#suspendedUntil = this.world.scheduler.now() + suspendedMs;
    return waitMs;
  }
}

function described(outcome: { result: unknown } | { error: unknown }): string {
  if ('error' in outcome) return `! ${(outcome.error as Error).name}`;
  const { result } = outcome;
  if (result === null || typeof result !== 'object') return `= ${String(result)}`;
  return 'ok';
}
