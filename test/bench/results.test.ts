/** The harness's own arithmetic, and the document that it prints. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { isGood } from '../../bench/bench.ts';
import { checkBounds } from '../../bench/bounds.ts';
import { deltasDocument } from '../../bench/deltas/document.ts';
import {
  type BenchDocument,
  benchDocument,
  type Contender,
  type ScenarioResult,
  type Side,
} from '../../bench/document.ts';
import { drainDocument } from '../../bench/drain/document.ts';
import { fragmentationDocument } from '../../bench/fragmentation/document.ts';
import { historyDocument } from '../../bench/history/document.ts';
import { Meter, noCounts } from '../../bench/network/meter.ts';
import { peersDocument } from '../../bench/peers/document.ts';
import { FULL, QUICK } from '../../bench/plan.ts';
import { plots } from '../../bench/report/plots.ts';
import { countDuplicates } from '../../bench/scenarios/contention.ts';
import { settingsDocument } from '../../bench/settings/document.ts';
import { percentile } from '../../bench/statistics.ts';
import { dollars, summarise } from '../../bench/summarise.ts';

const sample = (ms: number) => ({
  wallMs: ms,
  cpuMs: 1,
  engineCpuMs: 1,
  peakBytes: ms,
  startBytes: 1,
  changedBytes: 1,
  snapshotBytes: 1,
  counts: { ...noCounts(), storePuts: 1, tableWrites: 2, cacheRequests: 3 },
  held: [
    { what: 'lock', owner: 'a', phase: 'validation', ms },
    { what: 'lock', owner: 'a', phase: 'swap', ms: 2 * ms },
    { what: 'claim', owner: 'a', phase: '', ms: 10 * ms },
  ] as const,
});

describe('percentiles', () => {
  test.each([
    [0.5, 3],
    [0.99, 5],
    [0.2, 1],
    [0.21, 2],
  ])('p%d of 1 to 5 is a value that was measured', (fraction, expected) => {
    expect(percentile([5, 1, 4, 2, 3], fraction)).toBe(expected);
  });
});

test('a meter times each holding, and a claim that is renewed from its first taking', () => {
  let now = 0;
  const meter = new Meter(() => now);
  meter.acquired('lock', 'a', 'swap');
  meter.acquired('claim', 'a', '');
  now = 70;
  meter.released('lock', 'a');
  meter.acquired('claim', 'a', '');
  now = 100;
  meter.released('claim', 'a');
  meter.released('claim', 'nobody');
  expect(meter.held.map(({ what, ms }) => [what, ms])).toEqual([
    ['lock', 70],
    ['claim', 100],
  ]);
});

test('a summary adds the phases of one compaction, and takes the middle of all', () => {
  const side = summarise([10, 30, 20].map((ms) => ({ ...sample(ms), held: [...sample(ms).held] })));
  expect(side).toMatchObject({ lockHeldMsP50: 60, lockHeldMsP99: 90, claimHeldMsP50: 200, wallMs: 20 });
  expect(side).toMatchObject({ requests: 6, writes: 3, peakMemoryBytes: 30 });
});

test('dollars follow the counts', () => {
  const counts = { ...noCounts(), transitions: 17, storePuts: 3, storeLists: 2, storeGets: 10, cacheBytesWritten: 1e9 };
  expect(dollars(counts)).toBeCloseTo(17 * 0.000025 + 5 * 0.000005 + 10 * 0.0000004 + 0.06, 9);
});

test('what an ancestry applied twice is counted', () => {
  expect(countDuplicates(['a', 'b', 'a', 'a'])).toBe(2);
});

describe('bounds', () => {
  const side = { ...summarise([{ ...sample(1), held: [...sample(1).held] }]) };
  const result = (name: string, ours: Partial<Side>, baseline: Partial<Side>): ScenarioResult => ({
    name,
    snapshotBytes: 1_000,
    changedBlockBytes: 10,
    repetitions: { ours: 1, baseline: 1 },
    ours: { ...side, ...ours },
    baseline: { ...side, ...baseline },
  });

  const inQuickAndFull = (document: Pick<BenchDocument, 'failures' | 'bounds'>) =>
    [QUICK, FULL].map(({ failsOnTiming }) => isGood({ ...document, run: { failsOnTiming } }));

  test('are ratios of the two sides, each held or not', () => {
    const name = 'upserts-100-66mb';
    const good = { lockHeldMsP50: 12, storeBytesUp: 12, cacheBytes: 50, wallMs: 60 };
    const bad = { lockHeldMsP50: 31, storeBytesUp: 31, cacheBytes: 51, wallMs: 61, peakMemoryBytes: 256_000_000 };
    const base = { lockHeldMsP50: 100, wallMs: 100 };
    const check = (ours: Partial<Side>) =>
      checkBounds({ scenarios: [result(name, ours, base)], contention: [] }).map(({ holds }) => holds);
    expect(check(good)).toEqual([true, true, true, true, true, true, true]);
    expect(check(bad)).toEqual([false, false, false, false, false, false, false]);
  });

  test('that hang on the speed of the machine are marked, and fail the full run only', () => {
    const side = { lockHeldMsP50: 12, storeBytesUp: 12, cacheBytes: 50, wallMs: 60 };
    const check = (ours: Partial<Side>) =>
      checkBounds({
        scenarios: [result('upserts-100-66mb', { ...side, ...ours }, { lockHeldMsP50: 100, wallMs: 100 })],
        contention: [],
      });
    const slow = { failures: [], bounds: check({ wallMs: 61, lockHeldMsP50: 13 }) };
    const heavy = { failures: [], bounds: check({ storeBytesUp: 31 }) };
    const blocking = { failures: [], bounds: check({ lockHeldMsP50: 31 }) };
    const failed = { failures: [{ name: 'upserts-100-66mb', message: 'no' }], bounds: check({}) };
    expect(slow.bounds.flatMap(({ name, holds }) => (holds ? [] : name))).toEqual([
      "upserts-100-66mb: lock held p50 of the baseline's",
      "upserts-100-66mb: warm wall time of the baseline's",
    ]);
    expect(inQuickAndFull(slow)).toEqual([true, false]);
    expect(inQuickAndFull(heavy)).toEqual([false, false]);
    expect(inQuickAndFull(blocking)).toEqual([false, false]);
    expect(inQuickAndFull(failed)).toEqual([false, false]);
    expect(inQuickAndFull({ failures: [], bounds: check({}) })).toEqual([true, true]);
  });

  test('of writers: what is lost fails every run, how fast they are the full one', () => {
    const good = { deltasPerSecond: 20, collisionPct: 1, delegatedPct: 0, submitted: 1, lost: 0, duplicated: 0 };
    const rest = { mergesDiscarded: 0, lockAttempts: 1, executions: 1, lockHeldMsP50: 1, lockHeldMsP99: 1, seconds: 1 };
    const load = { durationMs: 1, deltasPerBatch: 1, upsertsPerDelta: 1, pauseMs: 1 };
    const check = (ours: Partial<Contender>, lost = 1) => {
      const baseline = { ...good, ...rest, deltasPerSecond: 1, lost };
      const contention = [{ writers: 8, load, ours: { ...good, ...rest, ...ours }, baseline }];
      return inQuickAndFull({ failures: [], bounds: checkBounds({ scenarios: [], contention }) });
    };
    expect(check({})).toEqual([true, true]);
    expect(check({ lost: 1 })).toEqual([false, false]);
    expect(check({ duplicated: 1 })).toEqual([false, false]);
    expect(check({ deltasPerSecond: 9 })).toEqual([true, false]);
    expect(check({ collisionPct: 10 })).toEqual([true, false]);
    expect(check({}, 0), 'a load under which nothing is lost shows nothing').toEqual([false, false]);
  });

  test('of memory look at the worst scenario of each size', () => {
    const peaks = (medium: number, large: number) =>
      checkBounds({
        scenarios: [
          result('updates-50-66mb', { peakMemoryBytes: 1 }, { peakMemoryBytes: 1e9 }),
          result('deletes-50-66mb', { peakMemoryBytes: medium }, {}),
          result('container-cold-600mb', { peakMemoryBytes: large }, {}),
        ],
        contention: [],
      }).flatMap(({ name, value, holds }) => (name.includes('memory') ? { value, holds } : []));
    expect(peaks(255_999_999, 256_000_000)).toEqual([
      { value: 255_999_999, holds: true },
      { value: 256_000_000, holds: false },
    ]);
    expect(peaks(256_000_000, 1)).toMatchObject([{ holds: false }, { holds: true }]);
  });

  test('of nothing to do are counts, and one of any kind is too many', () => {
    const nothing = { engineStarts: 0, lockAttempts: 0, cacheRequests: 0, writes: 0 };
    for (const kind of Object.keys(nothing)) {
      const scenarios = [result('nothing-to-do-66mb', { ...nothing, [kind]: 1 }, {})];
      expect(
        checkBounds({ scenarios, contention: [] }).map(({ holds }) => holds),
        kind,
      ).toEqual([false, true]);
    }
    const scenarios = [result('nothing-to-do-66mb', nothing, {})];
    expect(checkBounds({ scenarios, contention: [] }).map(({ holds }) => holds)).toEqual([true, true]);
  });
});

test('plots name every scenario with its value on either side, and have light text on dark pages', async () => {
  const [name, scenarios] = ['66mb', ['upserts-100', 'container-and-cache-cold']];
  const one = summarise([{ ...sample(1), held: [...sample(1).held] }]);
  const document = {
    scenarios: scenarios.map((scenario) => ({
      name: `${scenario}-${name}`,
      snapshotBytes: 1_000,
      changedBlockBytes: 10,
      repetitions: { ours: 1, baseline: 1 },
      ours: { ...one, lockHeldMsP50: 150, storeBytesUp: 2_000_000 },
      baseline: { ...one, lockHeldMsP50: 2_500, storeBytesUp: 3e9 },
    })),
  };
  const drawn = await plots(document);
  const shown = { 'lock-held.svg': ['150 ms', '2.5 s'], 'bytes-moved.svg': ['2.0 MB', '3.0 GB'] };
  for (const [file, labels] of Object.entries(shown)) {
    const svg = drawn.get(file) ?? '';
    for (const text of [...scenarios, 'Snapshot of 66 MB', 'ours', 'predecessor', ...labels]) {
      expect(svg, file).toContain(`>${text}</text>`);
    }
    expect(svg).toContain('prefers-color-scheme: dark');
  }
});

test('every document that is kept in bench/results is one', () => {
  const folder = fileURLToPath(new URL('../../bench/results/', import.meta.url));
  const others: Record<string, { parse(value: unknown): unknown }> = {
    'deltas.json': deltasDocument,
    'drain.json': drainDocument,
    'fragmentation.json': fragmentationDocument,
    'history.json': historyDocument,
    'peers.json': peersDocument,
    'settings.json': settingsDocument,
  };
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  for (const name of files) {
    const schema = others[name] ?? benchDocument;
    expect(() => schema.parse(JSON.parse(readFileSync(folder + name, 'utf8'))), name).not.toThrow();
  }
});
