/** A reader that follows commits under load, with real Chroma servers. COMPACTIONS=100 for the long form. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { connect, DeltaBuilder, makeQuery, SnapshotReader, submitDelta, waitForDelta } from '../../lambdas/index.ts';
import { compact, create, type TestStack, withStack } from './support.ts';

const COMPACTIONS = Number(process.env.COMPACTIONS ?? 4);
const QUERIES = 50;
const RECORDS = 20;
const IDS = Array.from({ length: RECORDS }, (_, n) => `r-${n}`);

vi.setConfig({ testTimeout: 120_000 + COMPACTIONS * 6_000 });

/** Every record says in which version it was written last: a mixed answer would name two, or another than its own. */
async function commitNumber(stack: TestStack, number: number): Promise<void> {
  const delta = new DeltaBuilder();
  for (let n = 0; n < RECORDS; n++) {
    delta.upsert({ id: `r-${n}`, embedding: [n, number, 1, 1], metadata: { version: number }, document: `v${number}` });
  }
  await submitDelta(stack.ports, { collection: 'pets', operations: delta, deltaId: `commit-${number}` });
  await compact(stack, 'pets');
}

const connected = (stack: TestStack, name: string) =>
  connect({ storeUrl: stack.file.storeUrl, workDirectory: join(stack.dataDirectory, name) });

test(`${QUERIES} concurrent queries see whole versions only, while ${COMPACTIONS} compactions land and are followed`, () =>
  withStack(async (stack) => {
    await create(stack, 'pets');
    await commitNumber(stack, 1);
    const reader = await SnapshotReader.open(connected(stack, 'reader'), 'pets');
    const seen = new Map<number, number>();
    const slots = new Set<number>();
    let isOver = false;
    let refreshes = 0;
    const ask = async () => {
      let last = 0;
      while (!isOver) {
        const { version, records, neighbours } = await reader.use(async (snapshot) => ({
          version: snapshot.version,
          records: await snapshot.get(IDS),
          neighbours: await snapshot.query([0, 0, 1, 1], RECORDS),
        }));
        const named = [...neighbours, ...records].map(({ metadata, document }) => `${metadata?.version} ${document}`);
        expect(new Set(named)).toEqual(new Set([`${version} v${version}`]));
        // Reading by id is exact. The HNSW index is approximate: it may pass over a record that was rewritten often.
        expect(records.map(({ id }) => id)).toEqual(IDS);
        expect(neighbours.length).toBeGreaterThan(0);
        expect(version).toBeGreaterThanOrEqual(last);
        last = version;
        seen.set(version, (seen.get(version) ?? 0) + 1);
      }
    };
    const follow = async () => {
      while (!isOver) {
        if ((await reader.refresh()).changed) refreshes++;
        const names = await readdir(join(stack.dataDirectory, 'reader', 'pets'));
        slots.add(names.filter((name) => /^\d+$/.test(name)).length);
        await stack.ports.clock.sleep(20);
      }
    };
    const running = Promise.all([...Array.from({ length: QUERIES }, ask), follow()]);
    const ended = running.catch(() => {});

    for (let number = 2; number <= COMPACTIONS + 1; number++) await commitNumber(stack, number);
    await reader.refresh();
    isOver = true;
    await ended;
    await running;

    expect(reader.version).toBe(COMPACTIONS + 1);
    expect(refreshes).toBeGreaterThan(1);
    // The pristine directory, and two copies.
    expect(Math.max(...slots)).toBeLessThanOrEqual(3);
    await reader.close();
    const answers = [...seen.values()].reduce((sum, count) => sum + count, 0);
    process.stdout.write(
      `${COMPACTIONS} compactions, ${refreshes} refreshes, ${answers} answers from ${seen.size} versions, none failed or mixed.\n`,
    );
    expect(
      (await readdir(join(stack.dataDirectory, 'reader', 'pets'))).filter((name) => /^\d+$/.test(name)),
    ).toHaveLength(1);
  }));

test('a refresh fetches what changed, and a reader that starts again fetches nothing', () =>
  withStack(async (stack) => {
    await create(stack, 'pets');
    const load = new DeltaBuilder();
    for (let n = 0; n < 800; n++)
      load.upsert({ id: `p-${n}`, embedding: [n, 1, 2, 3], document: `number ${n} `.repeat(40) });
    const loaded = await submitDelta(stack.ports, { collection: 'pets', operations: load });
    await compact(stack, 'pets');
    expect(await waitForDelta(stack.ports, loaded, { timeoutMs: 0 })).toMatchObject({ outcome: 'applied', version: 1 });
    const first = await SnapshotReader.open(connected(stack, 'reader'), 'pets');
    const small = new DeltaBuilder().update({ id: 'p-5', metadata: { seen: true } }).delete('p-6');
    await submitDelta(stack.ports, { collection: 'pets', operations: small });
    const [record] = await compact(stack, 'pets');
    const { totals, committed } = JSON.parse(record?.output ?? '{}');

    const refreshed = await first.refresh();
    const again = await first.refresh();
    const answer = await first.query([5, 1, 2, 3], 2);
    await first.close();
    const second = await SnapshotReader.open(connected(stack, 'reader'), 'pets');
    const warm = await second.refresh();
    await second.close();

    expect(refreshed).toMatchObject({ version: 2, changed: true });
    expect(refreshed.fetchedBytes).toBeLessThanOrEqual(totals.uploadedBytes);
    expect(refreshed.fetchedBytes).toBeLessThan(committed.snapshotBytes / 4);
    expect([again.changed, again.fetchedBytes, warm.fetchedBytes]).toEqual([false, 0, 0]);
    expect(answer).toMatchObject({ version: 2, neighbours: [{ id: 'p-5', metadata: { seen: true } }, {}] });
    expect(answer.neighbours.some(({ id }) => id === 'p-6')).toBe(false);
  }));

test('a producer is told of what would be rejected, before anything is sent; the query handler follows commits', () =>
  withStack(async (stack) => {
    await create(stack, 'pets');
    const query = makeQuery();
    const ask = () =>
      query(connected(stack, 'query'), { collection: 'pets', embedding: [1, 2, 3, 4], maxStalenessSeconds: 0 });
    const wrong = new DeltaBuilder()
      .upsert({ id: 'cat', embedding: [1, 2, 3, 4] })
      .upsert({ id: 'dog', embedding: [1] });

    await expect(submitDelta(stack.ports, { collection: 'pets', operations: wrong })).rejects.toThrow(
      /operation 2: WrongDimension/,
    );
    expect(await ask()).toEqual({ collection: 'pets', version: 0, neighbours: [] });
    const sent = await submitDelta(stack.ports, {
      collection: 'pets',
      operations: new DeltaBuilder().upsert({ id: 'cat', embedding: [1, 2, 3, 4] }),
      deltaId: 'key-1',
    });
    expect(await waitForDelta(stack.ports, sent, { timeoutMs: 20, pollMs: 10 })).toBeUndefined();
    await compact(stack, 'pets');
    expect(await ask()).toMatchObject({ version: 1, neighbours: [{ id: 'cat' }] });
    const other = { collection: 'pets', operations: new DeltaBuilder().delete('cat'), deltaId: 'key-1' };
    const late = await submitDelta(stack.ports, other);
    await expect(waitForDelta(stack.ports, late)).rejects.toMatchObject({ name: 'KeyCollisionError' });
    await query(connected(stack, 'other'), { collection: 'nowhere', embedding: [1] }).catch(() => {});
  }));
