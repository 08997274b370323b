/** The short form of `npm run bench:drain`: a small backlog, drained by real executions on a real Chroma server. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { drainDocument } from '../../bench/drain/document.ts';
import { measurePlan } from '../../bench/drain/plans.ts';
import { drain, submitBacklog } from '../../bench/drain/run.ts';
import { fixture } from '../../bench/fixture/build.ts';
import { PRESETS } from '../../bench/network/model.ts';
import { Ours } from '../../bench/scenarios/ours.ts';
import { type LocalTable, startTable } from '../../local/table.ts';

const RECORDS = 300;
const PER_COMMIT = 10;
let folder: string;
let table: LocalTable;
let ours: Ours;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drain-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

beforeEach(async () => {
  table = await startTable();
  ours = new Ours(await mkdtemp(join(folder, 'run-')), table.clientConfig, PRESETS.local);
  await ours.place(await fixture(folder, RECORDS, table.clientConfig, () => {}));
});
afterEach(async () => {
  ours.close();
  await table.close();
});

test('a plan of 2,500 deltas lists three pages, and reads the identity, the lock and the statuses of one commit', async () => {
  const row = await measurePlan(ours, 2_500);

  expect(row).toMatchObject({ deltas: 2_500, pages: 3, readUnits: 502, tableReads: 7, otherStoreRequests: 2 });
  expect(drainDocument.shape.plans.element.parse(row)).toEqual(row);
});

test.each([
  { deltas: 25, expected: { commits: 3, mostDeltas: PER_COMMIT, fewestDeltas: 5 } },
  { deltas: 5, expected: { commits: 1, mostDeltas: 5, fewestDeltas: 5 } },
])('a backlog of $deltas is drained in bounded commits, and nothing is lost, doubled or left', async (backlog) => {
  const { deltas, expected } = backlog;
  ours.plain.settings.maxDeltasPerCommit = PER_COMMIT;
  const load = { deltas, records: RECORDS, report: () => {} };
  await submitBacklog(ours, load);

  const drained = await drain(ours, load);

  expect(drained).toMatchObject({ executions: 1, ...expected, lost: 0, duplicated: 0, left: 0 });
  expect(drainDocument.shape.drain.parse(drained)).toEqual(drained);
});
