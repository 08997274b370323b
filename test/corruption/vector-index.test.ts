/**
 * Seeded damage to every field of every file of a vector index: it is refused, or it is harmless. Harmless is what a real
 * engine says of it: it opens, answers, takes a merge that persists the index anew, and is whole afterwards.
 * `VECTOR_INDEX_SEEDS=1000 npx vitest run test/corruption/vector-index.test.ts` tries more.
 */
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DirtyDirectoryError } from '../../lambdas/errors/errors.ts';
import type { EngineRecord, Space } from '../../lambdas/ports.ts';
import { Random } from '../simulation/random.ts';
import { type Done, damage, type Layout, layoutOf } from './vector-index/damages.ts';
import {
  at,
  DIMENSION,
  engine,
  type Indexed,
  makeIndexed,
  makeRecord,
  NAME,
  SYNC_THRESHOLD,
  withCopy,
  within,
} from './vector-index/world.ts';

const SEEDS = Number(process.env.VECTOR_INDEX_SEEDS ?? 100);
const SPACES: readonly Space[] = ['l2', 'cosine'];
/** Far more than engines take to start and stop, also for more seeds than usual. */
const TIMEOUT_MS = 900_000 + SEEDS * 10_000;

const inspect = (path: string) => engine.inspect(at(path), NAME, { thorough: true });

describe.each(SPACES)('a vector index in space %s', (space) => {
  let whole: Indexed;
  let layout: Layout;
  beforeAll(async () => {
    whole = await makeIndexed(space);
    layout = await layoutOf(whole.folder);
  });
  afterAll(() => rm(whole.path, { recursive: true, force: true }));

  test('is whole, and in files', async () => {
    expect((await inspect(whole.path)).records).toBe(whole.records.size);
    expect(layout.fields.some(({ file, name }) => file === 'link_lists.bin' && name === 'links')).toBe(true);
  });

  test('is refused when damaged, or the damage is harmless', { timeout: TIMEOUT_MS }, async () => {
    const harmless: string[] = [];
    for (let seed = 1; seed <= SEEDS / SPACES.length; seed++) {
      const random = new Random(SPACES.length * seed + SPACES.indexOf(space));
      await withCopy(whole, async (path, folder) => {
        const done = await damage(folder, layout, random);
        const seen = await inspect(path).catch((error: unknown) => error);
        if (seen instanceof DirtyDirectoryError) return;
        expect(seen, `seed ${seed}: ${done.what}`).toMatchObject({ records: whole.records.size });
        harmless.push(done.what);
        await expectHarmless(path, whole, done, `seed ${seed}: ${done.what}`);
      });
    }
    // Neither all nor nothing: both ways of a damage were seen.
    if (SEEDS >= 100) expect(harmless.length).toBeGreaterThan(0);
    expect(harmless.length).toBeLessThan(SEEDS / SPACES.length / 2);
  });
});

async function expectHarmless(path: string, { space, records }: Indexed, { kind }: Done, what: string): Promise<void> {
  const random = new Random(99);
  const added = Array.from({ length: 2 * SYNC_THRESHOLD }, (_, n) => makeRecord(`new${n}`, random));
  const expected = new Map([...records, ...added.map((record) => [record.id, record] as const)]);
  expected.delete('r80');
  const found = await within(at(path), space, async (session) => {
    expect(await session.count(), what).toBe(records.size);
    await session.upsert(added);
    await session.remove(['r80']);
    expect(await session.count(), what).toBe(expected.size);
    const answers = await session.query(Array(DIMENSION).fill(0.5), 5);
    expect(
      answers.map(({ id }) => expected.has(id)),
      what,
    ).toEqual(Array(5).fill(true));
    if (kind === 'structure') {
      const asked = expected.get('r100') as EngineRecord;
      expect((await session.query(asked.embedding ?? [], 1))[0]?.id, what).toBe('r100');
    }
    return session.get([...expected.keys()]);
  });
  // Persisted anew by the merge, and read by another server.
  expect((await inspect(path)).records, what).toBe(expected.size);
  expect(await within(at(path), space, (session) => session.get([...expected.keys()])), what).toEqual(found);
  expect(
    found.map(({ id, document, metadata }) => ({ id, document, metadata })),
    what,
  ).toEqual([...expected.values()].map(({ id, document, metadata }) => ({ id, document, metadata })));
  const changed = found.filter((record) => !isClose(record.embedding, expected.get(record.id)?.embedding));
  expect(changed.length, what).toBeLessThanOrEqual(kind === 'vector' ? 1 : 0);
}

function isClose(a: readonly number[] = [], b: readonly number[] = []): boolean {
  return a.length === b.length && a.every((value, n) => Math.abs(value - (b[n] ?? 0)) < 1e-5);
}
