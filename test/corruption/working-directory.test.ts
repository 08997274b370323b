/** Damage on the local disk: files, digests, marker. A directory that is not proven clean is repaired or built anew. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FileWorkingDirectories } from '../../lambdas/adapters/files/working-directories.ts';
import type { WorkingDirectory } from '../../lambdas/ports.ts';
import { type HydrateOptions, type Hydration, hydrate } from '../../lambdas/versions/hydrate.ts';
import type { LoadedManifest } from '../../lambdas/versions/load-manifest.ts';
import { findVersion, walkVersions } from '../../lambdas/versions/walk-versions.ts';
import { Random } from '../simulation/random.ts';
import type { Call, Fault } from '../support/faulty.ts';
import { MemoryDirectories } from '../support/memory-directories.ts';
import { COLLECTION, type MemoryPorts, submit } from '../support/memory-ports.ts';
import { DATABASE } from '../support/model-database.ts';
import { run } from '../support/run-machine.ts';
import { DAMAGES, damaged } from './damage.ts';
import { commit, OTHER, read, storedWorld, upserts } from './world.ts';

/** Few, since every one flushes a directory to the disk several times. */
const CASES = Math.ceil(Number(process.env.COMPACTOR_CASES ?? 30) / 6);

let ports: MemoryPorts;
let root: string;
let directories: FileWorkingDirectories;
let current: LoadedManifest;
let older: LoadedManifest;
/** What the current version's files hold. */
let content: Map<string, Buffer>;

beforeAll(async () => {
  ports = await storedWorld();
  root = await mkdtemp(join(tmpdir(), 'corruption-work-'));
  directories = new FileWorkingDirectories({ root });
  current = await findVersion(ports, COLLECTION);
  for await (const loaded of walkVersions(ports, COLLECTION)) if (loaded.manifest.version === 1) older = loaded;
  const fresh = await new MemoryDirectories().claim(COLLECTION);
  await hydrate(ports, fresh, current);
  content = await contentOf(fresh);
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function contentOf(directory: WorkingDirectory): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const { path, size } of await directory.list())
    files.set(path, Buffer.from(await directory.readAt(path, 0, size)));
  return files;
}

/** A directory that is clean, then damaged while nobody owns it, then hydrated by its next owner. */
async function afterDamage(
  damage: (slot: string) => Promise<void>,
  first: LoadedManifest = current,
  options: HydrateOptions = {},
): Promise<{ hydration: Hydration; found: Map<string, Buffer> }> {
  const before = await directories.claim(COLLECTION);
  await hydrate(ports, before, first);
  await before.release();
  await damage(dirname(before.path));
  const directory = await directories.claim(COLLECTION);
  try {
    expect(directory.path).toBe(before.path);
    const hydration = await hydrate(ports, directory, current, options);
    return { hydration, found: await contentOf(directory) };
  } finally {
    await directory.release();
  }
}

const MARKER = 'clean.json';
const DIGESTS = 'digests.bin';

describe.each(DAMAGES)('a working directory in which %s struck', (how) => {
  async function strike(file: string, other: Uint8Array, random: Random): Promise<void> {
    await writeFile(file, damaged(how, await readFile(file), other, random));
  }

  test('the digests is built anew, or refreshed from digests that are whole', async () => {
    const foreign = await besides(OTHER, await findVersion(ports, OTHER), DIGESTS);
    for (let seed = 0; seed < CASES; seed++) {
      const random = new Random(seed);
      const { hydration, found } = await afterDamage((slot) => strike(join(slot, DIGESTS), foreign, random));
      expect(hydration.from, `seed ${seed}`).toBe(how === 'exchange' ? 'repair' : 'cold');
      expect(found, `seed ${seed}`).toEqual(content);
    }
  });

  test('the marker is repaired', async () => {
    const other = await besides('films', older, MARKER);
    for (let seed = 0; seed < CASES; seed++) {
      const random = new Random(seed);
      const { hydration, found } = await afterDamage((slot) => strike(join(slot, MARKER), other, random));
      // The key in it is for people; the SHA-256 is what counts.
      expect(['repair', 'warm'], `seed ${seed}`).toContain(hydration.from);
      expect(found, `seed ${seed}`).toEqual(content);
    }
  });

  test.each(['current', 'older'] as const)(
    'a file of the %s version, without a marker, is repaired block by block',
    async (version) => {
      for (let seed = 0; seed < CASES; seed++) {
        const random = new Random(seed);
        const { hydration, found } = await afterDamage(
          async (slot) => {
            await rm(join(slot, MARKER));
            const [name = ''] = await readdir(join(slot, 'data'));
            await strike(join(slot, 'data', name), Buffer.alloc(10_000, seed + 1), random);
            await writeFile(join(slot, 'data', 'model.db-journal'), 'a write is in progress');
            await mkdir(join(slot, 'data', 'strange'));
            await writeFile(join(slot, 'data', 'strange', 'file'), 'who are you?');
          },
          version === 'current' ? current : older,
        );
        expect(hydration.from, `seed ${seed}`).toBe('repair');
        expect(found, `seed ${seed}`).toEqual(content);
      }
    },
  );
});

