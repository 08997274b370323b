/** Import: version 1 or nothing, whatever answers are lost and whoever else moves the pointer. */
import { beforeEach, describe, expect, it } from 'vitest';
import {
  CacheUnwritableError,
  CollectionExistsError,
  DamagedSourceError,
  DirtyDirectoryError,
  DiskFullError,
  EngineUnavailableError,
  ForeignStoreError,
  PointerMovedError,
  StoreUnavailableError,
  SwapUnknownError,
} from '../../lambdas/errors/errors.ts';
import type { WorkingDirectory } from '../../lambdas/ports.ts';
import { encodePointer } from '../../lambdas/protocol/pointer.ts';
import { parseManifestKey, parsePackKey, parsePointerKey, pointerKey } from '../../lambdas/snapshot/keys.ts';
import { createCollection as createStep } from '../../lambdas/upkeep/create-collection.ts';
import { importSnapshot } from '../../lambdas/upkeep/import-snapshot.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import { findVersion } from '../../lambdas/versions/walk-versions.ts';
import { type Call, type Fault, faulty, throws } from '../support/faulty.ts';
import {
  COLLECTION,
  createCollection,
  DIMENSION,
  type MemoryPorts,
  memoryPorts,
  records,
} from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { commitUnseen, expectNothingHeld, fence, history, INPUT, idOf, inbox, submitNumber } from './support.ts';

const isPointer = ({ args: [key] }: Call) => parsePointerKey(key) !== undefined;
/** The pointer's: a store is tried before a collection is made on it. */
const SWAP = { on: 'store.putIfMatch', when: isPointer };
const IMPORTED = ['i-1', 'i-2', 'i-3'];
const down = throws(new StoreUnavailableError('No answer.'));
let ports: MemoryPorts;
let directory: WorkingDirectory;

/** A directory with three records, at rest, that no collection knows. */
beforeEach(async () => {
  ports = memoryPorts();
  directory = await ports.directories.claim(COLLECTION);
  const session = await ports.engine.open(directory);
  await session.useCollection(COLLECTION, { space: 'l2', dimension: DIMENSION });
  await session.upsert(IMPORTED.map((id, n) => ({ id, embedding: new Array<number>(DIMENSION).fill(n) })));
  await session.close();
});

const request = () => ({
  ...{ collection: COLLECTION, directory, source: '/home/anna/chroma', dimension: DIMENSION },
  ...{ records: IMPORTED.length, actor: 'somebody' },
});
const adopt = (faults: readonly Fault[] = []) => importSnapshot(faulty(ports, faults), request());
const current = async () => (await readPointer(ports, COLLECTION)).pointer;
const idsOf = async () => [...(await records(ports)).keys()].sort();
/** What is stored beside pointer, deltas and version 0. */
const stored = () =>
  [...ports.store.snapshot().keys()].filter(
    (key) => parsePackKey(key) !== undefined || (parseManifestKey(key)?.version ?? 0) > 0,
  );

/** Version 1 is the import, whole, and the next compaction builds upon it. */
async function expectImported({ commitId }: { commitId: string }): Promise<void> {
  expect(await current()).toMatchObject({ version: 1, commitId, records: 3, execution: 'somebody' });
  expect(await idsOf()).toEqual(IMPORTED);
  await submitNumber(ports, 7);
  expect((await run(ports, INPUT)).path.at(-1)).toBe('Compacted');
  expect(await idsOf()).toEqual([...IMPORTED, 'own-7', 'shared']);
  expect(inbox(ports)).toEqual([]);
  expectNothingHeld(ports);
}

/** The first delta is committed by an execution that knows nothing of the import. */
async function commitFirst(): Promise<void> {
  await submitNumber(ports, 1);
  await commitUnseen(ports);
}

describe('an import', () => {
  it('makes version 1, marks the directory clean, and is announced', async () => {
    const done = await adopt();
    expect(done).toMatchObject({ collection: COLLECTION, version: 1, records: 3, space: 'l2' });
    const { manifest, ref } = await findVersion(ports, COLLECTION);
    expect(await directory.readMarker()).toMatchObject({ manifestKey: ref.key, manifestSha256: ref.sha256 });
    expect(manifest).toMatchObject({ version: 1, records: 3, ledger: [] });
    expect(ports.announcer.announced).toMatchObject([{ collection: COLLECTION, version: 1, deltas: [] }]);
    await expectImported(done);
  });

  it('leaves deltas that wait to the first compaction', async () => {
    await createCollection(ports);
    await submitNumber(ports, 1, 2);
    await adopt();
    expect(inbox(ports)).toHaveLength(2);
    expect((await run(ports, INPUT)).path.at(-1)).toBe('Compacted');
    expect(await idsOf()).toEqual([...IMPORTED, 'own-1', 'own-2', 'shared']);
    expect((await history(ports)).map(({ deltaId }) => deltaId)).toEqual([1, 2].map(idOf));
  });

  it('survives a cache that takes nothing into place', async () => {
    const full = throws(new CacheUnwritableError('No space.'));
    await expectImported(await adopt([{ on: 'cache.adopt', before: full }]));
  });
});

