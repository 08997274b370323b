/** One seed, from beginning to end. */
import { settleAccounts } from './account.ts';
import type { Counts } from './counts.ts';
import { live } from './life.ts';
import { NOTHING, type Plant } from './planted/plant.ts';
import { World } from './world.ts';

export interface Simulation {
  seed: number;
  /** Of everything that happened, in order. */
  hash: string;
  /** What must never happen, and did. */
  violations: readonly string[];
  counts: Counts;
  /** Virtual, in milliseconds. */
  elapsedMs: number;
  events: number;
  /** Only when asked for. */
  trace: readonly string[];
}

export async function simulate(
  seed: number,
  makePlant: () => Plant = () => NOTHING,
  keepTrace = false,
): Promise<Simulation> {
  const world = await World.make(seed, makePlant(), { keepTrace });
  await live(world);
  await settleAccounts(world);
  const { scheduler, oracle, counts } = world;
  for (const violation of oracle.violations) scheduler.note(`VIOLATION ${violation}`);
  return {
    seed,
    hash: scheduler.hash(),
    violations: oracle.violations,
    counts,
    elapsedMs: scheduler.elapsed(),
    events: scheduler.events(),
    trace: scheduler.trace(),
  };
}
