/** Garbage collection: what goes, what stays, and that nothing goes without a fence. */
import { beforeEach, describe, expect, it } from 'vitest';
import {
  CollectionsFailedError,
  ConditionalRequestConflictError,
  CorruptObjectError,
  ForeignStoreError,
  InvalidInputError,
  PointerMissingError,
  PointerMovedError,
  PreconditionFailedError,
  StoreUnavailableError,
} from '../../lambdas/errors/errors.ts';
import type { Ports } from '../../lambdas/ports.ts';
import { METRICS } from '../../lambdas/protocol/metrics.ts';
import { encodePointer } from '../../lambdas/protocol/pointer.ts';
import { pointerKey } from '../../lambdas/snapshot/keys.ts';
import { encodeManifest } from '../../lambdas/snapshot/manifest.ts';
import { type CollectedGarbage, collectAllGarbage, collectGarbage } from '../../lambdas/upkeep/collect-garbage.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import { findVersion, walkVersions } from '../../lambdas/versions/walk-versions.ts';
import { type Fault, faulty, throws } from '../support/faulty.ts';
import { COLLECTION, createCollection, type MemoryPorts, memoryPorts } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { commit, missing, needed, type Prepared, prepare, stored, swap, upload } from './commits.ts';
import { INPUT, otherCommits, overwrite, submitNumber } from './support.ts';

const DAY = 86_400_000;
const FENCE = 'store.putIfMatch';
const down = throws(new StoreUnavailableError('The store answered 503. Try again.'));

let ports: MemoryPorts;
/** Versions 1 to 12, a day old: 3 to 12 are retained by their number. */
let commits: Prepared[];

beforeEach(async () => {
  ports = memoryPorts({ settings: { retainVersions: 10, retainDays: 0 } });
  await createCollection(ports);
  commits = await commit(ports, 12);
  await ports.clock.advance(DAY);
});

/** A run with faults at its ports. */
async function collect(faults: Fault[] = [], dryRun?: boolean): Promise<CollectedGarbage> {
  const request = { collection: COLLECTION, runId: ports.ids.ulid() };
  return collectGarbage(faulty(ports, faults), dryRun === undefined ? request : { ...request, dryRun });
}
const current = async () => (await readPointer(ports, COLLECTION)).pointer;
const at = (version: number): Prepared => {
  const found = commits[version - 1];
  if (found === undefined) throw new RangeError(`No version ${version}.`);
  return found;
};
/** Nothing was deleted and the pointer is as it was. */
async function expectUntouched(act: () => Promise<unknown>): Promise<void> {
  const before = ports.store.snapshot();
  await act();
  expect(ports.store.snapshot()).toEqual(before);
}