describe('nothing is imported', () => {
  it('into a collection that has a history', async () => {
    await createCollection(ports);
    await commitFirst();
    const before = await current();
    await expect(adopt()).rejects.toBeInstanceOf(CollectionExistsError);
    expect(await current()).toEqual(before);
  });

  it('twice', async () => {
    const { commitId } = await adopt();
    await expect(adopt()).rejects.toBeInstanceOf(CollectionExistsError);
    await expectImported({ commitId });
  });

  it('into the store of another stack', async () => {
    await createCollection(ports);
    const { pointer, etag } = await readPointer(ports, COLLECTION);
    await ports.store.putIfMatch(pointerKey(COLLECTION), encodePointer({ ...pointer, statusTable: 'theirs' }), etag);
    await expect(adopt()).rejects.toBeInstanceOf(ForeignStoreError);
    expect(stored()).toEqual([]);
  });

  it('from a directory that holds another number of records', async () => {
    const session = await ports.engine.open(directory);
    await session.useCollection(COLLECTION, { space: 'l2', dimension: DIMENSION });
    await session.remove(['i-2']);
    await session.close();
    await expect(adopt()).rejects.toThrow('"/home/anna/chroma" cannot be imported: Its database has 3 records');
    expect(ports.store.snapshot()).toEqual(new Map());
  });

  it.each([
    ['an engine that does not open it', 'engine.open', new EngineUnavailableError('No start. Discard it and retry.')],
    ['an index that ranks by nothing known', 'session.measureSpace', new DirtyDirectoryError('No space. Discard it.')],
    ['an engine that dies of it', 'session.count', new EngineUnavailableError('Counting failed. Retry.')],
    ['files that fail their check', 'engine.inspect', new DirtyDirectoryError('A page is lost. Discard it.')],
  ])(
    'from a damaged directory: %s; nothing is created, and the next try finds nothing in its way',
    async (_what, on, error) => {
      const failed = adopt([{ on, before: throws(error) }]);
      await expect(failed).rejects.toBeInstanceOf(DamagedSourceError);
      await expect(failed).rejects.toThrow(/^"\/home\/anna\/chroma" cannot be imported(?!.*([Dd]iscard|[Rr]etry))/);
      expect(ports.store.snapshot()).toEqual(new Map());
      await createStep(ports, { collection: COLLECTION, dimension: DIMENSION, space: 'l2', creator: 'somebody' });
      await expectImported(await adopt());
    },
  );

  it('unless an engine dies, once, of something else', async () => {
    const died = throws(new EngineUnavailableError('It was killed. Retry.'));
    await expectImported(await adopt([{ on: 'session.count', times: 1, before: died }]));
  });

  it("while the disk of this machine is full, which is not the directory's fault", async () => {
    const full = throws(new DiskFullError('The disk is full.'));
    await expect(adopt([{ on: 'engine.open', before: full }])).rejects.toBeInstanceOf(DiskFullError);
    expect(ports.store.snapshot()).toEqual(new Map());
  });

  it('into a collection of another shape', async () => {
    await createStep(ports, { collection: COLLECTION, dimension: DIMENSION, space: 'cosine', creator: 'somebody' });
    await expect(adopt()).rejects.toBeInstanceOf(CollectionExistsError);
    expect(await current()).toMatchObject({ version: 0, records: 0 });
  });

  it('when the upload fails', async () => {
    await createCollection(ports);
    await expect(
      adopt([{ on: '*', when: ({ on }) => on.startsWith('store.put'), before: down }]),
    ).rejects.toBeInstanceOf(StoreUnavailableError);
    expect(await current()).toMatchObject({ version: 0, records: 0 });
    expect(await directory.readMarker()).toBeUndefined();
  });
});

