/** The short form of `npm run simulate`: no violation, planted bugs seen, the control loses updates, seeds repeat. */
import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { CONTROL, plantOf } from './bugs.ts';
import { campaign } from './campaign.ts';
import { SOURCE_BUGS } from './planted/source-bugs.ts';
import { simulate } from './simulate.ts';

const SEEDS = 300;
/** A planted bug must show within so many seeds: searched for, since every change of the product moves the seeds. */
const PLANTED_SEEDS = 2_000;
const THREADS = Math.min(2, availableParallelism());
/**
 * The seed is where the bug showed last (`npm run simulate -- --bug '<name>'` says it), and is looked at first: a wrong one
 * costs the time of a search, and no more.
 */
const CAUGHT: ReadonlyArray<readonly [bug: string, violation: RegExp, seed: number]> = [
  ['no If-Match', /not up by one|the fence changes in a swap/, 1],
  ['upload discarded on an unknown outcome', /points at something that is not there/, 54],
  ['statuses read before the pointer', /is applied a second time/, 1],
  ['refused release taken as released', /nobody will look before the sweep/, 219],
  ['collection without the fence', /was deleted although|points at something that is not there/, 11],
  ['delegation to oneself', /nobody will look before the sweep/, 1],
  ['delegation without waking', /nobody will look before the sweep/, 163],
  ['set-aside content not kept', /before its content was kept/, 1],
  ['set aside at the first failure', /is set aside after . failed merges/, 2],
  ['status written before the event', /before any event told of it/, 1],
  ['ledger cut to its newest 64 entries', /the ledger drops/, 2],
  ['floats without a fraction become integers', /its content is wrong|wrongly/, 4],
  ['create-once compares sizes only', /its content never arrived/, 3],
  ['directory marked clean before it is verified', /its content is wrong|cannot be read whole/, 55],
  ['reader skips the count', /read version \d+ wrongly/, 1],
  ['successor started before the claim is released', /nobody will look before the sweep/, 21],
  ['import on top of a history', /an import replaces a history/, 159],
  ['retention counted from sealing', /are promised, and those below/, 1],
  ['a table known by its name alone', /is applied a second time/, 2],
  ['a delta applied twice to the serving copy', /is applied twice to the copy/, 4],
  ['writes in the order of host clocks', /which was acknowledged before it began/, 1],
  ['acknowledgement before the write', /does not show write|is lost|before it began/, 6],
  ['a stale number acknowledged', /does not show write|is lost|before it began/, 1],
  ['a listing shared with a read that came later', /does not show write|sent before it/, 3],
  ['a listing beside a version that was replaced', /does not show write|sent before it/, 3],
  ['a slow look taken for a quick one', /does not show write|sent before it/, 27],
  ['deltas deleted at once after the swap', /does not show write|sent before it/, 39],
  ['a stale write deleted without a report', /never decided nor reported/, 36],
  ['a name entry written before its collection', /of which there is no record/, 1],
  ["a dropped collection's delta in its successor", /sent to|does not show write|shows records/, 8],
  ['a drop of the entry alone', /though it is there/, 1],
  ['a dropped collection taken before its retention', /before its retention ends/, 3],
  ['rollback below retainedFrom', /was deleted although|points at something that is not there/, 85],
];

/** What a world that is violated in this way says: which of two threads is the first to find one is chance. */
async function firstViolation(bug: string, lookFor: RegExp, seed: number): Promise<string> {
  const known = await violationsOf(bug, lookFor, seed);
  if (known.some((violation) => lookFor.test(violation))) return known.join('\n');
  const search = { bug, lookFor, seed: 1, seeds: PLANTED_SEEDS, threads: THREADS, stopsAtViolation: true };
  const { found } = await campaign(search);
  return found[0]?.violations.join('\n') ?? `nothing in ${PLANTED_SEEDS} worlds`;
}

/** Of one world: only a bug of the source needs a thread of its own, which loads the product with the bug. */
async function violationsOf(bug: string, lookFor: RegExp, seed: number): Promise<readonly string[]> {
  if (SOURCE_BUGS[bug] === undefined) return (await simulate(seed, () => ({ ...plantOf(bug)(), lookFor }))).violations;
  const { found } = await campaign({ bug, lookFor, seed, seeds: 1, threads: 1, stopsAtViolation: true });
  return found[0]?.violations ?? [];
}

it(`holds every invariant in ${SEEDS} worlds`, async () => {
  const { worlds, found, unrepeatable, counts } = await campaign({
    seed: 1,
    seeds: SEEDS,
    threads: THREADS,
  });

  expect(found).toEqual([]);
  expect(unrepeatable).toEqual([]);
  expect(worlds).toBe(SEEDS);
  const { commits, conflicts, delegations, crashes, ambiguousWrites, lateLandings, fences, collectedObjects } = counts;
  const met = { commits, conflicts, delegations, crashes, ambiguousWrites, lateLandings, fences, collectedObjects };
  expect(Object.entries(met).filter(([, count]) => count === 0)).toEqual([]);
});

describe('sees a planted bug', () => {
  it.each(CAUGHT)('%s', async (bug, violation, seed) => {
    expect(await firstViolation(bug, violation, seed)).toMatch(violation);
  });
});

it('sees the protocol of the predecessor lose an update', async () => {
  expect(await firstViolation(CONTROL, /an update is lost/, 1)).toMatch(/an update is lost/);
});

it('gives the same trace for the same seed, and another one for another', async () => {
  const traces = [];
  for (const seed of [7, 7, 8]) traces.push((await simulate(seed)).hash);

  expect(traces[0]).toBe(traces[1]);
  expect(traces[0]).not.toBe(traces[2]);
});
