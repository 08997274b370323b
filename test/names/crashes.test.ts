/** Names while their writers die, or race: a collection keeps exactly one name, and no name is lost. */
import { describe, expect, it } from 'vitest';
import type { ObjectStore } from '../../lambdas/ports.ts';
import { RECORDS_PREFIX } from '../../lambdas/snapshot/name-keys.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { directoryOver, interleave, shortly } from './support.ts';

const WRITES = ['putIfAbsent', 'putIfMatch', 'deleteIfMatch'];

/** A store whose writer dies at its n-th write, before it took effect or after. */
function dying(store: ObjectStore, n: number, takesEffect: boolean): ObjectStore {
  let writes = 0;
  return new Proxy(store, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        const call = () => value.apply(target, args);
        if (!WRITES.includes(String(property)) || ++writes < n) return call();
        const died = () => Promise.reject(new Error('the process died'));
        return writes === n && takesEffect ? call().then(died) : died();
      };
    },
  });
}

const CRASHES = [1, 2, 3].flatMap((write) => [
  { write, takesEffect: false },
  { write, takesEffect: true },
]);

describe.each(CRASHES)('a process that dies at write $write, done: $takesEffect', ({ write, takesEffect }) => {
  it('in a creation: a reset forgets what is left of it', async () => {
    const store = new MemoryStore();
    const { create, names } = shortly(directoryOver(store));
    await shortly(directoryOver(dying(store, write, takesEffect), 2))
      .create('pets')
      .catch(() => {});

    await directoryOver(store, 3).reset();

    expect([...store.snapshot().keys()]).toEqual([]);
    expect((await create('pets')).isNew).toBe(true);
    expect(await names()).toEqual(['pets']);
  });

  it('in a rename: the collection has one of both names, and the other is free', async () => {
    const store = new MemoryStore();
    const { create, find, names } = shortly(directoryOver(store));
    const { record } = await create('old');

    await shortly(directoryOver(dying(store, write, takesEffect), 2))
      .rename(record.id, 'new')
      .catch(() => {});

    const [name = '', ...others] = await names();
    expect(others).toEqual([]);
    expect(await find(name)).toMatchObject({ id: record.id });
    const free = name === 'old' ? 'new' : 'old';
    expect(await find(free)).toBeUndefined();
    expect((await create(free)).isNew).toBe(true);
    expect(await names()).toEqual(['new', 'old']);
    expect(await find(name)).toMatchObject({ id: record.id });
  });

  it('in a rename that is done again: it is done', async () => {
    const store = new MemoryStore();
    const { create, find, rename, names } = shortly(directoryOver(store));
    const { record } = await create('old');
    await shortly(directoryOver(dying(store, write, takesEffect), 2))
      .rename(record.id, 'new')
      .catch(() => {});

    expect(await rename(record.id, 'new')).toBe('changed');

    expect(await find('new')).toMatchObject({ id: record.id });
    expect(await names()).toEqual(['new']);
  });

  it('in a creation: the name is the collection’s, or free', async () => {
    const store = new MemoryStore();
    const { create, find, names } = shortly(directoryOver(store));

    await shortly(directoryOver(dying(store, write, takesEffect), 2))
      .create('pets')
      .catch(() => {});

    const there = await find('pets');
    const { record, isNew } = await create('pets');
    expect(isNew).toBe(there === undefined);
    expect(await find('pets')).toEqual(record);
    expect(await names()).toEqual(['pets']);
  });

  it('in a drop: the collection is there, or it is gone and its name is free', async () => {
    const store = new MemoryStore();
    const { create, find } = shortly(directoryOver(store));
    const { record } = await create('pets');

    await shortly(directoryOver(dying(store, write, takesEffect), 2))
      .drop('pets')
      .catch(() => {});

    const there = await find('pets');
    const again = await create('pets');
    expect(again.isNew).toBe(there === undefined);
    expect(again.record.id === record.id).toBe(there !== undefined);
  });
});

