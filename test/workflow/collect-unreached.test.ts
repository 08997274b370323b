/** Garbage collection of whole collections: what no name leads to goes, after the retention, and nothing else. */
import { beforeEach, describe, expect, it } from 'vitest';
import { CollectionExistsError, CollectionsFailedError, InvalidInputError } from '../../lambdas/errors/errors.ts';
import { createDatabase } from '../../lambdas/names/databases.ts';
import { createRecord } from '../../lambdas/names/entries.ts';
import { storedName, UNNAMED, uuidOf } from '../../lambdas/names/records.ts';
import { encodePointer } from '../../lambdas/protocol/pointer.ts';
import { deltaKey, manifestsPrefix, pointerKey } from '../../lambdas/snapshot/keys.ts';
import { nameKey, recordKey, unreachedKey } from '../../lambdas/snapshot/name-keys.ts';
import { collectAllGarbage, collectMany } from '../../lambdas/upkeep/collect-garbage.ts';
import { refuseHistory } from '../../lambdas/upkeep/import-snapshot.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import { faulty } from '../support/faulty.ts';
import { COLLECTION, createCollection, type MemoryPorts, memoryPorts } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { INPUT, overwrite, submitNumber } from './support.ts';
import {
  collect,
  createIn,
  DAY,
  DESCRIBED,
  directory,
  full,
  names,
  PLACE,
  states,
  store,
  stored,
  traces,
} from './unreached.ts';

let ports: MemoryPorts;
beforeEach(() => {
  ports = memoryPorts({ settings: { retainDays: 7 } });
});

/** Everything that is not of this collection. */
const others = (collection: { collection: string; id: string }) =>
  [...ports.store.snapshot()].filter(([key]) => !stored(ports, collection).includes(key));

describe('a collection that was dropped', () => {
  it('goes after the retention, whole, and leaves the others as they are', async () => {
    // Prepare
    const gone = await full(ports, 'pets');
    const kept = await full(ports, 'other');
    await names(ports).drop('pets');
    const before = others(gone);

    // Act
    const found = await states(ports);
    await ports.clock.advance(7 * DAY - 1);
    const early = await states(ports);
    const whole = traces(ports, gone).length;
    await ports.clock.advance(1);
    const due = await collectAllGarbage(ports, {});
    const last = await states(ports);

    // Assess
    expect([found, early]).toEqual([{ [gone.collection]: 'found' }, { [gone.collection]: 'waiting' }]);
    expect(whole).toBeGreaterThan(12);
    const [report] = due.unreached?.collections ?? [];
    expect(report).toMatchObject({ collection: gone.collection, state: 'taken' });
    expect(report?.objects).toBeGreaterThan(7);
    expect(report?.items).toBeGreaterThan(2);
    expect(last).toEqual({ [gone.collection]: 'finished' });
    // Packs in the cache are known to be of no collection once its pointer is gone.
    await collectAllGarbage(ports, {});
    expect(traces(ports, gone)).toEqual([]);
    expect(traces(ports, kept).length).toBeGreaterThan(12);
    expect(others(gone)).toEqual(before);
    expect(await names(ports).find('other')).toMatchObject({ id: kept.id });
    expect(await states(ports)).toEqual({});
  });

  it('is told of by a dry run, which changes nothing', async () => {
    const gone = await full(ports, 'pets');
    await names(ports).drop('pets');
    const before = ports.store.snapshot();

    const first = await states(ports, true);
    const untouched = ports.store.snapshot();
    await collect(ports);
    await ports.clock.advance(7 * DAY);
    const { unreached } = await collectMany(ports, { dryRun: true });
    const still = [ports.store.snapshot().has(pointerKey(gone.collection)), traces(ports, gone).length > 12];
    const { collections } = await collect(ports);

    expect([first, untouched]).toEqual([{ [gone.collection]: 'found' }, before]);
    expect(still).toEqual([true, true]);
    const [told, done] = [unreached?.collections[0], collections[0]];
    expect(told).toEqual({ ...done, items: 0 });
    expect(told?.state).toBe('taken');
  });

  it('leaves its name to another one, of which nothing goes', async () => {
    const gone = await full(ports, 'pets');
    await names(ports).drop('pets');
    await collect(ports);
    const next = await full(ports, 'pets');
    await ports.clock.advance(8 * DAY);

    await collect(ports);

    expect(await names(ports).find('pets')).toMatchObject({ id: next.id });
    expect(stored(ports, gone)).toEqual([unreachedKey(gone.collection)]);
    expect(await states(ports)).toEqual({ [gone.collection]: 'finished' });
    expect((await run(ports, { collection: next.collection })).path.at(-1)).toBe('Compacted');
  });

  it('with its database is taken, and what is made in one of the same name is not', async () => {
    const place = { tenant: PLACE.tenant, database: 'second' };
    await createDatabase(ports, place.tenant, place.database);
    const first = await createIn(ports, place, 'pets');
    // As a deletion leaves it that dies after its first write.
    const key = `databases/${place.tenant}/${place.database}.json`;
    await ports.store.delete(key);
    await createDatabase(ports, place.tenant, place.database);
    const second = await createIn(ports, place, 'cats');

    const found = await states(ports);
    await ports.clock.advance(7 * DAY);
    await collect(ports);

    expect(found).toEqual({ [first.collection]: 'found' });
    expect(await directory(ports).findById(first.id)).toBeUndefined();
    const there = await directory(ports).findByName(place.tenant, place.database, 'cats');
    expect(there?.id).toBe(second.id);
  });
});