describe('garbage collection', () => {
  it('deletes versions that are no longer retained, and packs that no retained version needs', async () => {
    const before = await current();

    const collected = await collect();

    expect(collected).toMatchObject({ collection: COLLECTION, fenced: true, dryRun: false, retainedFrom: 3 });
    // Versions 0 to 2; pack 2 is needed by version 3 still.
    expect([collected.deletedManifests, collected.deletedPacks]).toEqual([3, 1]);
    expect(collected.deletedBytes).toBe(collected.garbage.reduce((sum, { size }) => sum + size, 0));
    expect(stored(ports).sort()).toEqual(await needed(ports));
    expect(collected.kept).toBe(stored(ports).length);
    const { committedAt } = before;
    expect(await current()).toMatchObject({ version: 12, fence: 1, retainedFrom: 3, token: 12, committedAt });
    expect(ports.telemetry.sum(METRICS.garbageBytes)).toBe(collected.deletedBytes);
    expect(ports.telemetry.warnings).toEqual([]);
  });

  it('lists, then reads the pointer, then fences, and deletes manifests before packs, the oldest first', async () => {
    const calls: string[] = [];
    const record: Fault = { on: '*', before: ({ on, args }) => calls.push(`${on} ${String(args[0])}`) };

    await collect([record]);

    const key = pointerKey(COLLECTION);
    const order = ['store.list packs/books/', `store.get ${key}`, `${FENCE} ${key}`].map((call) => calls.indexOf(call));
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(order[0]).toBeGreaterThan(calls.indexOf('store.list manifests/books/'));
    const deletes = calls.filter((call) => call.startsWith('store.delete '));
    expect(calls.indexOf(deletes[0] ?? '')).toBeGreaterThan(order[2] ?? 0);
    const start = (await readPointer(ports, COLLECTION)).pointer;
    expect(start.fence).toBe(1);
    expect(deletes.slice(1)).toEqual([at(1).ref.key, at(2).ref.key, at(1).pack.key].map((k) => `store.delete ${k}`));
    expect(deletes[0]).toMatch(/manifests\/books\/000000000000-/);
  });

  it('without garbage leaves the pointer alone', async () => {
    await collect();
    await expectUntouched(async () => expect(await collect()).toMatchObject({ fenced: false, retainedFrom: 3 }));
  });

  it('goes on from where the versions end: the parent of the oldest one is gone', async () => {
    await collect();
    commits.push(...(await commit(ports, 4)));

    expect(await collect()).toMatchObject({ retainedFrom: 7, deletedManifests: 4, fenced: true });

    expect(stored(ports).sort()).toEqual(await needed(ports));
    expect(await current()).toMatchObject({ fence: 2, retainedFrom: 7 });
    const versions = [];
    for await (const { manifest } of walkVersions(ports, COLLECTION)) versions.push(manifest.version);
    expect(versions).toEqual([16, 15, 14, 13, 12, 11, 10, 9, 8, 7]);
    await expect(findVersion(ports, COLLECTION, 6)).rejects.toThrow(InvalidInputError);
  });

  it('keeps by age what the count would let go, and lets it go when it is older', async () => {
    ports.settings.retainVersions = 1;
    ports.settings.retainDays = 2;
    // Replaces version 12, a day after that was made.
    const young = await commit(ports);

    expect((await collect()).fenced).toBe(false);
    await ports.clock.advance(1.5 * DAY);
    expect(await collect()).toMatchObject({ fenced: true, retainedFrom: 12 });
    expect(stored(ports)).toContain(at(12).ref.key);
    await ports.clock.advance(DAY);
    expect(await collect()).toMatchObject({ fenced: true, retainedFrom: 13 });
    expect(stored(ports)).toContain(young[0]?.ref.key);
    expect(stored(ports).sort()).toEqual(await needed(ports));
  });

  it('never lets retainedFrom fall, however much more is to be retained', async () => {
    await collect();
    ports.settings.retainVersions = 100;
    commits.push(...(await commit(ports)));
    await upload(ports, await prepare(ports));

    expect(await collect()).toMatchObject({ fenced: true, retainedFrom: 3 });
  });

  it('of a dry run says all that, deletes nothing and fences nothing', async () => {
    let dry: CollectedGarbage | undefined;
    await expectUntouched(async () => {
      dry = await collect([], true);
    });
    const real = await collect();

    expect(dry).toEqual({ ...real, dryRun: true, fenced: false });
    expect(dry?.garbage).toHaveLength(4);
  });

  it('leaves keys alone that it does not know, and reports them', async () => {
    const strangers = ['manifests/books/notes.txt', 'manifests/books/old/1.json', 'packs/books/0.pack'];
    for (const key of strangers) await ports.store.putIfAbsent(key, Buffer.from('not ours'));

    const collected = await collect();

    expect(collected.strangers).toEqual(strangers);
    expect(stored(ports)).toEqual(expect.arrayContaining(strangers));
    expect(ports.telemetry.warnings).toHaveLength(3);
  });

  it('touches no other collection', async () => {
    await createCollection(ports, 'books2');
    const other = stored(ports, 'books2');
    await collect();
    expect(stored(ports, 'books2')).toEqual(other);
  });

  it('takes old and unreachable objects out of the cache, and nothing that another collection may need', async () => {
    // Prepare
    const other = 'packs/others/01KDVDNA0047C4FEZDQK8YZG0M-0.pack';
    for (const key of [at(1).pack.key, at(12).pack.key, other]) ports.cache.objects.set(key, Buffer.from('cached'));
    const fresh = await ports.cache.stage(COLLECTION, 'fresh');
    await fresh.append('pack', Buffer.from('x'));
    await fresh.seal();

    // Act
    await collect([], true);
    expect(ports.cache.objects.size).toBe(3);
    await collect();

    // Assess
    expect([...ports.cache.objects.keys()]).toEqual([at(12).pack.key, other]);
    expect((await ports.cache.openStaged(COLLECTION, 'fresh', 'pack')).size).toBe(1);
    await ports.clock.advance(2 * DAY);
    await collect();
    await expect(ports.cache.openStaged(COLLECTION, 'fresh', 'pack')).rejects.toThrow('no longer staged');
  });
});

