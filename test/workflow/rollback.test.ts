/** Rollback: an older version's content on top of everything that has been decided, whatever else moves the pointer. */
import { beforeEach, describe, expect, it } from 'vitest';
import {
  CorruptObjectError,
  ForeignStoreError,
  InvalidInputError,
  PointerMovedError,
  StoreUnavailableError,
  SwapUnknownError,
} from '../../lambdas/errors/errors.ts';
import { encodePointer } from '../../lambdas/protocol/pointer.ts';
import { pointerKey } from '../../lambdas/snapshot/keys.ts';
import { collectGarbage } from '../../lambdas/upkeep/collect-garbage.ts';
import { rollback } from '../../lambdas/upkeep/rollback.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import { findVersion, walkVersions } from '../../lambdas/versions/walk-versions.ts';
import { type Fault, faulty, throws } from '../support/faulty.ts';
import { COLLECTION, createCollection, type MemoryPorts, memoryPorts, records } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { fence, history, INPUT, idOf, inbox, overwrite, submitNumber } from './support.ts';

const SWAP = 'store.putIfMatch';
const DAY = 24 * 60 * 60 * 1_000;
let ports: MemoryPorts;

/** Version n holds the deltas up to n. */
beforeEach(async () => {
  ports = memoryPorts({ settings: { retainVersions: 1, retainDays: 0 } });
  await createCollection(ports);
  for (const n of [1, 2, 3, 4]) await commit(n);
  await ports.clock.advance(DAY);
});

async function commit(n: number): Promise<void> {
  await submitNumber(ports, n);
  expect((await run(ports, INPUT)).path.at(-1)).toBe('Compacted');
}

const roll = (version: number, faults: readonly Fault[] = []) =>
  rollback(faulty(ports, faults), { collection: COLLECTION, version, actor: 'somebody' });
const current = async () => (await readPointer(ports, COLLECTION)).pointer;
const idsOf = async () => [...(await records(ports)).keys()].sort();
const down = throws(new StoreUnavailableError('No answer.'));

/** Nothing is published, and the error is this one. */
async function expectRefused(version: number, error: new (...args: never[]) => Error, faults: readonly Fault[] = []) {
  const before = await readPointer(ports, COLLECTION);
  await expect(roll(version, faults)).rejects.toBeInstanceOf(error);
  expect(await readPointer(ports, COLLECTION)).toEqual(before);
}

describe('a rollback', () => {
  it('makes a version with the content of the older one, and undoes no decision', async () => {
    const before = await current();
    const old = (await findVersion(ports, COLLECTION, 2)).manifest;

    const done = await roll(2);

    expect(done).toMatchObject({ version: 5, restored: 2, replaced: 4, records: 3, undoneDeltas: 2 });
    expect(await idsOf()).toEqual(['own-1', 'own-2', 'shared']);
    const { manifest } = await findVersion(ports, COLLECTION);
    expect(manifest).toMatchObject({ version: 5, commitId: done.commitId, files: old.files, packs: old.packs });
    expect(manifest.ledger).toEqual((await findVersion(ports, COLLECTION, 4)).manifest.ledger);
    const pointer = await current();
    expect(pointer).toMatchObject({ version: 5, execution: 'somebody', records: 3, fence: before.fence });
    expect(pointer.token).toBeGreaterThan(before.token);
  });

  it('can be undone by another one, as long as the version is retained', async () => {
    await roll(1);
    expect(await roll(4)).toMatchObject({ version: 6, restored: 4, replaced: 5, undoneDeltas: 0 });
    expect(await idsOf()).toEqual(['own-1', 'own-2', 'own-3', 'own-4', 'shared']);
  });

  it('to version 0 empties the collection, which can be filled again', async () => {
    await roll(0);
    expect(await idsOf()).toEqual([]);
    await commit(5);
    expect(await idsOf()).toEqual(['own-5', 'shared']);
  });

  it('is built upon by the next commit, and its deltas are not applied again', async () => {
    await roll(2);
    // The old delta comes once more, under its own id.
    await submitNumber(ports, 4, 5);
    expect((await run(ports, INPUT)).path.at(-1)).toBe('Compacted');

    expect(await idsOf()).toEqual(['own-1', 'own-2', 'own-5', 'shared']);
    expect((await records(ports)).get('shared')?.metadata).toEqual({ by: 5 });
    expect((await history(ports)).map(({ deltaId }) => deltaId)).toEqual([1, 2, 3, 4, 5].map(idOf));
    expect(inbox(ports)).toEqual([]);
  });

  it('leaves its packs to whoever collects garbage afterwards', async () => {
    await roll(1);
    await ports.clock.advance(DAY);
    await collectGarbage(ports, { collection: COLLECTION, runId: ports.ids.ulid() });
    const walked = [];
    for await (const { manifest } of walkVersions(ports, COLLECTION)) walked.push(manifest.version);
    expect(walked).toEqual([5]);
    expect(await idsOf()).toEqual(['own-1', 'shared']);
  });
});

