/** Commands take the names that clients of Chroma use: one process per command, over a store of files. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FileStore } from '../../lambdas/adapters/store/file-store.ts';
import { idOfStored } from '../../lambdas/names/records.ts';
import { createCollection } from '../../lambdas/upkeep/create-collection.ts';
import { startStack } from '../../local/stack.ts';
import { runCommand } from '../e2e/command-line.ts';
import { directoryOver, shortly } from './support.ts';

const NEVER = '00000000-0000-4000-a000-000000000000';

let data: string;
/** What clients call `pets` and `cats`, and nobody calls anything else. */
let pets: { id: string; collection: string };
let cats: { id: string; collection: string };

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'compactor-names-'));
  const stack = await startStack({ dataDirectory: data });
  const directory = directoryOver(new FileStore(join(data, 'store')));
  pets = (await shortly(directory).create('pets')).record;
  cats = (await shortly(directory).create('cats')).record;
  const made = { dimension: 3, space: 'l2', creator: 'test' } as const;
  for (const collection of [pets.collection, 'plain', 'old', 'older']) {
    await createCollection(stack.ports, { collection, ...made });
  }
  await shortly(directory)
    .find('old')
    .then((found) => shortly(directory).rename(found?.id ?? NEVER, 'new'));
  await stack.close();
});
afterAll(() => rm(data, { recursive: true, force: true }));

const run = (...args: string[]) => runCommand(data, args);

it('lists every name, with what it is stored as', async () => {
  const { json } = await run('names');

  expect(json).toMatchObject([
    { name: 'cats', collection: cats.collection, dimension: null },
    { name: 'new', collection: 'old', dimension: 3 },
    { name: 'older', collection: 'older', id: idOfStored('older'), dimension: 3 },
    { name: 'pets', collection: pets.collection, id: pets.id },
    { name: 'plain', collection: 'plain', dimension: 3 },
  ]);
});

it('lists what is damaged all the same, and says what is wrong', async () => {
  const pointer = join(data, 'store', 'pointers', 'broken.json');
  await writeFile(pointer, 'no pointer');

  const { code, json } = await run('names');
  const inWords = await runCommand(data, ['names'], { json: false });
  await rm(pointer);

  const problem = expect.stringContaining('pointers/broken.json');
  expect(code).toBe(0);
  expect(json[0]).toMatchObject({ name: 'broken', collection: 'broken', dimension: null, problem });
  expect(json[1]).not.toHaveProperty('problem');
  expect(inWords.stdout).toMatch(/\n"broken" is damaged: .*pointers\/broken\.json/);
});

it.each(['pets', 'default_tenant/default_database/pets'])('takes %s for the collection that it means', async (name) => {
  expect((await run('status', name)).json).toMatchObject({ collection: pets.collection, version: 0 });
});

it('takes the name of a renamed collection, and says so of the one before', async () => {
  expect((await run('status', 'new')).json).toMatchObject({ collection: 'old' });
  const before = await run('status', 'old');
  expect(before.json).toMatchObject({ collection: 'old' });
  expect(before.stderr).toBe('Note: "old" is called "new" by now.\n');
});

it('looks for a delta in the collection of the name', async () => {
  const delta = '{"op":"upsert","id":"a","embedding":[1,0,0]}\n';
  await runCommand(data, ['submit', 'pets', '--delta-id', 'one'], { stdin: delta });

  expect((await run('explain', 'pets/one')).json).toMatchObject({ collection: pets.collection, verdict: 'waiting' });
});

it('creates nothing under a name that is in use, or was', async () => {
  expect(await run('create', 'pets', '--dimension', '3')).toMatchObject({ code: 2 });
  expect((await run('create', 'old', '--dimension', '3')).stderr).toContain('CollectionExistsError');
});

it('names what is no name, and what is in no database', async () => {
  expect((await run('status', 'a/b')).code).toBe(2);
  expect((await run('status', 'acme/main/pets')).stderr).toContain('CollectionNotFoundError');
});

it('drops nothing without being told to', async () => {
  expect((await run('drop', 'pets')).code).toBe(2);
  expect((await run('drop', 'nothing', '--yes')).stderr).toContain('CollectionNotFoundError');
  expect((await run('status', 'pets')).code).toBe(0);
});

it.each([
  ['of a client', 'pets'],
  ['that no endpoint has been asked for', 'older'],
  ['that was renamed', 'new'],
])('drops a collection %s', async (_whose, name) => {
  const dropped = await run('drop', name, '--yes');

  expect(dropped).toMatchObject({ code: 0, json: { name } });
  const listed: Array<{ name: string }> = (await run('names')).json;
  expect(listed.map((each) => each.name)).not.toContain(name);
  expect((await run('drop', name, '--yes')).code).toBe(2);
  expect(await shortly(directoryOver(new FileStore(join(data, 'store')))).find(name)).toBeUndefined();
});
