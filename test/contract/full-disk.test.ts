/** Working directories on real file systems of a few MiB. */
import { execFileSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileWorkingDirectories } from '../../lambdas/adapters/files/working-directories.ts';
import { DiskFullError } from '../../lambdas/errors/errors.ts';
import { keepThreeWarm, MIB, type SmallDisk, smallDisk, stillWarm } from '../support/small-disk.ts';

const TOO_MUCH = 2 * MIB;
const MARKER = { manifestKey: 'books.json', manifestSha256: '0'.repeat(64) };
let disk: SmallDisk;
afterEach(() => disk.remove());

describe('a working directory on a full disk', () => {
  beforeEach(async () => {
    disk = await smallDisk('1m');
  });

  it('says what is full and what to do, and leaves no marker', async (context) => {
    if (!disk.isMounted) context.skip();
    const directory = await new FileWorkingDirectories(disk).claim('books');

    const written = directory.writeAt('data.bin', 0, Buffer.alloc(TOO_MUCH, 7));

    await expect(written).rejects.toThrow(/"\S+books\S+" is full \(ENOSPC\).*compactor:mergeTmpMiB/);
    await expect(directory.writeAt('more.bin', 0, Buffer.alloc(TOO_MUCH, 7))).rejects.toBeInstanceOf(DiskFullError);
    expect(await directory.readMarker()).toBeUndefined();
    await directory.release();
  });

  it('is not marked clean there: nothing is left of the marker', async (context) => {
    if (!disk.isMounted) context.skip();
    const directory = await new FileWorkingDirectories(disk).claim('books');
    await expect(directory.writeAt('data.bin', 0, Buffer.alloc(TOO_MUCH, 7))).rejects.toBeInstanceOf(DiskFullError);

    await expect(directory.markClean(MARKER)).rejects.toThrow(/"\S+books\S+" is full \(ENOSPC\)/);

    expect(await directory.readMarker()).toBeUndefined();
    expect(await readdir(dirname(directory.path))).toEqual(['data']);
    await directory.release();
  });
});

describe('a working directory on a disk without room for another name', () => {
  // Of the root, the collection, the lock, the slot, and its data.
  const INODES = 5;
  const directories = () => new FileWorkingDirectories(disk);

  it.for([1, 2, 3, 4])('refuses a claim: %d of 5 names are there', async (inodes, context) => {
    disk = await smallDisk(`1m,nr_inodes=${inodes}`);
    if (!disk.isMounted) context.skip();

    await expect(directories().claim('books')).rejects.toThrow(/"\S+" is full \(ENOSPC\)/);

    // What was begun is nobody's.
    execFileSync('mount', ['-o', `remount,nr_inodes=${INODES}`, disk.root]);
    const directory = await directories().claim('books');
    expect([basename(dirname(directory.path)), await directory.list()]).toEqual(['0', []]);
    await directory.release();
  });

  it('is not marked clean there', async (context) => {
    disk = await smallDisk(`1m,nr_inodes=${INODES}`);
    if (!disk.isMounted) context.skip();
    const directory = await directories().claim('books');

    await expect(directory.markClean(MARKER)).rejects.toBeInstanceOf(DiskFullError);

    expect(await directory.readMarker()).toBeUndefined();
    await directory.release();
  });
});

describe('working directories on a disk of 8 MiB', () => {
  let directories: FileWorkingDirectories;
  const warm = () => stillWarm(directories);
  beforeEach(async () => {
    disk = await smallDisk('8m');
    directories = new FileWorkingDirectories(disk);
    if (disk.isMounted) await keepThreeWarm(directories, 2 * MIB);
  });

  it('go, the least recently used first, until what is needed fits', async (context) => {
    if (!disk.isMounted) context.skip();

    const directory = await directories.claim('dora', 3 * MIB);

    await directory.writeAt('data.bin', 0, Buffer.alloc(3 * MIB, 7));
    await directory.release();
    expect(await warm()).toEqual(['anna', 'carl']);
  });

  it('go even when not a byte is free', async (context) => {
    if (!disk.isMounted) context.skip();
    const greedy = await directories.claim('dora');
    await expect(greedy.writeAt('data.bin', 0, Buffer.alloc(3 * MIB, 7))).rejects.toBeInstanceOf(DiskFullError);

    const directory = await directories.claim('emma', MIB);

    await directory.writeAt('data.bin', 0, Buffer.alloc(MIB, 7));
    for (const each of [greedy, directory]) await each.release();
    expect(await warm()).toEqual(['anna', 'carl']);
  });

  it('stay when the directory has already what is needed', async (context) => {
    if (!disk.isMounted) context.skip();

    await (await directories.claim('anna', 3 * MIB)).release();

    expect(await warm()).toEqual(['anna', 'bert', 'carl']);
  });

  it('stay while somebody uses them, and then the disk says that it is full', async (context) => {
    if (!disk.isMounted) context.skip();
    const [anna, bert] = [await directories.claim('anna'), await directories.claim('bert')];

    const directory = await directories.claim('dora', 5 * MIB);

    await expect(directory.writeAt('data.bin', 0, Buffer.alloc(5 * MIB, 7))).rejects.toBeInstanceOf(DiskFullError);
    for (const each of [anna, bert, directory]) await each.release();
    expect(await warm()).toEqual(['anna', 'bert']);
  });

  it('make room for a copy, too', async (context) => {
    if (!disk.isMounted) context.skip();
    const source = await directories.claim('anna');
    await source.writeAt('more.bin', 0, Buffer.alloc(MIB / 2, 7));
    await source.markClean({ manifestKey: 'anna.json', manifestSha256: '1'.repeat(64) });

    const copy = await directories.replicate('anna', source);

    expect((await copy.list()).map(({ size }) => size)).toEqual([2 * MIB, MIB / 2]);
    for (const each of [copy, source]) await each.release();
    expect(await warm()).toEqual(['anna', 'carl']);
  });

  it('say so when a copy does not fit', async (context) => {
    if (!disk.isMounted) context.skip();
    const source = await directories.claim('anna', 5 * MIB);
    await source.writeAt('more.bin', 0, Buffer.alloc(3 * MIB, 7));
    await source.markClean({ manifestKey: 'anna.json', manifestSha256: '1'.repeat(64) });

    await expect(directories.replicate('anna', source)).rejects.toThrow(/is full \(ENOSPC\)/);

    await source.release();
    expect(await warm()).toEqual(['anna']);
  });
});