describe('nothing is rolled back', () => {
  it.each([4, 5, -1, 1.5, Number.NaN])('to version %d, which is no older one', async (version) => {
    await expectRefused(version, InvalidInputError);
  });

  it('below what is retained, even if the objects are still there', async () => {
    const { pointer, etag } = await readPointer(ports, COLLECTION);
    await ports.store.putIfMatch(pointerKey(COLLECTION), encodePointer({ ...pointer, retainedFrom: 3 }), etag);
    await expectRefused(2, InvalidInputError);
    expect(await roll(3)).toMatchObject({ restored: 3 });
  });

  it('on the store of another stack', async () => {
    const { pointer, etag } = await readPointer(ports, COLLECTION);
    await ports.store.putIfMatch(pointerKey(COLLECTION), encodePointer({ ...pointer, statusTable: 'theirs' }), etag);
    await expectRefused(2, ForeignStoreError);
  });

  it('when a manifest on the way is missing or damaged', async () => {
    ports.cache.forget();
    const { ref } = await findVersion(ports, COLLECTION, 3);
    ports.cache.forget();
    const mend = await overwrite(ports, ref.key, Buffer.from('{}'));
    await expectRefused(2, CorruptObjectError);
    await mend();
    await ports.store.delete(ref.key);
    ports.cache.forget();
    await expectRefused(2, CorruptObjectError);
  });

  it('when a pack of it is missing or has another size', async () => {
    const { manifest } = await findVersion(ports, COLLECTION, 2);
    const key = manifest.packs[0]?.key ?? '';
    const mend = await overwrite(ports, key, Buffer.from('short'));
    await expectRefused(2, CorruptObjectError);
    await mend();
    await ports.store.delete(key);
    await expectRefused(2, CorruptObjectError);
  });
});

describe('a rollback whose pointer moves meanwhile', () => {
  it('plans again on a commit that was faster', async () => {
    const done = await roll(2, [{ on: SWAP, times: 1, before: () => commit(5) }]);
    expect(done).toMatchObject({ version: 6, restored: 2, replaced: 5, undoneDeltas: 3 });
    expect(await idsOf()).toEqual(['own-1', 'own-2', 'shared']);
    expect((await history(ports)).map(({ deltaId }) => deltaId)).toEqual([1, 2, 3, 4, 5].map(idOf));
  });

  it('plans again behind a fence', async () => {
    const done = await roll(2, [{ on: SWAP, times: 1, before: () => fence(ports) }]);
    expect(done).toMatchObject({ version: 5, restored: 2 });
    expect((await current()).fence).toBe(1);
  });

  it.each([
    ['before it walks', 'store.get', 3],
    ['before it looks at the packs', 'store.head', 1],
    ['before the swap', SWAP, 1],
  ])('is refused when the version is collected %s', async (_when, on, from) => {
    ports.cache.forget();
    const gc = () => collectGarbage(ports, { collection: COLLECTION, runId: ports.ids.ulid() });
    await expect(roll(2, [{ on, from, times: 1, before: gc }])).rejects.toBeInstanceOf(InvalidInputError);
    expect(await current()).toMatchObject({ version: 4, retainedFrom: 4 });
    expect(await idsOf()).toEqual(['own-1', 'own-2', 'own-3', 'own-4', 'shared']);
  });

  it('makes a compaction that is under way rebase, and loses none of its deltas', async () => {
    await submitNumber(ports, 5);
    const overtake: Fault = { on: SWAP, in: 'SwapPointer', times: 1, before: () => roll(1) };
    const { path } = await run(ports, INPUT, { faults: [overtake] });
    expect(path.at(-1)).toBe('Compacted');
    expect(path).toContain('Backoff');
    expect(await idsOf()).toEqual(['own-1', 'own-5', 'shared']);
  });

  it('gives up after too many lost races', async () => {
    await expect(roll(2, [{ on: SWAP, before: () => fence(ports) }])).rejects.toBeInstanceOf(PointerMovedError);
    expect((await current()).version).toBe(4);
  });
});

describe('a rollback whose answer is lost', () => {
  it('finds its own commit and makes no second one', async () => {
    expect(await roll(2, [{ on: SWAP, times: 1, after: down }])).toMatchObject({ version: 5 });
    expect((await current()).version).toBe(5);
  });

  it('finds its own commit under one that was built upon it', async () => {
    const lost: Fault = {
      on: SWAP,
      times: 1,
      after: async () => {
        await commit(5);
        down();
      },
    };
    expect(await roll(2, [lost])).toMatchObject({ version: 5 });
    expect(await idsOf()).toEqual(['own-1', 'own-2', 'own-5', 'shared']);
  });

  it('tries again when the request never arrived', async () => {
    expect(await roll(2, [{ on: SWAP, times: 2, before: down }])).toMatchObject({ version: 5 });
  });

  it('says so when nobody can know', async () => {
    await expectRefused(2, SwapUnknownError, [{ on: SWAP, before: down }]);
  });
});
