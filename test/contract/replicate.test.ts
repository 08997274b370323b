/** Copies of clean directories: equal in content, never clean themselves, apart from their source, and gone when released. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { FileWorkingDirectories } from '../../lambdas/adapters/files/working-directories.ts';
import { MemoryDirectories } from '../support/memory-directories.ts';

const root = await mkdtemp(join(tmpdir(), 'compactor-replicate-'));
afterAll(() => rm(root, { recursive: true, force: true }));
const MARKER = { manifestKey: 'manifests/books/1.json', manifestSha256: 'a'.repeat(64) };

describe.each([
  ['files', () => new FileWorkingDirectories({ root: join(root, 'files') })],
  ['memory', () => new MemoryDirectories()],
])('in %s', (_name, make) => {
  test('a copy has the content of its source, and what is written to it stays in it', async () => {
    const directories = make();
    const source = await directories.claim('books');
    await source.writeAt('a/b.bin', 0, Buffer.from('one'));
    await expect(directories.replicate('books', source)).rejects.toMatchObject({ name: 'DirtyDirectoryError' });
    await source.markClean(MARKER);

    const copy = await directories.replicate('books', source);
    const inCopy = Buffer.from(await copy.readAt('a/b.bin', 0, 3)).toString();
    await copy.writeAt('a/b.bin', 0, Buffer.from('two'));

    expect([inCopy, await copy.readMarker(), await copy.readDigests()]).toEqual(['one', undefined, undefined]);
    expect(copy.path).not.toBe(source.path);
    expect(Buffer.from(await source.readAt('a/b.bin', 0, 3)).toString()).toBe('one');
    expect(await source.readMarker()).toEqual(MARKER);
    await copy.release();
    await source.release();
    expect(await (await directories.claim('books')).readMarker()).toEqual(MARKER);
  });
});

test('a released copy leaves nothing on the disk but its lock', async () => {
  expect((await readdir(join(root, 'files', 'books'))).filter((name) => /^\d+$/.test(name))).toEqual(['0']);
});
