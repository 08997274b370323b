/** What every working directory does, on files and in memory. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DirtyDirectoryError, InvalidInputError } from '../../lambdas/errors/errors.ts';
import { MAX_PIECE, type PlacedBytes, type WorkingDirectory } from '../../lambdas/ports.ts';
import { BLOCK_SIZE, blockDigests } from '../../lambdas/snapshot/blocks.ts';
import { digests, fileHarness, type Harness, marker, memoryHarness } from './working-directory-harness.ts';

describe.each([
  { name: 'files', harness: fileHarness as () => Promise<Harness> },
  { name: 'memory', harness: memoryHarness },
])('working directories in $name', ({ harness }) => {
  let h: Harness;
  beforeEach(async () => {
    h = await harness();
  });
  afterEach(() => h.dispose());

  async function reclaim(directory: WorkingDirectory): Promise<WorkingDirectory> {
    await directory.release();
    return h.directories.claim('books');
  }

  describe('ownership', () => {
    it('gives two owners two directories', async () => {
      const first = await h.directories.claim('books');
      const second = await h.directories.claim('books');
      await first.writeAt('mine', 0, Buffer.from('first'));
      expect(second.path).not.toBe(first.path);
      expect(await second.list()).toEqual([]);
    });

    it('gives racing owners different directories', async () => {
      const claims = await Promise.all(Array.from({ length: 8 }, () => h.directories.claim('books')));
      expect(new Set(claims.map((directory) => directory.path)).size).toBe(8);
    });

    it('never gives one collection the directory of another', async () => {
      const books = await h.directories.claim('books');
      await books.writeAt('mine', 0, Buffer.from('books'));
      await books.release();
      expect(await (await h.directories.claim('films')).list()).toEqual([]);
    });

    it('prefers a clean directory, then one with digests', async () => {
      const [plain, withDigests, clean] = [
        await h.directories.claim('books'),
        await h.directories.claim('books'),
        await h.directories.claim('books'),
      ];
      await withDigests.writeDigests(digests);
      await clean.markClean(marker);
      for (const directory of [plain, withDigests, clean]) await directory.release();

      const order = [await h.directories.claim('books'), await h.directories.claim('books')];

      expect(order.map((directory) => directory.path)).toEqual([clean.path, withDigests.path]);
    });

    it('empties a directory that has neither marker nor digests', async () => {
      const before = await h.directories.claim('books');
      await before.writeAt('stranger', 0, Buffer.from('?'));
      expect(await (await reclaim(before)).list()).toEqual([]);
    });

    it('refuses use after release, and a second release is nothing', async () => {
      const before = await h.directories.claim('books');
      const after = await reclaim(before);
      await before.release();
      await expect(before.writeAt('late', 0, Buffer.from('late'))).rejects.toThrow(InvalidInputError);
      await expect(before.markClean(marker)).rejects.toThrow(InvalidInputError);
      await expect(before.markDirty()).rejects.toThrow(InvalidInputError);
      await expect(before.list()).rejects.toThrow(InvalidInputError);
      expect((await h.directories.claim('books')).path).not.toBe(after.path);
    });

    it('refuses a collection name that is no path segment', async () => {
      await expect(h.directories.claim('../books')).rejects.toThrow(InvalidInputError);
    });
  });

  describe('marker and digests', () => {
    it('keeps files, marker and digests from one owner to the next', async () => {
      const before = await h.directories.claim('books');
      await before.writeAt('chroma.sqlite3', 0, Buffer.from('data'));
      await before.writeDigests(digests);
      await before.markClean(marker);

      const after = await reclaim(before);

      expect(await after.readMarker()).toEqual(marker);
      expect(await after.readDigests()).toEqual(digests);
      expect(await after.list()).toEqual([{ path: 'chroma.sqlite3', size: 4 }]);
    });

    it('has neither at first', async () => {
      const directory = await h.directories.claim('books');
      expect(await directory.readMarker()).toBeUndefined();
      expect(await directory.readDigests()).toBeUndefined();
    });

    it('loses the marker, and nothing else, when marked dirty, once or twice', async () => {
      const before = await h.directories.claim('books');
      await before.writeAt('chroma.sqlite3', 0, Buffer.from('data'));
      await before.writeDigests(digests);
      await before.markClean(marker);
      await before.markDirty();
      await before.markDirty();

      const after = await reclaim(before);

      expect(await after.readMarker()).toBeUndefined();
      expect(await after.readDigests()).toEqual(digests);
      expect(await after.list()).toHaveLength(1);
    });

    it('replaces the marker', async () => {
      const directory = await h.directories.claim('books');
      await directory.markClean(marker);
      await directory.markClean({ ...marker, manifestSha256: 'cd'.repeat(32) });
      expect(await directory.readMarker()).toEqual({ ...marker, manifestSha256: 'cd'.repeat(32) });
    });

    it('takes damaged digests for absent', async () => {
      const directory = await h.directories.claim('books');
      await directory.writeDigests(digests);
      await h.damageDigests(directory);
      expect(await directory.readDigests()).toBeUndefined();
    });

    it('clears everything', async () => {
      const directory = await h.directories.claim('books');
      await directory.writeAt('a/b', 0, Buffer.from('data'));
      await directory.writeDigests(digests);
      await directory.markClean(marker);

      await directory.clear();

      expect(await directory.list()).toEqual([]);
      expect(await directory.readMarker()).toBeUndefined();
      expect(await directory.readDigests()).toBeUndefined();
      await directory.writeAt('a/b', 0, Buffer.from('again'));
    });
  });

  describe('files', () => {
    let directory: WorkingDirectory;
    beforeEach(async () => {
      directory = await h.directories.claim('books');
    });

    it.each([0, 1, BLOCK_SIZE, 3 * BLOCK_SIZE + 5, 2 ** 20, 2 ** 21 + BLOCK_SIZE + 1])(
      'reads %i bytes in whole blocks, in buffers of their own',
      async (size) => {
        const content = Buffer.from(Array.from({ length: size }, (_, n) => (n * 7 + (n >> 12)) % 251));
        await directory.resize('file', 0);
        await directory.writeAt('file', 0, content);

        const chunks = await collect(directory.read('file'));

        expect(chunks.slice(0, -1).every((chunk) => chunk.length % BLOCK_SIZE === 0)).toBe(true);
        expect(chunks.every((chunk) => chunk.length > 0)).toBe(true);
        expect(Buffer.concat(chunks).equals(content)).toBe(true);
      },
    );

    it.each([0, 1, BLOCK_SIZE, 3 * BLOCK_SIZE + 5, 2 ** 21, 9 * 2 ** 20 + 1])(
      'digests %i bytes block by block',
      async (size) => {
        const content = Buffer.from(Uint8Array.from({ length: size }, (_, n) => (n * 7 + (n >> 12)) % 251));
        await directory.resize('a/file', 0);
        await directory.writeAt('a/file', 0, content);

        const found = await directory.digest('a/file');

        expect(found.size).toBe(size);
        expect(Buffer.from(found.blocks).equals(blockDigests(content))).toBe(true);
      },
    );

    it('digests many files at once', async () => {
      const files = Array.from({ length: 6 }, (_, n) => ({ path: `f${n}`, content: Buffer.alloc(3 * 2 ** 20 + n, n) }));
      for (const { path, content } of files) await directory.writeAt(path, 0, content);
      const found = await Promise.all(files.map(({ path }) => directory.digest(path)));
      found.forEach(({ blocks }, n) => {
        expect(Buffer.from(blocks).equals(blockDigests(files[n]?.content ?? Buffer.alloc(0)))).toBe(true);
      });
      await expect(directory.digest('absent')).rejects.toThrow(DirtyDirectoryError);
    });

    it('reads ranges in the order given, in pieces of a size that fits a frame', async () => {
      const content = Buffer.from(Uint8Array.from({ length: 2 * MAX_PIECE + 10 }, (_, n) => (n * 5 + (n >> 9)) % 251));
      await directory.writeAt('file', 0, content);
      const runs = [
        { offset: 5, length: MAX_PIECE + 1 },
        { offset: 0, length: 3 },
        { offset: 7, length: 0 },
        { offset: content.length - 1, length: 1 },
      ];

      const pieces: PlacedBytes[] = [];
      for await (const { offset, bytes } of directory.readRuns('file', runs)) {
        pieces.push({ offset, bytes: Buffer.from(bytes) });
      }

      expect(pieces.map(({ offset, bytes }) => [offset, bytes.length])).toEqual([
        [5, MAX_PIECE],
        [5 + MAX_PIECE, 1],
        [0, 3],
        [content.length - 1, 1],
      ]);
      for (const { offset, bytes } of pieces) {
        expect(Buffer.from(bytes).equals(content.subarray(offset, offset + bytes.length))).toBe(true);
      }
      await expect(collect(directory.readRuns('file', [{ offset: 0, length: content.length + 1 }]))).rejects.toThrow(
        DirtyDirectoryError,
      );
    });

    it('writes many pieces as it writes one', async () => {
      await directory.writeEach('a/file', [
        { offset: 4, bytes: Buffer.from('ef') },
        { offset: 0, bytes: Buffer.from('abXd') },
        { offset: 2, bytes: Buffer.from('c') },
      ]);
      expect(Buffer.from(await directory.readAt('a/file', 0, 6)).toString()).toBe('abcdef');
    });

    it('knows what nobody has touched since the marker was taken away, and nothing without a marker', async () => {
      for (const path of ['kept', 'written', 'grown', 'removed']) await directory.writeAt(path, 0, Buffer.from(path));
      expect(await directory.untouched()).toEqual(new Set());
      await h.rest();
      await directory.markClean(marker);
      expect(await directory.untouched()).toEqual(new Set());

      await directory.markDirty();
      expect(await directory.untouched()).toEqual(new Set(['grown', 'kept', 'removed', 'written']));
      await directory.writeAt('written', 0, Buffer.from('written'));
      await directory.resize('grown', 100);
      await directory.remove('removed');
      await directory.writeAt('new', 0, Buffer.from('new'));
      await directory.markDirty();
      expect(await directory.untouched()).toEqual(new Set(['kept']));

      await directory.markClean(marker);
      expect(await directory.untouched()).toEqual(new Set());
    });

    it('grows with zeros and truncates', async () => {
      await directory.writeAt('file', 3, Buffer.from('abc'));
      await directory.resize('file', 8);
      expect(Buffer.concat(await collect(directory.read('file')))).toEqual(Buffer.from('\0\0\0abc\0\0'));
      await directory.resize('file', 4);
      await directory.resize('file', 5);
      expect(Buffer.from(await directory.readAt('file', 0, 5))).toEqual(Buffer.from('\0\0\0a\0'));
    });

    it('overwrites in place', async () => {
      await directory.writeAt('file', 0, Buffer.from('abcdef'));
      await directory.writeAt('file', 2, Buffer.from('XY'));
      expect(Buffer.from(await directory.readAt('file', 1, 4)).toString()).toBe('bXYe');
      expect(await directory.list()).toEqual([{ path: 'file', size: 6 }]);
    });

    it('reads exactly what was asked, or says that the directory is not what it should be', async () => {
      await directory.writeAt('file', 0, Buffer.from('abc'));
      await expect(directory.readAt('file', 1, 3)).rejects.toThrow(DirtyDirectoryError);
      await expect(directory.readAt('absent', 0, 1)).rejects.toThrow(DirtyDirectoryError);
      await expect(collect(directory.read('absent'))).rejects.toThrow(DirtyDirectoryError);
    });

    it('lists in path order and creates folders as needed', async () => {
      for (const path of ['z', 'b/2', 'b/10/x', 'a', 'b.txt']) await directory.resize(path, 1);
      const paths = (await directory.list()).map((file) => file.path);
      expect(paths).toEqual(['a', 'b.txt', 'b/10/x', 'b/2', 'z']);
    });

    it('removes, and takes absence for success', async () => {
      await directory.writeAt('a/b', 0, Buffer.from('x'));
      await directory.remove('a/b');
      await directory.remove('a/b');
      await directory.remove('never/was');
      expect(await directory.list()).toEqual([]);
      await directory.writeAt('a', 0, Buffer.from('a folder before'));
    });

    it.each(['../escape', '/etc/passwd', 'a/../../b', '', '.', 'a//b', 'a/', 'nul\0'])('refuses %j', async (path) => {
      await expect(directory.writeAt(path, 0, Buffer.from('x'))).rejects.toThrow(InvalidInputError);
      await expect(directory.readAt(path, 0, 1)).rejects.toThrow(InvalidInputError);
      await expect(collect(directory.read(path))).rejects.toThrow(InvalidInputError);
      await expect(directory.resize(path, 0)).rejects.toThrow(InvalidInputError);
      await expect(directory.remove(path)).rejects.toThrow(InvalidInputError);
    });
  });
});

async function collect<Item>(chunks: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = [];
  for await (const chunk of chunks) collected.push(chunk);
  return collected;
}
