import { mkdtemp, readdir, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileCache } from '../../lambdas/adapters/files/file-cache.ts';
import { CacheUnwritableError, InvalidInputError, StagingLostError } from '../../lambdas/errors/errors.ts';
import type { Cache, StreamBody } from '../../lambdas/ports.ts';
import { MemoryCache } from '../support/memory-cache.ts';

interface Harness {
  cache: Cache;
  /** A cache that cannot be written. */
  unwritable: Cache;
  /** Cut a cached object to `size` bytes. */
  cut(key: string, size: number): Promise<void>;
  dispose(): Promise<void>;
}

async function fileHarness(): Promise<Harness & { cache: FileCache; root: string }> {
  const parent = await mkdtemp(join(tmpdir(), 'cache-'));
  const root = join(parent, 'mount');
  // Nobody, root included, can make a folder below a regular file.
  await writeFile(join(parent, 'file'), '');
  return {
    root,
    cache: new FileCache({ root }),
    unwritable: new FileCache({ root: join(parent, 'file', 'mount') }),
    cut: (key, size) => truncate(join(root, 'objects', key), size),
    dispose: () => rm(parent, { recursive: true }),
  };
}

async function memoryHarness(): Promise<Harness> {
  const cache = new MemoryCache();
  const unwritable = new MemoryCache();
  unwritable.unwritable = true;
  const cut = async (key: string, size: number) => {
    cache.objects.set(key, (cache.objects.get(key) ?? Buffer.alloc(0)).subarray(0, size));
  };
  return { cache, unwritable, cut, dispose: async () => {} };
}

const COLLECTION = 'books';
const COMMIT = '01J00000000000000000000000';
const KEY = `packs/${COLLECTION}/${COMMIT}-0.pack`;