describe.each(DAMAGES)('a clean working directory in which %s struck a file', (how) => {
  test.each(['current', 'older'] as const)(
    'of the %s version is repaired before a reader that starts uses it',
    async (version) => {
      for (let seed = 0; seed < CASES; seed++) {
        const random = new Random(seed);
        const strike = async (slot: string) => {
          const [name = ''] = await readdir(join(slot, 'data'));
          const file = join(slot, 'data', name);
          await writeFile(file, damaged(how, await readFile(file), Buffer.alloc(10_000, seed + 1), random));
        };
        const { hydration, found } = await afterDamage(strike, version === 'current' ? current : older, {
          rescan: true,
        });
        expect(hydration.from, `seed ${seed}`).toBe('repair');
        expect(found, `seed ${seed}`).toEqual(content);
      }
    },
  );

  test.each([
    { when: 'before the engine starts', writtenAtStart: [DATABASE] },
    { when: 'beside the engine', writtenAtStart: [] },
  ])('is not published with what is merged, when it is found $when', async ({ writtenAtStart }) => {
    for (let seed = 0; seed < CASES; seed++) {
      const world = await storedWorld(undefined, { writtenAtStart });
      const expected = (await read(world)).get('a-5');
      const [slot] = world.directories.slots.filter(({ collection }) => collection === COLLECTION);
      for (const [path, bytes] of slot?.files ?? []) {
        slot?.files.set(path, Buffer.from(damaged(how, bytes, Buffer.alloc(10_000, seed + 1), new Random(seed))));
      }
      expect(slot?.marker).toBeDefined();
      await commit(world, 'after', upserts('d', 1));
      const records = await read(world);
      expect(records.get('a-5'), `seed ${seed}`).toEqual(expected);
      expect(records.size, `seed ${seed}`).toBe(80);
      expect(world.telemetry.warnings, `seed ${seed}`).toContain(FOUND);
    }
  });

  test('of an older version is not published with what is merged', async () => {
    for (let seed = 0; seed < CASES; seed++) {
      const world = await storedWorld();
      const [slot] = world.directories.slots.filter(({ collection }) => collection === COLLECTION);
      const left = { files: new Map(slot?.files), marker: slot?.marker, digests: slot?.digests };
      await commit(world, 'fourth', upserts('c', 3));
      const expected = await read(world);
      // The container that comes next has not seen the fourth version.
      for (const [path, bytes] of left.files) {
        left.files.set(path, Buffer.from(damaged(how, bytes, Buffer.alloc(10_000, seed + 1), new Random(seed))));
      }
      Object.assign(slot ?? {}, left);
      await commit(world, 'after', upserts('d', 1));
      const records = await read(world);
      expect(records.delete('d-0'), `seed ${seed}`).toBe(true);
      expect(records, `seed ${seed}`).toEqual(expected);
    }
  });

  test('is not published by a merge that applies nothing', async () => {
    const world = await storedWorld();
    const before = await read(world);
    const [slot] = world.directories.slots.filter(({ collection }) => collection === COLLECTION);
    const bytes = slot?.files.get(DATABASE) ?? Buffer.alloc(0);
    slot?.files.set(DATABASE, Buffer.from(damaged(how, bytes, Buffer.alloc(10_000, 1), new Random(1))));
    await submit(world, 'useless', Buffer.from('this is no operation\n'));
    await run(world, { collection: COLLECTION });
    expect(await read(world)).toEqual(before);
    expect(world.telemetry.warnings).toContain(FOUND);
    expect(slot?.files.get(DATABASE)).toEqual(bytes);
  });
});

describe('a clean working directory in which a letter changed', () => {
  test('is found before anything is written, however long the search takes', async () => {
    const world = await storedWorld();
    const expected = await read(world);
    const [slot] = world.directories.slots.filter(({ collection }) => collection === COLLECTION);
    const bytes = slot?.files.get(DATABASE) ?? Buffer.alloc(0);
    // A letter of a document: the engine has no reason to complain.
    const at = bytes.indexOf('number 5 of');
    slot?.files.set(DATABASE, Buffer.from(bytes).fill('N', at, at + 1));
    const events: string[] = [];
    const asked = Promise.withResolvers<void>();
    const { directories } = world;
    world.directories = Object.assign(Object.create(directories) as MemoryDirectories, {
      claim: async (collection: string) => {
        const directory = await directories.claim(collection);
        const digest = directory.digest.bind(directory);
        directory.digest = async (path) => {
          await asked.promise;
          events.push('compared');
          return digest(path);
        };
        return directory;
      },
    });
    await submit(world, 'after', upserts('d', 1));
    const note = ({ on }: Call) => void events.push(on);
    const answered = async () => {
      // Whatever does not wait for the search happens now.
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
      asked.resolve();
    };
    const faults: Fault[] = [
      { on: 'session.existing', before: note, after: () => void answered() },
      { on: 'session.upsert', before: note },
    ];
    expect((await run(world, { collection: COLLECTION }, { faults })).status).toBe('SUCCEEDED');
    expect(events.slice(0, 2)).toEqual(['session.existing', 'compared']);
    expect(world.telemetry.warnings).toContain(FOUND);
    world.directories = directories;
    const records = await read(world);
    expect(records.delete('d-0')).toBe(true);
    expect(records).toEqual(expected);
  });
});

const FOUND = 'A clean working directory is damaged; it is repaired.';

/** The marker or the digests of a slot of its own that holds a version. */
async function besides(collection: string, loaded: LoadedManifest, name: string): Promise<Uint8Array> {
  const directory = await directories.claim(collection);
  await directory.clear();
  await hydrate(ports, directory, loaded);
  const bytes = await readFile(join(dirname(directory.path), name));
  await directory.release();
  return bytes;
}