describe('a commit in flight', () => {
  it('that was uploaded before the listing and is not published before the fence never will be', async () => {
    const inFlight = await prepare(ports);
    await upload(ports, inFlight);

    const { garbage } = await collect();

    expect(garbage.map(({ key }) => key)).toEqual(expect.arrayContaining([inFlight.ref.key, inFlight.pack.key]));
    expect(await swap(ports, inFlight)).toBe(false);
    expect(await missing(ports)).toEqual([]);
  });

  it.each<[string, (publish: () => Promise<unknown>) => Fault]>([
    ['between the listing and the pointer', (before) => ({ on: 'store.get', times: 1, before })],
    ['between the pointer and the fence', (before) => ({ on: FENCE, times: 1, before })],
  ])('that is published %s is kept', async (_when, fault) => {
    const inFlight = await prepare(ports);
    await upload(ports, inFlight);

    const { garbage } = await collect([fault(async () => expect(await swap(ports, inFlight)).toBe(true))]);

    expect(garbage.map(({ key }) => key)).not.toContain(inFlight.ref.key);
    expect(await missing(ports)).toEqual([]);
    expect(await current()).toMatchObject({ version: 13, fence: 1, retainedFrom: 4 });
  });

  it('that is uploaded after the listing is not touched, even if the pointer moves and is read again', async () => {
    const mover = await prepare(ports);
    const late = await prepare(ports);
    await upload(ports, mover);
    const moved: Fault = {
      on: FENCE,
      times: 1,
      before: async () => {
        await upload(ports, late);
        await swap(ports, mover);
      },
    };

    await collect([moved]);

    expect(stored(ports)).toEqual(expect.arrayContaining([late.ref.key, late.pack.key]));
  });

  it('planned after the fence is published, though the collector goes on deleting', async () => {
    const commitNow: Fault = { on: 'store.delete', times: 1, before: () => commit(ports) };
    await collect([commitNow]);
    expect((await current()).version).toBe(13);
    expect(await missing(ports)).toEqual([]);
  });
});

