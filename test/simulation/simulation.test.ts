/** The short form of `npm run simulate`: no violation, planted bugs seen, the control loses updates, seeds repeat. */
import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { CONTROL } from './bugs.ts';
import { campaign } from './campaign.ts';
import { simulate } from './simulate.ts';

const SEEDS = 300;
/** A planted bug must show within so many seeds: searched for, since every change of the product moves the seeds. */
const PLANTED_SEEDS = 2_000;
const THREADS = Math.min(2, availableParallelism());
const CAUGHT: ReadonlyArray<readonly [bug: string, violation: RegExp]> = [
  ['no If-Match', /not up by one|the fence changes in a swap/],
  ['upload discarded on an unknown outcome', /points at something that is not there/],
  ['statuses read before the pointer', /is applied a second time/],
  ['refused release taken as released', /nobody will look before the sweep/],
  ['collection without the fence', /was deleted although|points at something that is not there/],
  ['delegation to oneself', /nobody will look before the sweep/],
  ['delegation without waking', /nobody will look before the sweep/],
  ['set-aside content not kept', /before its content was kept/],
  ['set aside at the first failure', /is set aside after . failed merges/],
  ['status written before the event', /before any event told of it/],
  ['ledger cut to its newest 64 entries', /the ledger drops/],
  ['floats without a fraction become integers', /its content is wrong|wrongly/],
  ['create-once compares sizes only', /its content never arrived/],
  ['directory marked clean before it is verified', /its content is wrong|cannot be read whole/],
  ['reader skips the count', /read version \d+ wrongly/],
  ['successor started before the claim is released', /nobody will look before the sweep/],
  ['import on top of a history', /an import replaces a history/],
  ['retention counted from sealing', /are promised, and those below/],
  ['a table known by its name alone', /is applied a second time/],
  ['a delta applied twice to the serving copy', /is applied twice to the copy/],
  ['writes in the order of host clocks', /which was acknowledged before it began/],
  ['acknowledgement before the write', /does not show write|is lost|before it began/],
  ['a stale number acknowledged', /does not show write|is lost|before it began/],
  ['a listing shared with a read that came later', /does not show write|sent before it/],
  ['a listing beside a version that was replaced', /does not show write|sent before it/],
  ['a slow look taken for a quick one', /does not show write|sent before it/],
  ['deltas deleted at once after the swap', /does not show write|sent before it/],
  ['a stale write deleted without a report', /never decided nor reported/],
  ['a name entry written before its collection', /of which there is no record/],
  ["a dropped collection's delta in its successor", /sent to|does not show write|shows records/],
  ['a drop of the entry alone', /though it is there/],
  ['a dropped collection taken before its retention', /before its retention ends/],
  ['rollback below retainedFrom', /was deleted although|points at something that is not there/],
];

/** What the first world that is violated in this way says: which of two threads is the first is chance. */
async function firstViolation(bug: string, lookFor: RegExp): Promise<string> {
  const search = { bug, lookFor, seed: 1, seeds: PLANTED_SEEDS, threads: THREADS, stopsAtViolation: true };
  const { found } = await campaign(search);
  return found[0]?.violations.join('\n') ?? `nothing in ${PLANTED_SEEDS} worlds`;
}

it(`holds every invariant in ${SEEDS} worlds`, { timeout: 240_000 }, async () => {
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

describe('sees a planted bug', { timeout: 240_000 }, () => {
  it.each(CAUGHT)('%s', async (bug, violation) => {
    expect(await firstViolation(bug, violation)).toMatch(violation);
  });
});

it('sees the protocol of the predecessor lose an update', { timeout: 240_000 }, async () => {
  expect(await firstViolation(CONTROL, /an update is lost/)).toMatch(/an update is lost/);
});

it('gives the same trace for the same seed, and another one for another', async () => {
  const traces = [];
  for (const seed of [7, 7, 8]) traces.push((await simulate(seed)).hash);

  expect(traces[0]).toBe(traces[1]);
  expect(traces[0]).not.toBe(traces[2]);
});
