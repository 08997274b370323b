/** A real file system of 1 MiB. Mounting one needs root. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileWorkingDirectories } from '../../lambdas/adapters/files/working-directories.ts';
import { DiskFullError } from '../../lambdas/protocol/errors.ts';

const TOO_MUCH = 2 * 1024 * 1024;

function mounts(path: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path], { stdio: 'ignore' });
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
    isMounted = mounts(root);
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