describe('the fence', () => {
  it.each<[string, Fault, number]>([
    ['whose response is lost', { on: FENCE, times: 1, after: down }, 1],
    ['whose request is lost', { on: FENCE, times: 1, before: down }, 1],
    ['that meets a racing write', { on: FENCE, times: 3, before: throws(new ConditionalRequestConflictError('p')) }, 1],
    [
      'whose success looks like a conflict',
      { on: FENCE, times: 1, after: throws(new PreconditionFailedError('p')) },
      1,
    ],
  ])('%s is made once', async (_what, fault, fence) => {
    expect(await collect([fault])).toMatchObject({ fenced: true, retainedFrom: 3, deletedManifests: 3 });
    expect(await current()).toMatchObject({ fence, retainedFrom: 3 });
    expect(stored(ports).sort()).toEqual(await needed(ports));
  });

  it('whose response is lost while commits follow promises what it says: nothing more is deleted', async () => {
    const lost: Fault = {
      on: FENCE,
      times: 1,
      after: async () => {
        await commit(ports, 3);
        down();
      },
    };

    expect(await collect([lost])).toMatchObject({ fenced: true, retainedFrom: 3, deletedManifests: 3 });

    expect(await current()).toMatchObject({ version: 15, fence: 1, retainedFrom: 3 });
    expect(await missing(ports)).toEqual([]);
  });

  it('of another collector is not taken for our own, although it has the number of ours', async () => {
    let theirs: string | null = null;
    const other: Fault = {
      on: FENCE,
      times: 1,
      before: async () => {
        await collect();
        theirs = (await current()).fencedBy;
        down();
      },
    };

    await collect([other]);

    const { fence, fencedBy } = await current();
    expect([fence, fencedBy === theirs]).toEqual([2, false]);
    expect(await missing(ports)).toEqual([]);
  });

  it('that loses every race, or never lands, deletes nothing', async () => {
    const move: Fault = { on: FENCE, before: () => commit(ports) };
    await expect(collect([move])).rejects.toThrow(PointerMovedError);
    expect((await current()).fence).toBe(0);
    expect(stored(ports)).toEqual(expect.arrayContaining([at(1).ref.key, at(1).pack.key]));
    await expectUntouched(() => expect(collect([{ on: FENCE, before: down }])).rejects.toThrow(StoreUnavailableError));
  });

  it('is refused under a run id that was used before', async () => {
    const request = { collection: COLLECTION, runId: ports.ids.ulid() };
    await collectGarbage(ports, request);
    await upload(ports, await prepare(ports));
    await expectUntouched(() => expect(collectGarbage(ports, request)).rejects.toThrow(InvalidInputError));
  });

  it('is refused on the store of another stack', async () => {
    const { pointer, etag } = await readPointer(ports, COLLECTION);
    await ports.store.putIfMatch(pointerKey(COLLECTION), encodePointer({ ...pointer, statusTable: 'theirs' }), etag);
    await expectUntouched(() => expect(collect()).rejects.toThrow(ForeignStoreError));
  });
});

