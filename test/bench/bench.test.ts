/** A whole run of the bench on a snapshot of a few hundred records: real workers, real servers, no network model. */
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BenchOptions, isGood, runBench } from '../../bench/bench.ts';
import { type BenchDocument, benchDocument } from '../../bench/document.ts';
import type { Plan } from '../../bench/plan.ts';
import { BenchRun } from '../../bench/run.ts';
import type { Scenario } from '../../bench/scenarios/scenarios.ts';
import { processesWhere } from '../support/processes.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bench-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const RUN: BenchDocument['run'] = {
  date: '2026-11-24T10:00:00.000Z',
  commit: 'test',
  command: 'npm run bench',
  machine: 'test',
  node: 'test',
  engine: 'test',
  network: 'local',
  pricesAsOf: '2026',
  failsOnTiming: false,
  seconds: 1,
};
const never = new AbortController().signal;
const options = (signal = never): BenchOptions => {
  return { folder, preset: 'local', signal, silent: true, describe: () => RUN };
};
const plan = (...scenarios: Scenario[]): Plan => ({
  name: 'quick',
  sizes: [{ name: '3mb', records: 300, scenarios, repetitions: { ours: 1, baseline: 1 } }],
  contention: [],
  redeliveredAt: [],
  failsOnTiming: false,
});
const kept = async () => benchDocument.parse(JSON.parse(await readFile(join(folder, 'last.json'), 'utf8')));

test('a scenario that fails is recorded, the others are measured, and the run is not good', async () => {
  class Failing extends BenchRun {
    override async measure(...[size, scenario]: Parameters<BenchRun['measure']>) {
      if (scenario === 'updates-50') throw new Error('a planted failure');
      return super.measure(size, scenario);
    }
  }
  const asked = plan('nothing-to-do', 'updates-50', 'deletes-50');
  const killed = join(folder, 'run-999999999');
  await mkdir(killed);
  const document = await runBench(asked, options(), new Failing(folder, 'local', never));
  expect(document.failures).toEqual([{ name: 'updates-50-3mb', message: 'a planted failure' }]);
  expect(document.scenarios.map(({ name }) => name)).toEqual(['nothing-to-do-3mb', 'deletes-50-3mb']);
  expect(isGood(document)).toBe(false);
  expect(await kept()).toEqual(document);
  await expect(stat(killed), 'what a killed run left behind').rejects.toThrow(/ENOENT/);
});

test('both protocols are measured, and their measured containers stand for the warm one too', async () => {
  const asked = plan('upserts-100');
  const document = await runBench(asked, options());
  expect(document.scenarios.map(({ name }) => name)).toEqual(['upserts-100-3mb', 'container-warm-3mb']);
  const [{ ours, baseline, changedBlockBytes, snapshotBytes }] = document.scenarios as [BenchDocument['scenarios'][0]];
  expect(changedBlockBytes).toBeGreaterThan(0);
  expect(ours.storeBytesUp).toBeGreaterThan(0);
  expect(ours.storeBytesUp).toBeLessThan(snapshotBytes);
  // All of its own directory, which is what it copies back to the cache; ours may have another page of SQLite.
  expect(baseline.cacheBytesWritten).toBeGreaterThan(changedBlockBytes);
  expect(baseline.storeBytesUp).toBeGreaterThanOrEqual(baseline.cacheBytesWritten);
  expect(baseline.storeBytesDown).toBeGreaterThanOrEqual(baseline.cacheBytesWritten);
  expect(isGood(document)).toBe(true);
});

test('without its snapshot nothing is measured, and that is said once', async () => {
  class Unbuilt extends BenchRun {
    override build(): Promise<void> {
      return Promise.reject(new Error('no disk'));
    }
  }
  const document = await runBench(plan('nothing-to-do'), options(), new Unbuilt(folder, 'local', never));
  expect(document).toMatchObject({ scenarios: [], failures: [{ name: 'snapshot-3mb', message: 'no disk' }] });
});

test('an interruption ends worker and Chroma server, keeps what was measured, and leaves no run behind', async () => {
  const interruption = new AbortController();
  const asked = plan('nothing-to-do', 'upserts-2000', 'updates-50');
  const running = runBench(asked, options(interruption.signal));
  await expect.poll(async () => (await servers()).length).toBeGreaterThan(0);
  await expect.poll(async () => (await kept()).scenarios.length).toBe(1);
  await expect.poll(async () => (await servers()).length).toBeGreaterThan(0);
  interruption.abort();
  const document = await running;
  expect(document.scenarios.map(({ name }) => name)).toEqual(['nothing-to-do-3mb']);
  expect(document.failures).toEqual([{ name: 'upserts-2000-3mb', message: expect.stringContaining('interrupted') }]);
  await expect.poll(servers).toEqual([]);
  expect((await readdir(folder)).filter((name) => name.startsWith('run-'))).toEqual([]);
});

test('a name that no scenario has is an error, not an empty success', async () => {
  const asked = { ...options(), only: randomUUID() };
  await expect(runBench(plan('nothing-to-do'), asked)).rejects.toThrow(/No scenario/);
});

/** Command lines of the Chroma servers below this test's folder. */
async function servers(): Promise<string[]> {
  const found = await processesWhere((words) => words.some((word) => word.includes(folder)));
  return found.map(({ words }) => words.join(' '));
}