describe('what a name leads to', () => {
  it('stays, however often it was renamed and however old it is', async () => {
    const { id } = await full(ports, 'pets');
    await names(ports).rename(id, 'cats');
    await names(ports).rename(id, 'dogs');
    const before = ports.store.snapshot();

    for (let day = 0; day < 3; day++) {
      expect(await states(ports)).toEqual({});
      await ports.clock.advance(30 * DAY);
    }

    expect(ports.store.snapshot()).toEqual(before);
  });

  it('loses no entry but the one that a rename left over', async () => {
    const { id, collection } = await full(ports, 'pets');
    const old = nameKey(PLACE.tenant, PLACE.database, 'pets');
    const entry = ports.store.snapshot().get(old) ?? new Uint8Array();
    await names(ports).rename(id, 'cats');
    await ports.store.putIfAbsent(old, entry);

    const early = (await collect(ports)).entries;
    await ports.clock.advance(8 * DAY);
    const dry = (await collect(ports, true)).entries;
    const late = await collect(ports);

    expect([early, dry, late.entries, late.collections]).toEqual([[], [old], [old], []]);
    expect(await names(ports).find('cats')).toMatchObject({ id, collection });
    expect(await names(ports).names()).toEqual(['cats']);
  });
});

describe('a creation that died', () => {
  it.each(['before its name was written', 'after its entry was written'])('%s is taken', async (when) => {
    const ulid = ports.ids.ulid();
    const record = { ...PLACE, databaseId: 'x', name: UNNAMED, id: uuidOf(ulid), collection: storedName(ulid) };
    const settings = { ...DESCRIBED, dimension: null, learned: {}, created: 0, dropped: false };
    await createRecord(ports, { ...record, ...settings });
    const key = nameKey(PLACE.tenant, PLACE.database, 'pets');
    const entry = { format: 1, id: record.id, name: 'pets', revision: ulid };
    if (when.startsWith('after')) await ports.store.putIfAbsent(key, Buffer.from(JSON.stringify(entry)));

    const found = await states(ports);
    await ports.clock.advance(7 * DAY);
    await collect(ports);
    await collect(ports);

    expect(found).toEqual({ [record.collection]: 'found' });
    expect([...ports.store.snapshot().keys()]).toEqual([]);
  });
});

describe('what `create` and `import` made', () => {
  beforeEach(async () => {
    await createCollection(ports);
    await submitNumber(ports, 1);
    await run(ports, INPUT);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['that no endpoint has been asked for', async () => {}],
    ['that clients know', () => names(ports).find(COLLECTION)],
    [
      'that a client renamed, and its entry is lost',
      async () => {
        const found = await names(ports).find(COLLECTION);
        await names(ports).rename(found?.id ?? '', 'novels');
        await ports.store.delete(nameKey(PLACE.tenant, PLACE.database, 'novels'));
      },
    ],
  ])('%s stays', async (_which, prepare) => {
    await prepare();
    const before = ports.store.snapshot();

    const runs = [await states(ports)];
    await ports.clock.advance(30 * DAY);
    runs.push(await states(ports));

    expect(runs).toEqual([{}, {}]);
    expect(ports.store.snapshot()).toEqual(before);
  });

  it('is taken once it was dropped, and what it was stored as is not used again', async () => {
    const found = await names(ports).find(COLLECTION);
    await names(ports).drop(COLLECTION);
    await collect(ports);
    await ports.clock.advance(7 * DAY);

    const runs = [await states(ports), await states(ports), await states(ports)];

    expect(runs).toEqual([{ [COLLECTION]: 'taken' }, { [COLLECTION]: 'finished' }, {}]);
    expect([...ports.store.snapshot().keys()]).toEqual([recordKey(found?.id ?? '')]);
    await expect(createCollection(ports)).rejects.toThrow(CollectionExistsError);
    await expect(refuseHistory(ports, COLLECTION)).rejects.toThrow(CollectionExistsError);
    expect((await names(ports).create(COLLECTION)).isNew).toBe(true);
  });

  it('is not created, or imported to, where it was dropped and is still stored', async () => {
    await names(ports).drop(COLLECTION);

    await expect(createCollection(ports)).rejects.toThrow(CollectionExistsError);
    await expect(refuseHistory(ports, COLLECTION)).rejects.toThrow(CollectionExistsError);
  });

  it('is not stored under a name that only the directory gives', async () => {
    await expect(createCollection(ports, storedName(ports.ids.ulid()))).rejects.toThrow(InvalidInputError);
  });
});