describe('an import whose pointer moves meanwhile', () => {
  const moments = [
    ['while the engine counts', { on: 'session.count' }, CollectionExistsError],
    ['before the swap', SWAP, PointerMovedError],
  ] as const;

  it.each(moments)('gives way to a commit %s, and deletes nothing', async (_when, moment, error) => {
    await createCollection(ports);
    const race: Fault = { ...moment, times: 1, before: commitFirst };
    await expect(adopt([race])).rejects.toBeInstanceOf(error);
    expect(await current()).toMatchObject({ version: 1, records: 2 });
    expect(await idsOf()).toEqual(['own-1', 'shared']);
    expect(inbox(ports)).toEqual([]);
    expect(await directory.readMarker()).toBeUndefined();
  });

  it('gives way to another import, of which exactly one is published', async () => {
    const other = memoryPorts();
    const second = await other.directories.claim(COLLECTION);
    const session = await other.engine.open(second);
    await session.useCollection(COLLECTION, { space: 'l2', dimension: DIMENSION });
    await session.upsert([{ id: 'theirs', embedding: new Array<number>(DIMENSION).fill(9) }]);
    await session.close();
    const overtake: Fault = {
      ...SWAP,
      times: 1,
      before: () => importSnapshot(ports, { ...request(), directory: second, records: 1, actor: 'other' }),
    };
    await expect(adopt([overtake])).rejects.toBeInstanceOf(PointerMovedError);
    expect(await current()).toMatchObject({ version: 1, records: 1, execution: 'other' });
    expect(await idsOf()).toEqual(['theirs']);
  });

  it('does not go behind a fence', async () => {
    await expect(adopt([{ ...SWAP, times: 1, before: () => fence(ports) }])).rejects.toBeInstanceOf(PointerMovedError);
    expect(await current()).toMatchObject({ version: 0, fence: 1 });
    await expectImported(await adopt());
  });

  it('makes a compaction that is under way rebase, and loses none of its deltas', async () => {
    await createCollection(ports);
    await submitNumber(ports, 5);
    const overtake: Fault = { ...SWAP, in: 'SwapPointer', times: 1, before: () => adopt() };
    const { path } = await run(ports, INPUT, { faults: [overtake] });
    expect(path.at(-1)).toBe('Compacted');
    expect(path).toContain('Backoff');
    expect(await idsOf()).toEqual([...IMPORTED, 'own-5', 'shared']);
  });
});

describe('an import whose answer is lost', () => {
  it.each([1, 2])('finds its own commit, and makes no second one (%d)', async (times) => {
    const done = await adopt([{ ...SWAP, times, after: down }]);
    expect(stored().filter((key) => parseManifestKey(key) !== undefined)).toHaveLength(1);
    await expectImported(done);
  });

  it('finds its own commit under one that was built upon it', async () => {
    const lost: Fault = {
      ...SWAP,
      times: 1,
      after: async () => {
        await commitFirst();
        down();
      },
    };
    expect(await adopt([lost])).toMatchObject({ version: 1 });
    expect(await current()).toMatchObject({ version: 2, records: 5 });
    expect(await idsOf()).toEqual([...IMPORTED, 'own-1', 'shared']);
  });

  it('tries again when the request never arrived', async () => {
    await expectImported(await adopt([{ ...SWAP, times: 2, before: down }]));
  });

  it('goes on when pack and manifest were stored, but nobody heard of it', async () => {
    const lost: Fault = {
      on: 'store.putIfAbsent',
      when: ({ args }) => parsePackKey(args[0]) !== undefined || parseManifestKey(args[0]) !== undefined,
      after: down,
    };
    await expectImported(await adopt([lost]));
  });

  it('says so when nobody can know, deletes nothing, and can be asked for again', async () => {
    await expect(adopt([{ ...SWAP, before: down }])).rejects.toBeInstanceOf(SwapUnknownError);
    expect(await current()).toMatchObject({ version: 0 });
    expect(stored()).toHaveLength(2);
    expect(await directory.readMarker()).toBeUndefined();
    await expectImported(await adopt());
  });

  it('says so when the pointer cannot be read any more; what landed stays whole', async () => {
    let isDown = false;
    const land: Fault = {
      ...SWAP,
      after: () => {
        isDown = true;
        down();
      },
    };
    const blind: Fault = { on: 'store.get', before: () => isDown && down() };
    await expect(adopt([land, blind])).rejects.toBeInstanceOf(SwapUnknownError);
    expect(stored()).toHaveLength(2);
    await expectImported(await current());
  });
});
