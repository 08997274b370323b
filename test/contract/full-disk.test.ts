/** Working directories on real file systems of a few MiB. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileWorkingDirectories } from '../../lambdas/adapters/files/working-directories.ts';
import { DiskFullError } from '../../lambdas/protocol/errors.ts';
import { keepThreeWarm, MIB, type SmallDisk, smallDisk, stillWarm } from '../support/small-disk.ts';

const TOO_MUCH = 2 * MIB;
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
