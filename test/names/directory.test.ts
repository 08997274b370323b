/** The directory of names over both kinds of store: what a name means, whatever happens to it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { openStore } from '../../lambdas/adapters/store/open-store.ts';
import { learnFrom } from '../../lambdas/endpoint/learn.ts';
import { InvalidInputError } from '../../lambdas/errors/errors.ts';
import { createDatabase, createTenant, findTenant, listDatabases } from '../../lambdas/names/databases.ts';
import type { ObjectStore } from '../../lambdas/ports.ts';
import { parseJson } from '../../lambdas/snapshot/escaped-names.ts';
import { faulty } from '../support/faulty.ts';
import { createCollection, memoryPorts } from '../support/memory-ports.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { DATABASE, DESCRIBED, directoryOver, shortly, TENANT } from './support.ts';

const root = await mkdtemp(join(tmpdir(), 'names-test-'));
afterAll(() => rm(root, { recursive: true, force: true }));
let folders = 0;
const STORES: Array<[string, () => ObjectStore]> = [
  ['memory', () => new MemoryStore()],
  ['files', () => openStore(pathToFileURL(join(root, String(folders++))).href)],
];

describe.each(STORES)('names in a store of %s', (_, open) => {
  it('creates a collection once, whoever asks', async () => {
    const store = open();
    const [one, other] = [shortly(directoryOver(store, 1)), shortly(directoryOver(store, 2))];

    const first = await one.create('pets');
    const second = await other.create('pets');

    expect(first.isNew).toBe(true);
    expect(second).toEqual({ record: first.record, isNew: false });
    expect(await other.find('pets')).toEqual(first.record);
  });

  it('gives a name that is free again to another collection', async () => {
    const { create, drop, find } = shortly(directoryOver(open()));
    const { record: first } = await create('pets');

    expect(await drop('pets')).toEqual(first);
    expect(await find('pets')).toBeUndefined();
    const { record: second, isNew } = await create('pets');

    expect(isNew).toBe(true);
    expect(second.id).not.toBe(first.id);
    expect(second.collection).not.toBe(first.collection);
  });

  it('renames: the old name is free, the new one is taken, the stored collection stays', async () => {
    const { create, find, rename, names } = shortly(directoryOver(open()));
    const { record } = await create('pets');
    await create('plants');

    expect(await rename(record.id, 'plants')).toBe('taken');
    expect(await rename(record.id, 'animals')).toBe('changed');

    expect(await find('pets')).toBeUndefined();
    expect(await find('animals')).toMatchObject({ id: record.id, collection: record.collection });
    expect(await names()).toEqual(['animals', 'plants']);
    expect((await create('pets')).isNew).toBe(true);
    expect(await rename('00000000-0000-4000-a000-000000000000', 'x')).toBe('absent');
  });

  it('keeps databases apart, and takes their collections along', async () => {
    const store = open();
    const directory = directoryOver(store);
    const ports = { ...memoryPorts(), store };
    await createTenant(ports, 'team');
    await createDatabase(ports, 'team', 'one');
    await createDatabase(ports, 'team', 'two');
    const make = async (database: string) => {
      const made = await directory.create('team', database, 'pets', async () => DESCRIBED);
      return typeof made === 'string' ? undefined : made;
    };
    const one = await make('one');
    const two = await make('two');

    expect(one?.record.id).not.toBe(two?.record.id);
    expect(await directory.deleteDatabase('team', 'one')).toBe(true);
    await createDatabase(ports, 'team', 'one');

    expect(await directory.findByName('team', 'one', 'pets')).toBeUndefined();
    expect(await directory.findById(one?.record.id ?? '')).toBeUndefined();
    expect(await directory.list('team', 'two')).toEqual([two?.record]);
    expect((await listDatabases(ports, 'team')).map(({ name }) => name)).toEqual(['one', 'two']);
    expect(await directory.create('team', 'three', 'pets', async () => DESCRIBED)).toBe('no database');
  });

  it('takes any text as a tenant', async () => {
    const store = open();
    const ports = { ...memoryPorts(), store };
    const names = ['../up', 'a/b', '.hidden', 'é😀', `long ${'x'.repeat(500)}`, '%2F', "o'clock (*)"];

    for (const name of names) expect(await createTenant(ports, name)).toBe(true);

    for (const name of names) expect(await findTenant(ports, name)).toEqual({ name, resourceName: null });
    expect(await createTenant(ports, '.hidden')).toBe(false);
  });

  it('fixes a dimension once', async () => {
    const directory = directoryOver(open());
    const { record } = await shortly(directory).create('pets');

    const fixed = await Promise.all([2, 3, 4].map((dimension) => directory.fixDimension(record.id, dimension)));

    expect(new Set(fixed).size).toBe(1);
    expect((await directory.findById(record.id))?.dimension).toBe(fixed[0]);
  });

  it('forgets everything at a reset', async () => {
    const store = open();
    const directory = directoryOver(store);
    await shortly(directory).create('pets');
    await createTenant({ ...memoryPorts(), store }, 'team');

    await directory.reset();

    expect(await shortly(directory).names()).toEqual([]);
    expect(await findTenant({ ...memoryPorts(), store }, 'team')).toBeUndefined();
  });
});

describe('a creation', () => {
  it('reads its database once, and asks what the collection is only when the name is free', async () => {
    const read: string[] = [];
    const ports = faulty({ ...memoryPorts(), store: new MemoryStore() }, [
      { on: 'store.get', before: ({ args }) => read.push(String(args[0])) },
    ]);
    const directory = directoryOver(ports.store);
    let asked = 0;
    const describeOnce = async () => {
      asked++;
      return DESCRIBED;
    };

    await directory.create(TENANT, DATABASE, 'pets', describeOnce);
    expect(read.filter((key) => key.startsWith('databases/'))).toHaveLength(1);
    await directory.create(TENANT, DATABASE, 'pets', describeOnce);

    expect(asked).toBe(1);
    expect(await directory.create(TENANT, DATABASE, 'plants', async () => undefined)).toBe('refused');
  });
});

describe('what is said of a collection', () => {
  const large = (bytes: number) => ({ ...DESCRIBED, metadata: JSON.stringify({ x: 'x'.repeat(bytes) }) });

  it('is refused before it is too large to be read again, and the name stays free', async () => {
    const store = new MemoryStore();
    const directory = directoryOver(store);

    const create = directory.create(TENANT, DATABASE, 'pets', async () => large(600 * 1024));

    await expect(create).rejects.toThrow(InvalidInputError);
    expect(store.snapshot().size).toBe(0);
    expect((await shortly(directory).create('pets')).isNew).toBe(true);
  });

  it('can be changed within the limit, and is left as it was beyond it', async () => {
    const directory = directoryOver(new MemoryStore());
    const { record } = await shortly(directory).create('pets');
    const change = (bytes: number) => directory.modify(record.id, async () => large(bytes));

    expect(await change(500 * 1024)).toBe('changed');
    await expect(change(1024 * 1024)).rejects.toThrow(InvalidInputError);

    expect((await directory.findById(record.id))?.metadata).toBe(large(500 * 1024).metadata);
  });

  it('leaves room for what is learned', async () => {
    const directory = directoryOver(new MemoryStore());
    const { record } = await shortly(directory).create('pets');
    await directory.modify(record.id, async () => large(511 * 1024));
    const metadata = Object.fromEntries(Array.from({ length: 2_000 }, (_, n) => [`${n}"${'k'.repeat(500)}`, n]));
    const learned = learnFrom(JSON.stringify({ metadatas: [metadata] }), [metadata], {}) ?? {};

    expect(await directory.modify(record.id, async () => ({ learned }))).toBe('changed');

    expect((await directory.findById(record.id))?.learned).toEqual(learned);
    expect(Object.keys(learned).length).toBeGreaterThan(400);
  });

  it('has keys of any name, kept as they are', async () => {
    const directory = directoryOver(new MemoryStore());
    const teach = async (name: string, body: string) => {
      const { record } = await shortly(directory).create(name);
      const { metadatas } = parseJson(body) as { metadatas: unknown[] };
      await directory.modify(record.id, async () => ({ learned: learnFrom(body, metadatas, {}) ?? {} }));
      return record.id;
    };
    const keysOf = async (id: string) => Object.keys((await directory.findById(id))?.learned ?? {});

    const pets = await teach('pets', '{"metadatas":[{"x":1,"\\\\":2}]}');
    const cats = await teach('cats', '{"metadatas":[{"x":1,"\\"":2}]}');
    const dogs = await teach('dogs', '{"metadatas":[{"__proto__":"y","constructor":true}]}');

    expect(await keysOf(pets)).toEqual(['x', '\\']);
    expect(await keysOf(cats)).toEqual(['x', '"']);
    expect(await keysOf(dogs)).toEqual(['__proto__', 'constructor']);
  });
});

describe('stored collections that have no entry', () => {
  it('are found by the name that they are stored under, renamed and dropped like others', async () => {
    const ports = memoryPorts();
    await createCollection(ports, 'books');
    await createCollection(ports, 'films');
    const { find, names, rename, drop, create } = shortly(directoryOver(ports.store));

    const books = await find('books');
    expect(books).toMatchObject({ collection: 'books', dimension: 4 });
    expect((await create('books')).record).toEqual(books);
    expect(await names()).toEqual(['books', 'films']);
    await rename(books?.id ?? '', 'novels');
    expect(await find('books')).toBeUndefined();
    expect(await find('novels')).toMatchObject({ collection: 'books' });
    await drop('films');

    expect(await names()).toEqual(['novels']);
    const { record } = await create('films');
    expect(record.collection).not.toBe('films');
  });

  it('are gone after a reset, and do not come back', async () => {
    const ports = memoryPorts();
    await createCollection(ports, 'books');
    const directory = directoryOver(ports.store);

    await directory.reset();

    expect(await directory.findByName(TENANT, DATABASE, 'books')).toBeUndefined();
    expect(await shortly(directory).names()).toEqual([]);
  });
});
