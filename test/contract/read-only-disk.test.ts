/** Directories on a disk that cannot be written: named errors, on a real file system. Mounting one needs root. */
import { execFileSync } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeWritableFolder } from '../../lambdas/adapters/files/disk-errors.ts';
import { FileWorkingDirectories } from '../../lambdas/adapters/files/working-directories.ts';
import { ConfigurationError } from '../../lambdas/errors/errors.ts';
import { runCommand } from '../e2e/command-line.ts';
import { type SmallDisk, smallDisk } from '../support/small-disk.ts';

let disk: SmallDisk;
beforeEach(async () => {
  disk = await smallDisk('8m');
  await mkdir(join(disk.root, 'work/pets'), { recursive: true });
  if (disk.isMounted) execFileSync('mount', ['-o', 'remount,ro', disk.root]);
});
afterEach(() => disk.remove());

test.for(['work', 'none/yet'])('a work directory on it is a ConfigurationError: %s', async (name, context) => {
  if (!disk.isMounted) context.skip();
  const directories = new FileWorkingDirectories({ root: join(disk.root, name) });

  const claimed = directories.claim('pets');

  await expect(claimed).rejects.toBeInstanceOf(ConfigurationError);
  await expect(claimed).rejects.toThrow(/cannot be written \(EROFS.*WORK_DIRECTORY/);
});

test('a folder on it is said to be on a read-only disk, also where several are missing', async (context) => {
  if (!disk.isMounted) context.skip();

  await expect(makeWritableFolder(join(disk.root, 'a/b/c'))).rejects.toMatchObject({ code: 'EROFS' });
  await expect(makeWritableFolder(join(disk.root, 'work'))).rejects.toMatchObject({ code: 'EROFS' });
});

test('a data directory on it ends a command as bad input', async (context) => {
  if (!disk.isMounted) context.skip();

  const listed = await runCommand(join(disk.root, 'data'), ['versions', 'pets']);

  expect(listed.code).toBe(2);
  expect(JSON.parse(listed.stderr)).toMatchObject({ error: 'ConfigurationError' });
});

test('a checkout to it says so before it reads anything', async (context) => {
  if (!disk.isMounted) context.skip();

  const refused = await runCommand(join(tmpdir(), `read-only-${process.pid}`), [
    'checkout',
    'pets',
    join(disk.root, 'out'),
  ]);

  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('cannot be written (EROFS');
  await rm(join(tmpdir(), `read-only-${process.pid}`), { recursive: true });
});
