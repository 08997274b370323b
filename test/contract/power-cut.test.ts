/** What adapters on a disk promise to be durable, judged on the worst that a power cut may leave. */
import { mkdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileCache } from '../../lambdas/adapters/files/file-cache.ts';
import { FileWorkingDirectories } from '../../lambdas/adapters/files/working-directories.ts';
import { FileStore } from '../../lambdas/adapters/store/file-store.ts';
import { ObjectNotFoundError, StagingLostError } from '../../lambdas/errors/errors.ts';
import type { StreamBody } from '../../lambdas/ports.ts';
import { ForgetfulDisk, LEFTOVERS } from '../support/forgetful-disk.ts';
import { digests } from './working-directory-harness.ts';

const COLLECTION = 'books';
const KEY = 'pointers/books.json';

let parent: string;
let root: string;
let disk: ForgetfulDisk;
let cuts: number;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'power-cut-'));
  root = join(parent, 'disk');
  mkdirSync(root);
  cuts = 0;
});
afterEach(async () => {
  disk.stop();
  await rm(parent, { recursive: true });
});

/** The four disks that a cut at this moment may leave. */
function leave(): string[] {
  return LEFTOVERS.map((leftover) => {
    const left = join(parent, `${++cuts}-${leftover.contents}-contents-${leftover.names}-names`);
    disk.cut(left, leftover);
    return left;
  });
}

/** What `act` is to bring about, and all disks that cuts within it may leave. */
async function cutWithin(act: () => Promise<unknown>): Promise<string[]> {
  const left: string[] = [];
  disk.onSync = () => left.push(...leave());
  await act();
  disk.onSync = () => {};
  return left;
}

/** By name of the disk, so that a failure tells which. */
async function onEach<Result>(left: readonly string[], read: (path: string) => Promise<Result>) {
  return Promise.all(left.map(async (path) => [path.slice(parent.length), await read(path)] as const));
}

/** Chunks are good until the next one is asked for. */
async function contentOf(body: StreamBody): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body.stream()) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

describe('a store', () => {
  const bodies = { one: Buffer.from('one'), two: Buffer.from('two, longer') };
  let store: FileStore;
  beforeEach(async () => {
    store = new FileStore(join(root, 'store'));
    disk = await ForgetfulDisk.watch(root);
  });

  const bodyIn = async (path: string): Promise<string> => {
    try {
      return Buffer.from((await new FileStore(join(path, 'store')).get(KEY)).body).toString();
    } catch (error) {
      if (error instanceof ObjectNotFoundError) return 'nothing';
      throw error;
    }
  };

  it('has what it said that it created', async () => {
    await store.putIfAbsent(KEY, bodies.one);

    const found = await onEach(leave(), bodyIn);

    for (const [name, body] of found) expect([name, body]).toEqual([name, 'one']);
  });

  it('has what it said that it replaced, and never a part of it', async () => {
    const { etag } = await store.putIfAbsent(KEY, bodies.one);

    const within = await cutWithin(() => store.putIfMatch(KEY, bodies.two, etag));
    const afterwards = leave();

    for (const [name, body] of await onEach(afterwards, bodyIn)) expect([name, body]).toEqual([name, 'two, longer']);
    for (const [, body] of await onEach(within, bodyIn)) expect(['one', 'two, longer']).toContain(body);
    expect(within.length).toBeGreaterThan(0);
  });

  it('has not what it said that it deleted', async () => {
    const { etag } = await store.putIfAbsent(KEY, bodies.one);
    await store.deleteIfMatch(KEY, etag);

    const found = await onEach(leave(), bodyIn);

    for (const [name, body] of found) expect([name, body]).toEqual([name, 'nothing']);
  });
});

