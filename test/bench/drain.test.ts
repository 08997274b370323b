/** The short form of `npm run bench:drain`: a small backlog, drained by real executions on a real Chroma server. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { drainDocument } from '../../bench/drain/document.ts';
import { measurePlan } from '../../bench/drain/plans.ts';
import { drain, submitBacklog } from '../../bench/drain/run.ts';
import { fixture } from '../../bench/fixture/build.ts';
import { PRESETS } from '../../bench/network/model.ts';
import { Ours } from '../../bench/scenarios/ours.ts';
import { type LocalTable, startTable } from '../../local/table.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const RECORDS = 300;
const DELTAS = 25;
const PER_COMMIT = 10;
let folder: string;
let table: LocalTable;
let ours: Ours;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drain-'));
  table = await startTable();
  ours = new Ours(join(folder, 'run'), table.clientConfig, PRESETS.local);
  await ours.place(await fixture(folder, RECORDS, table.clientConfig, () => {}));
});
afterAll(async () => {
  ours?.close();
  await table?.close();
  await rm(folder, { recursive: true, force: true });
});

test('a plan of 2,500 deltas lists three pages, and reads the lock and the statuses of one commit', async () => {
  const row = await measurePlan(ours, 2_500);

  expect(row).toMatchObject({ deltas: 2_500, pages: 3, readUnits: 501, tableReads: 6, otherStoreRequests: 2 });
  expect(drainDocument.shape.plans.element.parse(row)).toEqual(row);
});

test('a backlog is drained in bounded commits, and nothing is lost, doubled or left', async () => {
  ours.plain.settings.maxDeltasPerCommit = PER_COMMIT;
  const load = { deltas: DELTAS, records: RECORDS, report: () => {} };
  await submitBacklog(ours, load);

  const drained = await drain(ours, load);

  expect(drained).toMatchObject({ executions: 1, commits: 3, mostDeltas: PER_COMMIT, fewestDeltas: 5 });
  expect(drained).toMatchObject({ lost: 0, duplicated: 0, left: 0 });
  expect(drainDocument.shape.drain.parse(drained)).toEqual(drained);
});