describe('in doubt', () => {
  it('what belongs to another stack is left to that, with a failure', async () => {
    const gone = await full(ports, 'pets');
    await names(ports).drop('pets');
    const { pointer, etag } = await readPointer(ports, gone.collection);
    const theirs = encodePointer({ ...pointer, statusTable: 'theirs' });
    await ports.store.putIfMatch(pointerKey(gone.collection), theirs, etag);
    const before = ports.store.snapshot();

    const { failures, collections } = await collect(ports);

    expect([failures.map(({ error }) => error), collections]).toEqual([['ForeignStoreError'], []]);
    expect(ports.store.snapshot()).toEqual(before);
  });

  it('a record that cannot be read keeps its collection, and no other', async () => {
    const [damaged, gone] = [await full(ports, 'damaged'), await full(ports, 'gone')];
    await names(ports).drop('gone');
    await overwrite(ports, recordKey(damaged.id), Buffer.from('{'));

    await expect(collectAllGarbage(ports, {})).rejects.toThrow(CollectionsFailedError);
    await ports.clock.advance(7 * DAY);
    const { collections, failures } = await collect(ports);

    expect(collections.map(({ collection, state }) => [collection, state])).toEqual([[gone.collection, 'taken']]);
    expect(new Set(failures.map(({ error }) => error))).toEqual(new Set(['CorruptObjectError']));
    expect((await readPointer(ports, damaged.collection)).pointer.version).toBe(2);
  });

  it('a pointer that cannot be read keeps all that it may point at', async () => {
    const gone = await full(ports, 'pets');
    await names(ports).drop('pets');
    await collect(ports);
    await ports.clock.advance(7 * DAY);
    await overwrite(ports, pointerKey(gone.collection), Buffer.from('{'));
    const before = ports.store.snapshot();

    const { failures } = await collect(ports);

    expect(failures.map(({ error }) => error)).toEqual(['CorruptObjectError']);
    expect(ports.store.snapshot()).toEqual(before);
  });

  it('objects that this system does not make stay, and are no reason to look again', async () => {
    const gone = await full(ports, 'pets');
    const stranger = `${manifestsPrefix(gone.collection)}notes.txt`;
    await ports.store.putIfAbsent(stranger, Buffer.from('not ours'));
    await names(ports).drop('pets');
    await collect(ports);
    await ports.clock.advance(7 * DAY);

    const runs = [await states(ports), await states(ports), await states(ports)];

    expect(runs.map((each) => each[gone.collection])).toEqual(['taken', 'finished', undefined]);
    expect(ports.store.snapshot().has(stranger)).toBe(true);
  });

  it('a mark is taken back from what has a name by now', async () => {
    const gone = await full(ports, 'pets');
    const mark = { format: 1, collection: gone.collection, since: 0, revision: 'x' };
    await ports.store.putIfAbsent(unreachedKey(gone.collection), Buffer.from(JSON.stringify(mark)));

    expect(await states(ports)).toEqual({});

    expect(ports.store.snapshot().has(unreachedKey(gone.collection))).toBe(false);
    expect((await readPointer(ports, gone.collection)).pointer.version).toBe(2);
  });
});

it('finds what is stored of a collection without a pointer, beside folders that fill more than a page', async () => {
  const [one, two, three] = [1, 2, 3].map(() => storedName(ports.ids.ulid()));
  for (let n = 0; n < 2_050; n++) await ports.store.putIfAbsent(deltaKey(one ?? '', `d-${n}`), Buffer.from('x'));
  await ports.store.putIfAbsent(deltaKey(two ?? '', 'd'), Buffer.from('x'));
  await store(ports, three ?? '');
  const pages: number[] = [];

  const found = await states(
    faulty(ports, [{ on: 'store.list', when: ({ args }) => args[0] === 'deltas/c-', before: () => pages.push(1) }]),
  );

  expect(Object.keys(found)).toEqual([one, two, three].sort());
  expect(pages).toHaveLength(3);
});
