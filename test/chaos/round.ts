/**
 * One round: a collection of its own, a producer that never rests, and workers that are killed while they compact it.
 * Then the killing ends; what the dead held is released as in production, and the collection is compared with its model.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { isAnythingWaiting } from '../../lambdas/inbox/find-work.ts';
import type { Ports } from '../../lambdas/ports.ts';
import { createCollection } from '../../lambdas/upkeep/create-collection.ts';
import type { Random } from '../simulation/random.ts';
import { type Check, checkCollection } from './check.ts';
import type { Crew } from './crew.ts';
import { delayMs, type Phase, phaseOf, statesOf, type Target } from './phases.ts';
import { DIMENSION, Producer, type ProducerCounts } from './producer.ts';

/** Kills of a round; one that finds no execution in its phase within its patience is given up, and shows in the sum. */
const AIM_MS = 8_000;
/** How often something new arrives while nobody works: a wake-up after the death of a claimant, too. */
const IDLE_MS = 250;
/** Ends a round that does not come to rest. */
const REST_MS = 60_000;

export interface World {
  ports: Ports;
  crew: Crew;
  random: Random;
  /** What production does when an execution has died: the state machine `release-abandoned`. */
  release(collection: string, execution: string): Promise<void>;
  /** Resolves when every release that was begun by an execution's failure is done. */
  released(): Promise<void>;
}

export interface RoundResult extends Check {
  collection: string;
  /** Executions that died, by the phase that they were in. */
  kills: Phase[];
  /** Kills that hit a worker between two executions. */
  idleKills: number;
  sent: ProducerCounts;
}

export async function playRound(world: World, collection: string, targets: readonly Target[]): Promise<RoundResult> {
  const { ports, crew, random } = world;
  await createCollection(ports, { collection, dimension: DIMENSION, space: 'l2', creator: 'chaos' });
  const producer = new Producer(ports, collection, random);
  const kills: Phase[] = [];
  const abandoned: string[] = [];
  let idleKills = 0;
  const bury = async (dead: ReadonlyMap<string, string>) => {
    if (dead.size === 0) idleKills++;
    for (const [execution, state] of dead) {
      kills.push(phaseOf(state));
      // Half of the dead are found at once; what the others held must expire, or waits for the end of the round.
      if (random.chance(0.5)) await world.release(collection, execution);
      else abandoned.push(execution);
    }
  };
  for (const target of targets) {
    const aim = await aimAt(world, collection, producer, target);
    if (aim === undefined) continue;
    const delay = delayMs(target, random);
    if (delay > 0) await wait(delay);
    // Now and then the power fails: everybody dies at once.
    const victims = random.chance(0.1) ? [...crew.workers()] : [aim];
    for (const dead of await Promise.all(victims.map((worker) => crew.kill(worker)))) await bury(dead);
  }
  await send(world, collection, producer);
  await comeToRest(world, collection, abandoned);
  const check = await checkCollection(ports, collection, producer);
  if (crew.runningExecutions > 0) check.differences.push(`after ${REST_MS} ms executions are still running`);
  return { collection, kills, idleKills, sent: producer.counts, ...check };
}

/** A few deltas, each with the wake-up that its arrival causes. */
async function send({ crew, random }: World, collection: string, producer: Producer): Promise<void> {
  for (let n = random.int(1, 3); n > 0; n--) {
    await producer.send();
    crew.start(collection);
  }
}

/** The worker whose execution enters the phase next, while new deltas keep everybody busy. */
async function aimAt(world: World, collection: string, producer: Producer, target: Target) {
  const { crew, random } = world;
  const patience = AbortSignal.timeout(AIM_MS);
  let isAimed = false;
  const entry = crew.entry([random.pick(statesOf(target))], patience).finally(() => {
    isAimed = true;
  });
  while (!isAimed) {
    if (crew.runningExecutions === 0 || random.chance(0.15)) await send(world, collection, producer);
    await Promise.race([entry, wait(IDLE_MS * random.next())]);
  }
  return (await entry)?.worker;
}

/** Release the dead, and let their successors do what is left: nothing else may be needed. */
async function comeToRest(world: World, collection: string, abandoned: readonly string[]): Promise<void> {
  const { crew } = world;
  for (const execution of abandoned) await world.release(collection, execution);
  const deadline = performance.now() + REST_MS;
  do {
    await Promise.race([crew.idle(), wait(REST_MS, undefined, { ref: false })]);
    await world.released();
  } while (crew.runningExecutions > 0 && performance.now() < deadline);
  if (await isAnythingWaiting(world.ports, collection)) {
    throw new Error(`"${collection}" came to rest with work waiting that nobody will do.`);
  }
}
