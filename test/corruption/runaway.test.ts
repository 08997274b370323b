/**
 * An engine on an index with one damaged size, which is written back whole at the next persist: it ends at a limit, under a
 * name, and nothing is published.
 */
import { mkdtemp, open, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ChromaEngine } from '../../lambdas/adapters/chroma/engine.ts';
import { readMigrations } from '../../lambdas/adapters/chroma/inspect.ts';
import type { Engine, WorkingDirectory } from '../../lambdas/ports.ts';
import { verifyDeep } from '../../lambdas/upkeep/verify-deep.ts';
import { findVersion } from '../../lambdas/versions/walk-versions.ts';
import { COLLECTION, createCollection, type MemoryPorts, submit } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { commit, realPorts, upserts } from './world.ts';

/** Past Chroma's `sync_threshold`, so that the index is in files. */
const RECORDS = 1_100;
/** So many bytes of links, the last element is said to have: a multiple of the 68 of one level. */
const SAID = 68 * 12_000_000;

let root: string;
let world: MemoryPorts;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'runaway-'));
  world = realPorts(root, damaging(new ChromaEngine({ graceMs: 100 })));
  await createCollection(world);
  await commit(world, 'first', upserts('a', RECORDS));
  world.engine = new ChromaEngine({ graceMs: 100 }) as unknown as MemoryPorts['engine'];
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** As it was before anybody looked at the index: what it left is damaged, and nobody says so. */
function damaging(engine: ChromaEngine): Engine {
  return {
    writtenAtStart: engine.writtenAtStart,
    identify: () => engine.identify(),
    open: async (directory, options) => {
      const session = await engine.open(directory, options);
      const close = session.close.bind(session);
      session.close = async () => {
        await close();
        await damageLastSize(directory);
      };
      return session;
    },
    inspect: async ({ path }) => ({ migrations: await readMigrations(path), records: RECORDS }),
    measureWaste: (directory, collection) => engine.measureWaste(directory, collection),
    vacuum: (directory, collection, shape) => engine.vacuum(directory, collection, shape),
    isAsNew: (directory, collection, shape) => engine.isAsNew(directory, collection, shape),
  };
}

async function damageLastSize({ path }: WorkingDirectory): Promise<void> {
  const name = (await readdir(path, { recursive: true })).find((file) => file.endsWith('link_lists.bin')) ?? '';
  const file = await open(join(path, name), 'r+');
  const bytes = await file.readFile();
  let last = 0;
  for (let at = 0; at < bytes.length; at += 4 + bytes.readUInt32LE(at)) last = at;
  bytes.writeUInt32LE(SAID, last);
  await file.write(bytes, last, 4, last);
  await file.close();
}

test('a merge onto it ends as a named error, and the delta waits', async () => {
  const before = await findVersion(world, COLLECTION);
  // Written back, but not linked anew: that would find a level too many, and end in another way.
  const last = { op: 'delete' as const, id: `a-${RECORDS - 1}` };
  await submit(world, 'second', [last, ...upserts('b', RECORDS, 5)]);

  const { status, error, cause } = await run(world, { collection: COLLECTION });

  expect({ status, error }).toEqual({ status: 'FAILED', error: 'EngineRunawayError' });
  expect(cause).toMatch(/link_lists\.bin.* up to the limit of \d+ bytes/);
  expect((await findVersion(world, COLLECTION)).manifest).toEqual(before.manifest);
  expect((await world.statuses.getStatuses(COLLECTION, ['second'])).size).toBe(0);
  // What it wrote is gone: the disk is others', too.
  expect(await largestIn(root)).toBeLessThan(2 ** 24);
});

test('verify --deep says that it is damaged', async () => {
  await expect(verifyDeep(world, COLLECTION)).rejects.toThrow(
    `the vector index of "${COLLECTION}" is damaged: link_lists.bin says element ${RECORDS - 1} has ${SAID} bytes`,
  );
});

async function largestIn(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true });
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  return Math.max(...sizes);
}