describe('the walk', () => {
  const LATENCY_MS = 50;
  const slow: Fault = { on: 'store.get', before: () => ports.clock.sleep(LATENCY_MS) };
  const isManifest = (key: string) => key.startsWith('manifests/');

  it('reads 300 versions in few round trips, each manifest once, and at most 32 at a time', async () => {
    await commit(ports, 300 - 12);
    ports.settings.retainVersions = 300;
    let [now, most] = [0, 0];
    const reads: string[] = [];
    const count: Fault = {
      on: 'store.get',
      when: ({ args }) => isManifest(args[0]),
      before: ({ args }) => {
        reads.push(args[0]);
        most = Math.max(most, ++now);
      },
      after: () => now--,
    };
    const started = ports.clock.now();

    // Version 0 is all the garbage.
    expect(await collect([count, slow])).toMatchObject({ fenced: true, retainedFrom: 1, deletedManifests: 1 });

    expect(reads).toHaveLength(new Set(reads).size);
    expect(reads).toHaveLength(300);
    expect(most).toBe(32);
    // The pointer and the newest manifest; then those before it, 32 at a time.
    expect((ports.clock.now() - started) / LATENCY_MS).toBe(2 + Math.ceil(299 / 32));
  });

  it('catches up: to keep 3 of 200 versions it reads 3 manifests, and none of those that go', async () => {
    // Prepare: nobody has collected for 200 versions.
    commits.push(...(await commit(ports, 200 - commits.length)));
    await ports.clock.advance(DAY);
    ports.settings.retainVersions = 3;
    const reads: string[] = [];
    const count: Fault = {
      on: 'store.get',
      when: ({ args }) => isManifest(args[0]),
      before: ({ args }) => reads.push(args[0]),
    };
    // Of what goes, nothing has to be readable any more.
    await overwrite(ports, at(100).ref.key, Buffer.from('{}'));
    await ports.store.delete(at(50).ref.key);

    const collected = await collect([count]);

    expect(collected).toMatchObject({ fenced: true, retainedFrom: 198, deletedManifests: 197 });
    expect(reads).toEqual([200, 199, 198].map((version) => at(version).ref.key));
    expect(stored(ports).sort()).toEqual(await needed(ports));
  });

  it('makes progress when it is cut off, and when an object cannot be deleted', async () => {
    // Prepare
    commits.push(...(await commit(ports, 40)));
    await ports.clock.advance(DAY);
    ports.settings.retainVersions = 3;
    const stubborn = at(20).ref.key;
    const refuse: Fault = { on: 'store.delete', when: ({ args }) => args[0] === stubborn, before: down };
    const died: Fault = { on: 'store.delete', from: 10, before: throws(new Error('The time is up.')) };

    // Act
    await expect(collect([died])).rejects.toThrow('The time is up.');
    const afterDeath = stored(ports).length;
    await expect(collect([refuse])).rejects.toThrow(StoreUnavailableError);
    const left = stored(ports).filter((key) => isManifest(key));

    // Assess
    expect(afterDeath).toBe(53 + 52 - 9);
    expect(left.sort()).toEqual([20, 50, 51, 52].map((version) => at(version).ref.key));
    expect(await collect()).toMatchObject({ retainedFrom: 50, deletedManifests: 1 });
    expect(stored(ports).sort()).toEqual(await needed(ports));
  });

  it('believes no manifest that it read ahead: a well-formed one in the place of another is damage', async () => {
    const { manifest, ref } = at(7);
    const { bytes } = encodeManifest({ ...manifest, packs: [], files: [] });
    await overwrite(ports, ref.key, bytes);
    await expectUntouched(() => expect(collect()).rejects.toThrow(CorruptObjectError));
  });

  it('goes on where reading ahead fails', async () => {
    const flaky: Fault = {
      on: 'store.get',
      when: ({ args }) => isManifest(args[0]) && args[0] !== at(12).ref.key,
      times: 12,
      before: down,
    };
    expect(await collect([flaky])).toMatchObject({ fenced: true, retainedFrom: 3 });
    expect(stored(ports).sort()).toEqual(await needed(ports));
  });
});

describe('two collectors at once', () => {
  it.each<[string, string]>([
    ['after the first has listed', 'store.get'],
    ['before the first fences', FENCE],
    ['before the first deletes', 'store.delete'],
  ])('delete the same, and nothing that is needed, the second %s', async (_when, on) => {
    const inFlight = await prepare(ports);
    await upload(ports, inFlight);
    let second: CollectedGarbage | undefined;
    const whole: Fault = {
      on,
      times: 1,
      before: async () => {
        second = await collect();
      },
    };

    await collect([whole]);

    expect(second?.fenced).toBe(true);
    expect(await swap(ports, inFlight)).toBe(false);
    expect(stored(ports).sort()).toEqual(await needed(ports));
  });

  it('do not take the work of the other for damage', async () => {
    // The first walks from a pointer that the second, and its deletes, overtake.
    const walk = at(5).ref.key;
    const overtake: Fault = {
      on: 'store.get',
      when: ({ args }) => args[0] === walk,
      times: 1,
      before: async () => {
        await commit(ports, 3);
        await collect();
      },
    };
    expect(await collect([overtake])).toMatchObject({ retainedFrom: 6 });
    expect(stored(ports).sort()).toEqual(await needed(ports));
  });
});