describe.each([
  { name: 'files', harness: fileHarness as () => Promise<Harness> },
  { name: 'memory', harness: memoryHarness },
])('cache in $name', ({ harness }) => {
  let h: Harness;
  let cache: Cache;
  beforeEach(async () => {
    h = await harness();
    cache = h.cache;
  });
  afterEach(() => h.dispose());

  async function sealed(commitId = COMMIT, content = 'abcdef'): Promise<void> {
    const staging = await cache.stage(COLLECTION, commitId);
    await staging.append('0.pack', Buffer.from(content));
    await staging.seal();
  }

  describe('staging', () => {
    it('is invisible until sealed, then whole', async () => {
      const staging = await cache.stage(COLLECTION, COMMIT);
      await staging.append('0.pack', Buffer.from('abc'));
      await staging.append('manifest.json', Buffer.from('{}'));
      await staging.append('0.pack', Buffer.from('def'));
      await expect(cache.openStaged(COLLECTION, COMMIT, '0.pack')).rejects.toThrow(StagingLostError);

      await staging.seal();

      const body = await cache.openStaged(COLLECTION, COMMIT, '0.pack');
      expect(body.size).toBe(6);
      expect(await collect(body)).toBe('abcdef');
      expect(await collect(body)).toBe('abcdef');
      expect(await collect(await cache.openStaged(COLLECTION, COMMIT, 'manifest.json'))).toBe('{}');
    });

    it('streams a large body whole', async () => {
      const content = 'x'.repeat(2 ** 20) + 'y'.repeat(77);
      await sealed(COMMIT, content);
      expect((await collect(await cache.openStaged(COLLECTION, COMMIT, '0.pack'))) === content).toBe(true);
    });

    it('leaves nothing when abandoned', async () => {
      const staging = await cache.stage(COLLECTION, COMMIT);
      await staging.append('0.pack', Buffer.from('abc'));
      await staging.abandon();
      await staging.abandon();
      await expect(staging.append('0.pack', Buffer.from('def'))).rejects.toThrow(InvalidInputError);
      await expect(staging.seal()).rejects.toThrow(InvalidInputError);
      await expect(cache.openStaged(COLLECTION, COMMIT, '0.pack')).rejects.toThrow(StagingLostError);
    });

    it('keeps what is sealed from a late abandon and from a second seal', async () => {
      const staging = await cache.stage(COLLECTION, COMMIT);
      await staging.append('0.pack', Buffer.from('first'));
      await staging.seal();
      await staging.abandon();
      await expect(sealed(COMMIT, 'second')).rejects.toThrow(CacheUnwritableError);
      expect(await collect(await cache.openStaged(COLLECTION, COMMIT, '0.pack'))).toBe('first');
    });

    it('keeps commits apart', async () => {
      await sealed('01J00000000000000000000001', 'one');
      await sealed('01J00000000000000000000002', 'two');
      expect(await collect(await cache.openStaged(COLLECTION, '01J00000000000000000000001', '0.pack'))).toBe('one');
    });

    it('is lost once discarded, even while a body is open', async () => {
      await sealed();
      const body = await cache.openStaged(COLLECTION, COMMIT, '0.pack');
      await cache.discardStaged(COLLECTION, COMMIT);
      await cache.discardStaged(COLLECTION, COMMIT);
      await expect(collect(body)).rejects.toThrow(StagingLostError);
      await expect(cache.openStaged(COLLECTION, COMMIT, '0.pack')).rejects.toThrow(StagingLostError);
      await expect(cache.adopt(COLLECTION, COMMIT, '0.pack', KEY)).rejects.toThrow(StagingLostError);
    });
  });

  describe('objects', () => {
    it('are staged files, adopted, however often', async () => {
      await sealed();
      await cache.adopt(COLLECTION, COMMIT, '0.pack', KEY);
      await cache.adopt(COLLECTION, COMMIT, '0.pack', KEY);
      await cache.discardStaged(COLLECTION, COMMIT);
      await cache.adopt(COLLECTION, COMMIT, '0.pack', KEY);
      expect(text(await cache.read(KEY))).toBe('abcdef');
    });

    it('may be there already when a staged file is adopted', async () => {
      for (const commit of ['01J00000000000000000000001', '01J00000000000000000000002']) {
        await sealed(commit);
        await cache.adopt(COLLECTION, commit, '0.pack', KEY);
      }
      expect(text(await cache.read(KEY))).toBe('abcdef');
    });

    it('are read by range', async () => {
      await sealed();
      await cache.adopt(COLLECTION, COMMIT, '0.pack', KEY);
      expect(text(await cache.read(KEY, { start: 1, end: 4 }))).toBe('bcd');
      expect(text(await cache.read(KEY, { start: 0, end: 6 }))).toBe('abcdef');
    });

    it('are a miss when absent, a folder, or too short', async () => {
      await sealed();
      await cache.adopt(COLLECTION, COMMIT, '0.pack', KEY);
      expect(await cache.read('packs/books/absent')).toBeUndefined();
      expect(await cache.read('packs/books')).toBeUndefined();
      expect(await cache.read(`${KEY}/below`)).toBeUndefined();
      expect(await cache.read(KEY, { start: 3, end: 7 })).toBeUndefined();
      await h.cut(KEY, 2);
      expect(await cache.read(KEY, { start: 1, end: 4 })).toBeUndefined();
    });

    it('can be evicted', async () => {
      await sealed();
      await cache.adopt(COLLECTION, COMMIT, '0.pack', KEY);
      await cache.evict(KEY);
      await cache.evict(KEY);
      expect(await cache.read(KEY)).toBeUndefined();
    });
  });

  it('counts the bytes that it wrote, not those that it renamed', async () => {
    await sealed();
    await cache.adopt(COLLECTION, COMMIT, '0.pack', KEY);
    expect(cache.bytesWritten()).toBe(6);
  });

  it.each(['../escape', '/absolute', 'a/../../b', 'a//b', ''])('refuses %j as a key or name', async (bad) => {
    await expect(cache.read(bad)).rejects.toThrow(InvalidInputError);
    await expect(cache.evict(bad)).rejects.toThrow(InvalidInputError);
    await expect(cache.stage(COLLECTION, bad)).rejects.toThrow(InvalidInputError);
    await expect(cache.openStaged(COLLECTION, COMMIT, bad)).rejects.toThrow(InvalidInputError);
    await sealed();
    await expect(cache.adopt(COLLECTION, COMMIT, '0.pack', bad)).rejects.toThrow(InvalidInputError);
    const staging = await cache.stage(COLLECTION, '01J00000000000000000000001');
    await expect(staging.append(bad, Buffer.from('x'))).rejects.toThrow(InvalidInputError);
    await staging.abandon();
  });

  it('says so when it cannot be written, and still misses', async () => {
    await expect(h.unwritable.stage(COLLECTION, COMMIT)).rejects.toThrow(CacheUnwritableError);
    await expect(h.unwritable.adopt(COLLECTION, COMMIT, '0.pack', KEY)).rejects.toThrow(CacheUnwritableError);
    await expect(h.unwritable.openStaged(COLLECTION, COMMIT, '0.pack')).rejects.toThrow(StagingLostError);
    expect(await h.unwritable.read(KEY)).toBeUndefined();
  });
});

