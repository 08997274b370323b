/** Real file systems of a few MiB. Mounting one needs root. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileWorkingDirectories } from '../../lambdas/adapters/files/working-directories.ts';
import { DiskFullError } from '../../lambdas/protocol/errors.ts';

const TOO_MUCH = 2 * 1024 * 1024;

function mounts(path: string, size: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('a working directory on a full disk', () => {
  let root: string;
  let isMounted: boolean;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'full-disk-'));
    isMounted = mounts(root, '1m');
  });
  afterEach(async () => {
    if (isMounted) execFileSync('umount', [root]);
    await rm(root, { recursive: true });
  });

  it('says what is full and what to do, and leaves no marker', async (context) => {
    if (!isMounted) context.skip();
    const directory = await new FileWorkingDirectories({ root }).claim('books');

    const written = directory.writeAt('data.bin', 0, Buffer.alloc(TOO_MUCH, 7));

    await expect(written).rejects.toThrow(/"\S+books\S+" is full \(ENOSPC\).*compactor:mergeTmpMiB/);
    await expect(directory.writeAt('more.bin', 0, Buffer.alloc(TOO_MUCH, 7))).rejects.toBeInstanceOf(DiskFullError);
    expect(await directory.readMarker()).toBeUndefined();
    await directory.release();
  });
});

const MIB = 1024 * 1024;

describe('working directories on a disk of 8 MiB', () => {
  let root: string;
  let isMounted: boolean;
  let directories: FileWorkingDirectories;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'small-disk-'));
    isMounted = mounts(root, '8m');
    directories = new FileWorkingDirectories({ root });
    if (!isMounted) return;
    // Three warm ones of 2 MiB; bert's was used first, carl's last.
    for (const [collection, usedAt] of [
      ['anna', 2_000],
      ['bert', 1_000],
      ['carl', 3_000],
    ] as const) {
      const directory = await directories.claim(collection, 2 * MIB);
      await directory.writeAt('data.bin', 0, Buffer.alloc(2 * MIB, 7));
      await directory.markClean({ manifestKey: `${collection}.json`, manifestSha256: '0'.repeat(64) });
      await directory.release();
      await utimes(dirname(directory.path), usedAt, usedAt);
    }
  });
  afterEach(async () => {
    if (isMounted) execFileSync('umount', [root]);
    await rm(root, { recursive: true });
  });

  /** Which of the three are still warm. */
  async function warm(): Promise<string[]> {
    const found: string[] = [];
    for (const collection of ['anna', 'bert', 'carl']) {
      const directory = await directories.claim(collection);
      if ((await directory.readMarker()) !== undefined) found.push(collection);
      await directory.release();
    }
    return found;
  }

  it('go, the least recently used first, until what is needed fits', async (context) => {
    if (!isMounted) context.skip();

    const directory = await directories.claim('dora', 3 * MIB);

    await directory.writeAt('data.bin', 0, Buffer.alloc(3 * MIB, 7));
    await directory.release();
    expect(await warm()).toEqual(['anna', 'carl']);
  });

  it('stay when the directory has already what is needed', async (context) => {
    if (!isMounted) context.skip();

    await (await directories.claim('anna', 3 * MIB)).release();

    expect(await warm()).toEqual(['anna', 'bert', 'carl']);
  });

  it('stay while somebody uses them, and then the disk says that it is full', async (context) => {
    if (!isMounted) context.skip();
    const [anna, bert] = [await directories.claim('anna'), await directories.claim('bert')];

    const directory = await directories.claim('dora', 5 * MIB);

    await expect(directory.writeAt('data.bin', 0, Buffer.alloc(5 * MIB, 7))).rejects.toBeInstanceOf(DiskFullError);
    for (const each of [anna, bert, directory]) await each.release();
    expect(await warm()).toEqual(['anna', 'bert']);
  });

  it('make room for a copy, too', async (context) => {
    if (!isMounted) context.skip();
    const source = await directories.claim('anna');
    await source.writeAt('more.bin', 0, Buffer.alloc(MIB / 2, 7));
    await source.markClean({ manifestKey: 'anna.json', manifestSha256: '1'.repeat(64) });

    const copy = await directories.replicate('anna', source);

    expect((await copy.list()).map(({ size }) => size)).toEqual([2 * MIB, MIB / 2]);
    for (const each of [copy, source]) await each.release();
    expect(await warm()).toEqual(['anna', 'carl']);
  });

  it('say so when a copy does not fit', async (context) => {
    if (!isMounted) context.skip();
    const source = await directories.claim('anna', 5 * MIB);
    await source.writeAt('more.bin', 0, Buffer.alloc(3 * MIB, 7));
    await source.markClean({ manifestKey: 'anna.json', manifestSha256: '1'.repeat(64) });

    await expect(directories.replicate('anna', source)).rejects.toThrow(/is full \(ENOSPC\)/);

    await source.release();
    expect(await warm()).toEqual(['anna']);
  });
});