describe('nothing is deleted and nothing fenced', () => {
  const damages: Array<[string, (key: string) => Promise<unknown>]> = [
    ['missing', (key) => ports.store.delete(key)],
    ['damaged', (key) => overwrite(ports, key, Buffer.from('{}'))],
    ['another version of it', async (key) => overwrite(ports, key, (await ports.store.get(at(9).ref.key)).body)],
  ];
  it.each(damages.flatMap(([what, damage]) => [12, 7, 3].map((version) => ({ what, damage, version }))))(
    'when the manifest of version $version is $what',
    async ({ damage, version }) => {
      await damage(at(version).ref.key);
      await expectUntouched(() => expect(collect()).rejects.toThrow(CorruptObjectError));
    },
  );

  it('when only the cache still has a manifest', async () => {
    const { ref, bytes } = at(7);
    ports.cache.objects.set(ref.key, Buffer.from(bytes));
    await ports.store.delete(ref.key);
    await expectUntouched(() => expect(collect()).rejects.toThrow(CorruptObjectError));
  });

  it.each([
    ['promises more than there is', { version: 14 }],
    ['retains nothing', { retainedFrom: 13 }],
    ['names another manifest', { version: 11 }],
    ['names another commit', { commitId: '01KDVDNA0047C4FEZDQK8YZG0M' }],
  ])('when the pointer %s', async (_what, wrong) => {
    const { pointer, etag } = await readPointer(ports, COLLECTION);
    await ports.store.putIfMatch(pointerKey(COLLECTION), encodePointer({ ...pointer, ...wrong }), etag);
    await expectUntouched(() => expect(collect()).rejects.toThrow(CorruptObjectError));
  });

  it('when the pointer is missing', async () => {
    await ports.store.delete(pointerKey(COLLECTION));
    await expectUntouched(() => expect(collect()).rejects.toThrow(PointerMissingError));
  });

  it.each(['store.list', 'store.get'])('when %s fails for good', async (on) => {
    await expectUntouched(() => expect(collect([{ on, before: down }])).rejects.toThrow(StoreUnavailableError));
  });
});

describe('deleting', () => {
  it('is tried again, and what it leaves behind goes in a later run', async () => {
    await collect([{ on: 'store.delete', times: 2, before: down, after: down }]);
    expect(stored(ports).sort()).toEqual(await needed(ports));

    await upload(ports, await prepare(ports));
    const isManifest: Fault['when'] = ({ args }) => String(args[0]).startsWith('manifests/');
    const failing = collect([{ on: 'store.delete', when: isManifest, before: down }]);
    await expect(failing).rejects.toThrow(StoreUnavailableError);
    // The pack is there as long as its manifest is.
    expect(await missing(ports)).toEqual([]);
    expect(stored(ports)).toHaveLength((await needed(ports)).length + 2);
    await collect();
    expect(stored(ports).sort()).toEqual(await needed(ports));
  });
});

describe('the state machine', () => {
  it('rebases when its base is fenced before the swap, and its first upload is gone', async () => {
    await submitNumber(ports, 1, 2);
    let collected: CollectedGarbage | undefined;
    const fence: Fault = {
      on: FENCE,
      in: 'SwapPointer',
      times: 1,
      before: async () => {
        collected = await collect();
      },
    };

    const { path, status } = await run(ports, INPUT, { faults: [fence] });

    expect([status, path.at(-1)]).toEqual(['SUCCEEDED', 'Compacted']);
    expect(path.filter((state) => state === 'MergeDeltas')).toHaveLength(2);
    expect(path).toContain('DiscardUpload');
    // Versions 0 to 2 and the upload.
    expect(collected).toMatchObject({ fenced: true, deletedManifests: 4, deletedPacks: 2 });
    expect(await current()).toMatchObject({ version: 13, fence: 1, retainedFrom: 3 });
    expect(await missing(ports)).toEqual([]);
  });

  it('rebases when its pack is collected while it uploads', async () => {
    await submitNumber(ports, 1);
    const between: Fault = { on: 'store.head', in: 'UploadSnapshot', times: 1, before: () => collect() };

    const { path } = await run(ports, INPUT, { faults: [between] });

    expect(path.at(-1)).toBe('Compacted');
    expect(await missing(ports)).toEqual([]);
  });

  it('commits under a fence in the making: the pointer is read again, the list is kept', async () => {
    ports = memoryPorts({ settings: { retainVersions: 2, retainDays: 0 } });
    await createCollection(ports);
    for (const n of [1, 2, 3, 4]) {
      await submitNumber(ports, n);
      await run(ports, INPUT);
      await ports.clock.advance(DAY);
    }
    await submitNumber(ports, 5);
    const listings: string[] = [];
    const listed: Fault = { on: 'store.list', before: ({ args }) => listings.push(String(args[0])) };

    const collected = await collect([listed, { on: FENCE, times: 1, before: () => otherCommits(ports) }]);

    expect(listings).toEqual(['manifests/books/', 'packs/books/']);
    expect(collected).toMatchObject({ fenced: true, retainedFrom: 4, deletedManifests: 4 });
    expect(await missing(ports)).toEqual([]);
    await submitNumber(ports, 6);
    expect((await run(ports, INPUT)).path.at(-1)).toBe('Compacted');
    ports.cache.forget();
    expect((await current()).version).toBe(6);
  });
});