describe('cache on a disk', () => {
  let h: Awaited<ReturnType<typeof fileHarness>>;
  beforeEach(async () => {
    h = await fileHarness();
  });
  afterEach(() => h.dispose());

  async function stage(commitId: string): Promise<void> {
    const staging = await h.cache.stage(COLLECTION, commitId);
    await staging.append('0.pack', Buffer.from('abcdef'));
    await staging.seal();
  }

  it('names the directory that cannot be written', async () => {
    await expect(h.unwritable.stage(COLLECTION, COMMIT)).rejects.toThrow(/"\S+\/file\/mount" cannot be written \(E/);
  });

  it('discards unsealed staging of the commit, and only of that', async () => {
    const mine = await h.cache.stage(COLLECTION, COMMIT);
    const other = await h.cache.stage(COLLECTION, '01J00000000000000000000001');
    await h.cache.discardStaged(COLLECTION, COMMIT);
    const left = await readdir(join(h.root, 'staging', COLLECTION));
    expect(left).toEqual([expect.stringMatching(/^01J00000000000000000000001\.tmp-/)]);
    await mine.abandon();
    await other.abandon();
  });

  it('takes a staged file that lost its end for lost', async () => {
    await stage(COMMIT);
    const body = await h.cache.openStaged(COLLECTION, COMMIT, '0.pack');
    await truncate(join(h.root, 'staging', COLLECTION, COMMIT, '0.pack'), 3);
    await expect(collect(body)).rejects.toThrow(StagingLostError);
  });

  it('prunes what is unreachable and old, and staging that is old', async () => {
    // Prepare: three objects and two stagings; "young" ones were last written at `now`.
    const now = 1_700_000_000_000;
    const age = (path: string, ms: number) => utimes(join(h.root, path), (now - ms) / 1000, (now - ms) / 1000);
    for (const name of ['unreachable', 'reachable', 'young']) {
      await stage(COMMIT);
      await h.cache.adopt(COLLECTION, COMMIT, '0.pack', `packs/books/${name}`);
      await h.cache.discardStaged(COLLECTION, COMMIT);
      await age(`objects/packs/books/${name}`, name === 'young' ? 0 : 10_000);
    }
    for (const commit of ['old', 'growing']) {
      await stage(commit);
      await age(`staging/books/${commit}/0.pack`, commit === 'old' ? 10_000 : 0);
      await age(`staging/books/${commit}`, 10_000);
    }

    const keep = (key: string) => key === 'packs/books/reachable';
    const options = { keep, olderThanMs: 5_000, stagingOlderThanMs: 5_000, now };
    const first = await h.cache.prune(options);
    const second = await h.cache.prune(options);

    expect(first).toEqual({ objects: 1, staging: 1, bytes: 12 });
    expect(second).toEqual({ objects: 0, staging: 0, bytes: 0 });
    expect(await readdir(join(h.root, 'objects/packs/books'))).toEqual(['reachable', 'young']);
    expect(await readdir(join(h.root, 'staging/books'))).toEqual(['growing']);
  });

  it('prunes nothing where there is nothing', async () => {
    const options = { keep: () => false, olderThanMs: 0, stagingOlderThanMs: 0, now: 1 };
    expect(await h.cache.prune(options)).toEqual({ objects: 0, staging: 0, bytes: 0 });
  });
});

async function collect(body: StreamBody): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body.stream()) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString();
}

function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes).toString();
}
