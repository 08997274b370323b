/**
 * Garbage collection among writers, over random histories. One schedule decides what happens at every call of a
 * collector: commits that are planned, uploaded or swapped, rollbacks, other collectors, days that pass, writes that
 * are lost or whose response is.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PointerMovedError, StoreUnavailableError } from '../../lambdas/errors/errors.ts';
import { sealedAt } from '../../lambdas/protocol/retention.ts';
import { pointerKey } from '../../lambdas/snapshot/keys.ts';
import { collectGarbage } from '../../lambdas/upkeep/collect-garbage.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import { type Fault, faulty } from '../support/faulty.ts';
import { COLLECTION, createCollection, memoryPorts } from '../support/memory-ports.ts';
import { missing, needed, type Prepared, prepare, stored, swap } from '../workflow/commits.ts';

const WRITERS = 3;
const DAY = 86_400_000;
const RETENTION = { retainVersions: 2, retainDays: 1 };

type Action =
  /** The next call of this writer: plan and seal, put the pack, put the manifest, or swap. */
  | { do: 'write'; writer: number; inherit: number; rollback: number | null }
  | { do: 'collect'; loses: 'request' | 'response' | null }
  | { do: 'pass'; days: number }
  /** Back to the collector that was interrupted. */
  | { do: 'resume' };

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('write' as const),
      writer: fc.nat(WRITERS - 1),
      inherit: fc.nat(7),
      rollback: fc.option(fc.nat(5), { freq: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('collect' as const),
      loses: fc.constantFrom(null, null, 'request' as const, 'response' as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('pass' as const), days: fc.constantFrom(0.3, 0.9, 2) }) },
  { weight: 6, arbitrary: fc.constant({ do: 'resume' as const }) },
);

/** What happened over all histories: a law that is never tried holds always. */
const seen = {
  commits: 0,
  lostSwaps: 0,
  fences: 0,
  lostFences: 0,
  nested: 0,
  deleted: 0,
  rollbacks: 0,
  keptInFlight: 0,
};

async function play(schedule: Action[]) {
  const ports = memoryPorts({ settings: RETENTION });
  await createCollection(ports);
  const queue = [...schedule];
  const writers: Array<{ commit: Prepared; stage: number } | undefined> = [];
  const sealed = new Map<number, string>();
  const start = (await readPointer(ports, COLLECTION)).pointer;
  sealed.set(start.version, start.commitId);
  let before = start;
  let depth = 0;

  const write = async ({ writer, inherit, rollback }: Extract<Action, { do: 'write' }>) => {
    const current = writers[writer];
    if (current === undefined) {
      const { version, retainedFrom } = (await readPointer(ports, COLLECTION)).pointer;
      const from = rollback === null ? undefined : Math.max(retainedFrom, version - rollback);
      if (from !== undefined) seen.rollbacks++;
      const keeps = (index: number) => from !== undefined || ((inherit >> (index % 3)) & 1) === 1;
      writers[writer] = {
        commit: await prepare(ports, { inherit: keeps, ...(from === undefined ? {} : { from }) }),
        stage: 0,
      };
      return;
    }
    const { commit, stage } = current;
    current.stage++;
    if (stage === 0) await ports.store.putIfAbsent(commit.pack.key, commit.packBytes);
    else if (stage === 1) await ports.store.putIfAbsent(commit.ref.key, commit.bytes);
    else {
      writers[writer] = undefined;
      if (!(await swap(ports, commit))) {
        seen.lostSwaps++;
        return;
      }
      seen.commits++;
      if (depth > 0) seen.keptInFlight++;
      sealed.set(commit.manifest.version, commit.commitId);
    }
  };

  const collect = async (loses: 'request' | 'response' | null) => {
    const lost = () => {
      seen.lostFences++;
      throw new StoreUnavailableError('The store does not answer. Try again.');
    };
    // It deletes several objects at once: its interruptions take turns, so that each one sees a world at rest.
    let turn: Promise<unknown> = Promise.resolve();
    const inTurn = () => {
      const mine = turn.then(interrupt);
      turn = mine.catch(() => {});
      return mine;
    };
    const faults: Fault[] = [{ on: '*', before: inTurn, after: inTurn }];
    // Behind the interruptions: what happens before a lost write happens before it.
    if (loses !== null)
      faults.push({ on: 'store.putIfMatch', times: 1, [loses === 'request' ? 'before' : 'after']: lost });
    if (depth > 0) seen.nested++;
    depth++;
    try {
      const report = await collectGarbage(faulty(ports, faults), {
        collection: COLLECTION,
        runId: ports.ids.ulid(),
      });
      seen.fences += Number(report.fenced);
      seen.deleted += report.deletedManifests + report.deletedPacks;
    } catch (error) {
      // Every race lost: allowed, as long as nothing was deleted that is needed.
      if (!(error instanceof PointerMovedError)) throw error;
    } finally {
      depth--;
    }
  };

  const perform = async (next: Action) => {
    if (next.do === 'write') await write(next);
    else if (next.do === 'collect' && depth < 3) await collect(next.loses);
    else if (next.do === 'pass') await ports.clock.advance(next.days * DAY);
    await check();
  };
  async function interrupt(): Promise<void> {
    for (let next = queue.shift(); next !== undefined && next.do !== 'resume'; next = queue.shift())
      await perform(next);
    await check();
  }

  /** The invariants of garbage collection, whoever is in the middle of what. */
  const check = async () => {
    const { pointer } = await readPointer(ports, COLLECTION);
    expect(await missing(ports)).toEqual([]);
    expect(pointer.fence).toBeGreaterThanOrEqual(before.fence);
    expect(pointer.retainedFrom).toBeGreaterThanOrEqual(before.retainedFrom);
    if (pointer.retainedFrom !== before.retainedFrom) {
      expect(pointer.fence).toBeGreaterThan(before.fence);
      expect(pointer.retainedFrom).toBeLessThanOrEqual(Math.max(0, pointer.version - RETENTION.retainVersions + 1));
      for (let version = before.retainedFrom; version < pointer.retainedFrom; version++) {
        const age = ports.clock.now() - sealedAt(sealed.get(version) ?? '');
        expect(age, `version ${version} was let go of too early`).toBeGreaterThan(RETENTION.retainDays * DAY);
      }
    }
    before = pointer;
  };

  while (queue.length > 0) await perform(queue.shift() as Action);

  // Quiet at last: whoever was in the middle goes on and is whole or too late, and then nothing is left to collect.
  await collect(null);
  for (const [writer, state] of writers.entries()) {
    if (state?.stage === 2) await write({ do: 'write', writer, inherit: 0, rollback: null });
    await check();
  }
  await ports.clock.advance(3 * DAY);
  await collect(null);
  expect(stored(ports).sort()).toEqual(await needed(ports));
  expect(ports.store.snapshot().has(pointerKey(COLLECTION))).toBe(true);
}

it('nothing reachable is ever deleted, whatever happens during a collection, and no garbage stays', async () => {
  const schedule = fc.array(action, { minLength: 10, maxLength: 120, size: 'max' });

  await fc.assert(fc.asyncProperty(schedule, play), { numRuns: 120 });

  for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(0);
});