describe('staging', () => {
  const COMMIT = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
  const PACK = Buffer.alloc(300_000, 7);
  beforeEach(async () => {
    disk = await ForgetfulDisk.watch(root);
  });

  const stage = async () => {
    const staging = await new FileCache({ root: join(root, 'cache') }).stage(COLLECTION, COMMIT);
    await staging.append('pack', PACK);
    await staging.append('manifest', Buffer.from('{}'));
    await staging.seal();
  };
  const stagedIn = async (path: string): Promise<string> => {
    try {
      const cache = new FileCache({ root: join(path, 'cache') });
      const pack = await contentOf(await cache.openStaged(COLLECTION, COMMIT, 'pack'));
      const manifest = await contentOf(await cache.openStaged(COLLECTION, COMMIT, 'manifest'));
      return pack.equals(PACK) && manifest.toString() === '{}' ? 'whole' : 'damaged';
    } catch (error) {
      if (error instanceof StagingLostError) return 'nothing';
      throw error;
    }
  };

  it('is there, whole, once it is sealed, and never in part', async () => {
    const within = await cutWithin(stage);
    const afterwards = leave();

    for (const [name, staged] of await onEach(afterwards, stagedIn)) expect([name, staged]).toEqual([name, 'whole']);
    for (const [, staged] of await onEach(within, stagedIn)) expect(['whole', 'nothing']).toContain(staged);
    expect(within.length).toBeGreaterThan(0);
  });
});

describe('a working directory', () => {
  const markerOf = (version: string) => ({
    manifestKey: `manifests/books/${version}.json`,
    manifestSha256: version.repeat(64),
  });
  const claim = async (path: string) => new FileWorkingDirectories({ root: path }).claim(COLLECTION);
  /** Which version the marker names, and which one the files hold. */
  const stateIn = async (path: string): Promise<string> => {
    const directory = await claim(path);
    try {
      const marker = await directory.readMarker();
      const found = await Promise.all(
        (await directory.list()).map(async (file) => {
          const bytes = await directory.readAt(file.path, 0, file.size);
          return `${file.path}=${Buffer.from(bytes).toString()}`;
        }),
      );
      return marker === undefined ? 'dirty' : `${marker.manifestSha256[0]}: ${found.join(' ')}`;
    } finally {
      await directory.release();
    }
  };
  /** As an engine writes: without a word, without a flush, and into folders of its own. */
  const engineWrites = async (path: string, content: string) => {
    mkdirSync(join(path, `segment-${content}`), { recursive: true });
    await writeFile(join(path, 'chroma.sqlite3'), content);
    await writeFile(join(path, `segment-${content}`, 'data.bin'), content);
  };
  const V1 = '1: chroma.sqlite3=a segment-a/data.bin=a';
  const V2 = '2: chroma.sqlite3=b segment-a/data.bin=a segment-b/data.bin=b';

  async function cleanDirectory() {
    const directory = await claim(root);
    disk = await ForgetfulDisk.watch(root);
    await engineWrites(directory.path, 'a');
    await directory.writeDigests({ ...digests, ...markerOf('1') });
    await directory.markClean(markerOf('1'));
    return directory;
  }

  it('holds what its marker says, once it is marked clean', async () => {
    const directory = await cleanDirectory();

    const left = leave();

    for (const [name, state] of await onEach(left, stateIn)) expect([name, state]).toEqual([name, V1]);
    await directory.release();
  });

  it('has no marker, once it is marked dirty, whatever is written afterwards', async () => {
    const directory = await cleanDirectory();
    await directory.markDirty();
    await engineWrites(directory.path, 'b');
    await directory.writeEach('chroma.sqlite3', [{ offset: 0, bytes: Buffer.from('c') }]);

    const left = leave();

    for (const [name, state] of await onEach(left, stateIn)) expect([name, state]).toEqual([name, 'dirty']);
    await directory.release();
  });

  it('is clean with the new content, or dirty, whenever the power goes', async () => {
    const directory = await cleanDirectory();
    await directory.markDirty();
    await engineWrites(directory.path, 'b');

    const within = await cutWithin(async () => {
      await directory.writeDigests({ ...digests, ...markerOf('2') });
      await directory.markClean(markerOf('2'));
    });
    const afterwards = leave();

    for (const [name, state] of await onEach(afterwards, stateIn)) expect([name, state]).toEqual([name, V2]);
    for (const [, state] of await onEach(within, stateIn)) expect([V2, 'dirty']).toContain(state);
    expect(within.length).toBeGreaterThan(0);
    await directory.release();
  });

  it('keeps no marker of a directory that was cleared', async () => {
    const directory = await cleanDirectory();
    const within = await cutWithin(() => directory.clear());

    const afterwards = leave();

    for (const [name, state] of await onEach(afterwards, stateIn)) expect([name, state]).toEqual([name, 'dirty']);
    for (const [, state] of await onEach(within, stateIn)) expect([V1, 'dirty']).toContain(state);
    await directory.release();
  });
});
