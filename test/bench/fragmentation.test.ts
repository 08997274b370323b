/** The short form of `npm run bench:fragmentation`: real compactions of a small snapshot, no bound on time. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { COLLECTION, type Fixture, fixture } from '../../bench/fixture/build.ts';
import { DIMENSION, SPACE } from '../../bench/fixture/corpus.ts';
import { type FragmentationOptions, makeHistory, measureHistory } from '../../bench/fragmentation/run.ts';
import { GROWTH, mostDeltas, smallDelta } from '../../bench/fragmentation/small-delta.ts';
import { MAX_PACKS } from '../../lambdas/snapshot/rewrite.ts';
import { withCheckout } from '../../lambdas/versions/checkout.ts';
import { findVersion } from '../../lambdas/versions/walk-versions.ts';
import { type LocalTable, startTable } from '../../local/table.ts';

/** Enough for a commit beyond the limit of packs, so that the policy has something to do. */
const COMPACTIONS = MAX_PACKS + 2;
const RECORDS = 420;
let folder: string;
/** Each history has its own: statuses of another one would settle its deltas. */
let table: LocalTable;
let built: Fixture;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fragmentation-'));
  const table = await startTable();
  built = await fixture(folder, RECORDS, table.clientConfig, () => {}).finally(() => table.close());
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(async () => {
  table = await startTable();
});
afterEach(() => table?.close());

const asked = (compactions: number): FragmentationOptions & { fixture: Fixture } => ({
  fixture: built,
  table: table.clientConfig,
  folder: join(folder, 'history'),
  compactions,
  commit: `for ${compactions}`,
  preset: 'local',
  hydrates: 1,
  report: () => {},
});

test('a history goes on from where it was, applies every delta, and keeps the bounds', async () => {
  (await makeHistory(asked(5))).close();
  const history = await makeHistory(asked(COMPACTIONS));
  try {
    const { series, worst, bounds, compactions, hydrates } = await measureHistory(history, asked(COMPACTIONS));

    expect(history.commits).toEqual(['for 5', `for ${COMPACTIONS}`]);
    expect(history.rows.map((row) => row.compactions)).toEqual(Array.from({ length: COMPACTIONS + 1 }, (_, n) => n));
    expect(history.rows).toEqual(expect.arrayContaining(series));
    expect(worst.packs).toBeLessThanOrEqual(MAX_PACKS);
    expect(compactions).toBe(COMPACTIONS);
    expect(hydrates.fragmented.storeBytesDown).toBeGreaterThan(0);
    expect(bounds.flatMap(({ name, holds, timing, value }) => (holds || timing ? [] : [name, value]))).toEqual([]);

    const { plain } = history.ours;
    const operations = Array.from({ length: COMPACTIONS }, (_, n) => smallDelta(n, RECORDS).operations).flat();
    const records = await withCheckout(plain, await findVersion(plain, COLLECTION), async (directory) => {
      const session = await plain.engine.open(directory);
      try {
        await session.useCollection(COLLECTION, { space: SPACE, dimension: DIMENSION });
        expect(await session.count()).toBe(RECORDS + COMPACTIONS * GROWTH);
        return await session.get(operations.map(({ id }) => id));
      } finally {
        await session.close();
      }
    });
    const found = new Map(records.map((record) => [record.id, record]));
    for (const operation of operations) {
      const record = found.get(operation.id);
      if (operation.op === 'delete') expect(record).toBeUndefined();
      else if (operation.op === 'update') expect(record?.metadata).toMatchObject(operation.metadata ?? {});
      else expect(record?.document).toBe(operation.document);
    }
  } finally {
    history.close();
  }
});

test('one that is longer than wanted is begun anew', async () => {
  (await makeHistory(asked(2))).close();
  await table.close();
  table = await startTable();
  const history = await makeHistory(asked(1));
  history.close();
  expect(history.rows.map((row) => row.compactions)).toEqual([0, 1]);
  expect(history.commits).toEqual(['for 1']);
});

test('no two small deltas touch the same record, and there are as many as is said', () => {
  const most = mostDeltas(RECORDS);
  const ids = Array.from({ length: most }, (_, n) => smallDelta(n, RECORDS).operations.map(({ id }) => id)).flat();
  expect(new Set(ids).size).toBe(ids.length);
  expect(() => smallDelta(most, RECORDS)).toThrow(RangeError);
});
