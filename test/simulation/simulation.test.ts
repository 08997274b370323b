/** The short form of `npm run simulate`: no violation, planted bugs seen, the control loses updates, seeds repeat. */
import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { plantOf } from './bugs.ts';
import { campaign } from './campaign.ts';
import { simulate } from './simulate.ts';

const SEEDS = 300;
/** Found by `npm run simulate -- --planted`; a change of the simulator moves them. */
const CAUGHT: ReadonlyArray<readonly [bug: string, seed: number, violation: RegExp]> = [
  ['no If-Match', 32, /not up by one/],
  ['upload discarded on an unknown outcome', 339, /points at something that is not there/],
  ['statuses read before the pointer', 4, /is applied a second time/],
  ['refused release taken as released', 41, /nobody will look before the sweep/],
  ['collection without the fence', 36, /points at something that is not there/],
  ['delegation to oneself', 2, /nobody will look before the sweep/],
  ['delegation without waking', 784, /nobody will look before the sweep/],
  ['status written before the event', 1, /before any event told of it/],
  ['rollback below retainedFrom', 35, /was deleted although|points at something that is not there/],
];
const CONTROL_SEED = 28;

it(`holds every invariant in ${SEEDS} worlds`, { timeout: 240_000 }, async () => {
  const { worlds, found, unrepeatable, counts } = await campaign({
    seed: 1,
    seeds: SEEDS,
    threads: Math.min(2, availableParallelism()),
  });

  expect(found).toEqual([]);
  expect(unrepeatable).toEqual([]);
  expect(worlds).toBe(SEEDS);
  const { commits, conflicts, delegations, crashes, ambiguousWrites, lateLandings, fences, collectedObjects } = counts;
  const met = { commits, conflicts, delegations, crashes, ambiguousWrites, lateLandings, fences, collectedObjects };
  expect(Object.entries(met).filter(([, count]) => count === 0)).toEqual([]);
});

describe('sees a planted bug', () => {
  it.each(CAUGHT)('%s (seed %i)', async (bug, seed, violation) => {
    const { violations } = await simulate(seed, plantOf(bug));

    expect(violations.join('\n')).toMatch(violation);
  });
});

it('sees the protocol of the predecessor lose an update', async () => {
  const { violations } = await simulate(CONTROL_SEED, plantOf('control'));

  expect(violations.join('\n')).toMatch(/an update is lost/);
});

it('gives the same trace for the same seed, and another one for another', async () => {
  const traces = [];
  for (const seed of [7, 7, 8]) traces.push((await simulate(seed)).hash);

  expect(traces[0]).toBe(traces[1]);
  expect(traces[0]).not.toBe(traces[2]);
});