describe('the garbage of all collections', () => {
  beforeEach(async () => {
    await createCollection(ports, 'letters');
    await createCollection(ports, 'maps');
    await ports.store.putIfAbsent('pointers/README', Buffer.from('no pointer'));
  });

  it('is collected by one run, and the cache pruned for all', async () => {
    const unreachable = ['packs/letters/01KDVDNA0047C4FEZDQK8YZG0M-0.pack', at(1).pack.key];
    for (const key of [...unreachable, at(12).pack.key]) ports.cache.objects.set(key, Buffer.from('cached'));

    const { reports, runId, pruned } = await collectAllGarbage(ports, {});

    expect(reports.map(({ collection, fenced }) => [collection, fenced]).sort()).toEqual([
      ['books', true],
      ['letters', false],
      ['maps', false],
    ]);
    expect((await current()).fencedBy).toBe(runId);
    expect(pruned).toMatchObject({ objects: 2 });
    expect([...ports.cache.objects.keys()]).toEqual([at(12).pack.key]);
  });

  it('of one alone is collected when the input names it', async () => {
    const { reports } = await collectAllGarbage(ports, { collection: 'maps' });
    expect(reports.map(({ collection }) => collection)).toEqual(['maps']);
    expect((await current()).fence).toBe(0);
  });

  it('is collected in spite of one that fails, which is named at the end and counted, and keeps its cache', async () => {
    const cached = 'packs/letters/01KDVDNA0047C4FEZDQK8YZG0M-0.pack';
    ports.cache.objects.set(cached, Buffer.from('cached'));
    await overwrite(ports, pointerKey('letters'), Buffer.from('{'));

    const run = collectAllGarbage(ports, {});

    await expect(run).rejects.toThrow(CollectionsFailedError);
    await expect(run).rejects.toThrow(
      /1 collections.*"letters" \(CorruptObjectError: Pointer "pointers\/letters\.json"/,
    );
    expect(stored(ports).sort()).toEqual(await needed(ports));
    const failed = ports.telemetry.metrics.filter(({ name }) => name === METRICS.garbageFailure.name);
    expect(failed).toEqual([{ name: 'GarbageCollectionFailed', value: 1, collection: 'letters' }]);
    expect(ports.cache.objects.has(cached)).toBe(true);
  });

  it.each([{ collection: 7 }, 'books', null, { collection: '../x' }])('is refused for the input %j', async (input) => {
    await expectUntouched(() => expect(collectAllGarbage(ports, input)).rejects.toThrow(InvalidInputError));
  });

  it('takes what a schedule sends for no name', async () => {
    const event = { version: '0', source: 'aws.events', detail: {}, resources: [] };
    expect((await collectAllGarbage(ports as Ports, event)).reports).toHaveLength(3);
  });
});
