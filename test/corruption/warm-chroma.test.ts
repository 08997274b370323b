/**
 * Damage in the files of a warm, clean Chroma directory: it is found although the server starts beside the search, and
 * neither published nor left in the directory.
 */
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ChromaEngine } from '../../lambdas/adapters/chroma/engine.ts';
import { FileWorkingDirectories } from '../../lambdas/adapters/files/working-directories.ts';
import type { EngineSession } from '../../lambdas/ports.ts';
import { hydrate } from '../../lambdas/versions/hydrate.ts';
import { findVersion } from '../../lambdas/versions/walk-versions.ts';
import { COLLECTION, createCollection, DIMENSION, type MemoryPorts } from '../support/memory-ports.ts';
import { commit, realPorts, upserts } from './world.ts';

/** Past Chroma's `sync_threshold`, so that the index is in files. */
const RECORDS = 2_100;
const WARNING = 'A clean working directory is damaged; it is repaired.';

let root: string;
let world: MemoryPorts;
let opened: number;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'warm-chroma-'));
  const engine = new ChromaEngine();
  world = realPorts(root, {
    ...{ writtenAtStart: engine.writtenAtStart, identify: () => engine.identify() },
    inspect: engine.inspect.bind(engine),
    measureWaste: engine.measureWaste.bind(engine),
    vacuum: engine.vacuum.bind(engine),
    isAsNew: engine.isAsNew.bind(engine),
    open: (directory) => {
      opened++;
      return engine.open(directory);
    },
  });
  await createCollection(world);
  await commit(world, 'first', upserts('a', RECORDS));
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function fileOf(name: string): Promise<{ path: string; size: number; digest: string }> {
  const { manifest } = await findVersion(world, COLLECTION);
  const found = manifest.files.find(({ path }) => path === name || path.endsWith(`/${name}`));
  if (found === undefined) throw new Error(`The snapshot has no ${name}.`);
  return found;
}

async function withSession<Result>(use: (session: EngineSession) => Promise<Result>): Promise<Result> {
  const directory = await new FileWorkingDirectories({ root: await mkdtemp(join(root, 'read-')) }).claim(COLLECTION);
  await hydrate(world, directory, await findVersion(world, COLLECTION));
  const session = await world.engine.open(directory);
  try {
    await session.useCollection(COLLECTION, { space: 'l2', dimension: DIMENSION });
    return await use(session);
  } finally {
    await session.close();
    await directory.release();
  }
}

test.each([
  // The end of the database: pages that no lookup of this test reads.
  { name: 'chroma.sqlite3', at: 0.9, servers: 1 },
  { name: 'data_level0.bin', at: 0.5, servers: 2 },
  { name: 'header.bin', at: 0, servers: 2 },
  { name: 'index_metadata.pickle', at: 0.5, servers: 2 },
])('of $name', async ({ name, at, servers }) => {
  const { path, size, digest } = await fileOf(name);
  const file = await open(join(root, 'work', COLLECTION, '0', 'data', path), 'r+');
  await file.write(Buffer.alloc(64, 0xa5), 0, Math.min(64, size), Math.floor(size * at));
  await file.close();
  world.telemetry.warnings.length = 0;
  opened = 0;

  await commit(world, `after-${name.replace('.', '-')}`, upserts('b', 1));

  expect(world.telemetry.warnings).toContain(WARNING);
  expect(opened).toBe(servers);
  // One more record rewrites no file of the index: what is published is the base's.
  if (name !== 'chroma.sqlite3') expect((await fileOf(name)).digest).toBe(digest);
  await withSession(async (session) => {
    expect(await session.count()).toBe(RECORDS + 1);
    const [nearest] = await session.query([7, 0, -1.5, 0.25], 1);
    expect(nearest?.id).toBe('a-7');
    const expected = upserts('a', RECORDS).map(({ op: _op, ...record }) => record);
    expect(await session.get(expected.map(({ id }) => id))).toEqual(expected);
  });

  // The directory was repaired: the next merge finds nothing.
  world.telemetry.warnings.length = 0;
  opened = 0;
  await commit(world, `then-${name.replace('.', '-')}`, upserts('b', 1));
  expect(world.telemetry.warnings).not.toContain(WARNING);
  expect(opened).toBe(1);
});
