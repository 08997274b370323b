/** The study of Chroma's settings: that a setting reaches the engine, and that blocks are counted where they belong. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { settingsDocument } from '../../bench/settings/document.ts';
import { Study } from '../../bench/settings/parts.ts';
import { settingsPage } from '../../bench/settings/report.ts';

describe('commits to a collection with other settings', () => {
  const plan = { records: 300, commits: 3, settings: [] };
  let folder: string;
  let study: Study;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'settings-test-'));
    study = new Study(folder);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('the index is written when the log reaches the threshold, and only then', async () => {
    const seldom = await study.log(plan, { name: 'seldom', hnsw: { sync_threshold: 100_000 } });
    const often = await study.log(plan, { name: 'often', hnsw: { sync_threshold: 100 } });
    expect([seldom.persists, seldom.persistMedian, seldom.quietMedian]).toEqual([0, null, seldom.sqlite.median]);
    expect([often.persists, often.quietMedian]).toEqual([plan.commits, null]);
    expect(often.hnsw.mean).toBeGreaterThan(seldom.hnsw.mean);
    expect(seldom.logged).toBeGreaterThan(often.logged);
  });

  test('a log that is never purged keeps what the index has', async () => {
    const kept = await study.log(plan, { name: 'kept', hnsw: { sync_threshold: 100 }, purge: false });
    expect(kept.logged).toBeGreaterThanOrEqual(plan.commits * kept.operations);
  });

  test('every changed block of the database has one owner, and documents have blocks of their own', async () => {
    const full = await study.log(plan, { name: 'full' });
    const sum = Object.values(full.owners).reduce((total, size) => total + size, 0);
    expect(sum).toBeCloseTo(full.sqlite.mean, 3);
    const bare = await study.log(plan, { name: 'bare', bare: true });
    const text = 'full-text index';
    expect(bare.owners[text] ?? 0).toBeLessThan(full.owners[text] ?? 0);
  });
});

test('the recorded page is made of the recorded document', async () => {
  const read = (name: string) => readFile(new URL(`../../bench/results/settings.${name}`, import.meta.url), 'utf8');
  const { runs } = settingsDocument.parse(JSON.parse(await read('json')));
  expect(runs.length).toBeGreaterThan(0);
  expect(await read('md')).toBe(settingsPage(runs));
});