describe('endpoints that race', () => {
  const SEEDS = Array.from({ length: 400 }, (_, seed) => seed + 1);

  it('for one name: each collection is found by the name that it has, and no two have one', async () => {
    for (const seed of SEEDS) {
      const store = new MemoryStore();
      const { create, find, names } = shortly(directoryOver(store, 1));
      const [a, b] = [await create('aaa'), await create('bbb')];
      const outcomes: Record<string, unknown> = {};
      const tell = (who: string, outcome: Promise<unknown>) => outcome.then((value) => (outcomes[who] = value));
      const as = (n: number, gated: ObjectStore) => shortly(directoryOver(gated, n));

      await interleave(seed, store, [
        (gated) => tell('a', as(2, gated).rename(a.record.id, 'ccc')),
        (gated) => tell('b', as(3, gated).rename(b.record.id, 'ccc')),
        async (gated) => tell('c', as(4, gated).create('ccc')),
        // Dies with the name reserved.
        (gated) => as(5, dying(gated, 2, false)).rename(a.record.id, 'ccc'),
        (gated) => as(6, gated).rename(b.record.id, 'bbb'),
      ]);

      const all = await names();
      expect(new Set(all).size, `seed ${seed}`).toBe(all.length);
      const found = await Promise.all(all.map(find));
      const ids = new Set(found.map((one) => one?.id));
      expect(ids.has(a.record.id) && ids.has(b.record.id), `seed ${seed}: a collection has no name any more`).toBe(
        true,
      );
      const owners = [outcomes.a === 'changed', outcomes.b === 'changed', (outcomes.c as { isNew: boolean }).isNew];
      expect(owners.filter(Boolean).length, `seed ${seed}`).toBeLessThanOrEqual(2);
    }
  });

  it('to and fro: a name that comes back is not deleted by the one before', async () => {
    for (const seed of SEEDS) {
      const store = new MemoryStore();
      const { create, find, names } = shortly(directoryOver(store, 1));
      const { record } = await create('aaa');

      await interleave(seed, store, [
        (gated) => shortly(directoryOver(gated, 2)).rename(record.id, 'bbb'),
        async (gated) => {
          const { rename } = shortly(directoryOver(gated, 3));
          for (let times = 0; times < 20; times++) await rename(record.id, 'aaa');
        },
        (gated) => shortly(directoryOver(gated, 4)).create('bbb'),
      ]);

      const all = await names();
      const found = await Promise.all(all.map(find));
      expect(
        found.map((one) => one?.id),
        `seed ${seed}: ${all}`,
      ).toContain(record.id);
    }
  });

  it('to rename and to change something else: both are there afterwards', async () => {
    for (const seed of SEEDS) {
      const store = new MemoryStore();
      const { create, find } = shortly(directoryOver(store, 1));
      const { record } = await create('old');

      await interleave(seed, store, [
        (gated) =>
          // As the engine has it: whoever changes one setting writes all of them.
          directoryOver(gated, 2).modify(record.id, async ({ metadata, schema }) => ({
            metadata,
            schema,
            name: 'new',
          })),
        (gated) => directoryOver(gated, 3).modify(record.id, async () => ({ metadata: '{"a":1}' })),
      ]);

      expect(await find('new'), `seed ${seed}`).toMatchObject({ id: record.id, metadata: '{"a":1}' });
    }
  });

  it('to create under one name: one collection remains, and no record of another', async () => {
    for (const seed of SEEDS) {
      const store = new MemoryStore();
      const make = (nth: number) => (gated: ObjectStore) => shortly(directoryOver(gated, nth)).create('pets');

      await interleave(seed, store, [2, 3, 4, 5].map(make));

      const records = [...store.snapshot().keys()].filter((key) => key.startsWith(RECORDS_PREFIX));
      expect(records, `seed ${seed}`).toHaveLength(1);
    }
  });

  it('to reset and to change: whatever was there before is gone', async () => {
    for (const seed of SEEDS) {
      const store = new MemoryStore();
      const { create, names } = shortly(directoryOver(store, 1));
      const { record } = await create('pets');

      await interleave(seed, store, [
        (gated) => directoryOver(gated, 2).reset(),
        (gated) => directoryOver(gated, 3).modify(record.id, async () => ({ metadata: '{"a":1}' })),
        (gated) => shortly(directoryOver(gated, 4)).rename(record.id, 'animals'),
      ]);

      expect(await directoryOver(store, 5).findById(record.id), `seed ${seed}`).toBeUndefined();
      expect(await names()).toEqual([]);
    }
  });

  it('to drop and to create: what is created after a drop is another collection', async () => {
    for (const seed of SEEDS) {
      const store = new MemoryStore();
      const { create, find } = shortly(directoryOver(store, 1));
      const { record } = await create('pets');
      let made: Awaited<ReturnType<typeof create>> | undefined;

      await interleave(seed, store, [
        (gated) => shortly(directoryOver(gated, 2)).drop('pets'),
        async (gated) => {
          made = await shortly(directoryOver(gated, 3)).create('pets');
        },
      ]);

      const there = await find('pets');
      expect(there?.id, `seed ${seed}`).not.toBe(record.id);
      if (made?.isNew) expect(made.record.id, `seed ${seed}`).toBe(there?.id);
    }
  });
});
