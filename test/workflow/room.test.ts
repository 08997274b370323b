/** Room on the disk for what a step is about to write: directories that nobody uses go, and no more than are in the way. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileWorkingDirectories } from '../../lambdas/adapters/files/working-directories.ts';
import { DiskFullError } from '../../lambdas/errors/errors.ts';
import { SnapshotReader } from '../../lambdas/reader/snapshot-reader.ts';
import { rollback } from '../../lambdas/upkeep/rollback.ts';
import { verifyDeep } from '../../lambdas/upkeep/verify-deep.ts';
import { verifyVersion } from '../../lambdas/upkeep/verify-version.ts';
import { findVersion } from '../../lambdas/versions/walk-versions.ts';
import { COLLECTION, createCollection, type MemoryPorts, memoryPorts, submit } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { keepThreeWarm, MIB, type SmallDisk, smallDisk, stillWarm } from '../support/small-disk.ts';
import { INPUT } from './support.ts';

let disk: SmallDisk;
let directories: FileWorkingDirectories;
/** Compactions work in memory; verifying and reading happens on the disk. */
let ports: MemoryPorts;
let onDisk: Omit<MemoryPorts, 'directories'> & { directories: FileWorkingDirectories };

/** An eighth of the disk; two are free. */
const EIGHTH = MIB / 4;

beforeEach(async () => {
  disk = await smallDisk('2m');
  directories = new FileWorkingDirectories(disk);
  ports = memoryPorts();
  onDisk = { ...ports, directories };
  await createCollection(ports);
  if (disk.isMounted) await keepThreeWarm(directories, 2 * EIGHTH);
});
afterEach(() => disk.remove());

/** One more version, larger by so many bytes. */
async function grow(id: string, bytes: number): Promise<void> {
  await submit(ports, id, [{ op: 'upsert', id, embedding: [1, 1, 1, 1], document: 'x'.repeat(bytes) }]);
  expect((await run(ports, INPUT)).path.at(-1)).toBe('Compacted');
}

it('is made for a version that is verified', async (context) => {
  if (!disk.isMounted) context.skip();
  await grow('a', 2.5 * EIGHTH);

  const { records } = await verifyVersion(onDisk, await findVersion(ports, COLLECTION));

  expect(records).toBe(1);
  expect(await stillWarm(directories)).toEqual(['anna', 'carl']);
});

describe('is made for the largest version', () => {
  beforeEach(async () => {
    await grow('a', 0.5 * EIGHTH);
    await grow('b', 2 * EIGHTH);
    await rollback(ports, { collection: COLLECTION, version: 1, actor: 'test' });
  });

  it('when all are verified, though a later one is smaller', async (context) => {
    if (!disk.isMounted) context.skip();

    const { versions } = await verifyDeep(onDisk, COLLECTION);

    expect(versions.map(({ records }) => records)).toEqual([1, 2, 1, 0]);
    expect(await stillWarm(directories)).toEqual(['anna', 'carl']);
  });

  it('but not for one that is not looked at', async (context) => {
    if (!disk.isMounted) context.skip();

    const { versions } = await verifyDeep(onDisk, COLLECTION, 1);

    expect(versions).toMatchObject([{ version: 1, records: 1 }]);
    expect(await stillWarm(directories)).toEqual(['anna', 'bert', 'carl']);
  });
});

describe('is made for a reader', () => {
  it('when it opens a version: once for it, once for the copy that is served', async (context) => {
    if (!disk.isMounted) context.skip();
    await grow('a', 2.5 * EIGHTH);

    const reader = await SnapshotReader.open(onDisk, COLLECTION);

    expect(await reader.use(async ({ get }) => (await get(['a'])).length)).toBe(1);
    await reader.close();
    expect(await stillWarm(directories)).toEqual(['carl']);
  });

  it('when it goes on to one that the disk has no room for as it is', async (context) => {
    if (!disk.isMounted) context.skip();
    await grow('a', 0.5 * EIGHTH);
    const reader = await SnapshotReader.open(onDisk, COLLECTION);
    expect(await stillWarm(directories)).toEqual(['anna', 'bert', 'carl']);
    await grow('b', 1.5 * EIGHTH);

    expect(await reader.refresh()).toMatchObject({ version: 2, changed: true });

    expect(await reader.use(async ({ get }) => (await get(['a', 'b'])).length)).toBe(2);
    await reader.close();
    expect(await stillWarm(directories)).toEqual(['carl']);
  });

  it('or cannot be made while others use theirs: it answers from the version that it has, and goes on later', async (context) => {
    if (!disk.isMounted) context.skip();
    await grow('a', 0.5 * EIGHTH);
    const reader = await SnapshotReader.open(onDisk, COLLECTION);
    const others = await Promise.all(['anna', 'bert', 'carl'].map((name) => directories.claim(name)));
    await grow('b', 1.5 * EIGHTH);

    for (let n = 0; n < 2; n++) await expect(reader.refresh()).rejects.toBeInstanceOf(DiskFullError);
    const meanwhile = await reader.use(async ({ version, get }) => [version, (await get(['a'])).length]);
    await Promise.all(others.map((other) => other.release()));
    const refreshed = await reader.refresh();

    expect(meanwhile).toEqual([1, 1]);
    expect(refreshed).toMatchObject({ version: 2, changed: true });
    await reader.close();
  });
});
