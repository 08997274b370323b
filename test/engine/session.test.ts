import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ChromaClient } from 'chromadb';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { ChromaEngine } from '../../lambdas/adapters/chroma/engine.ts';
import { HOST } from '../../lambdas/adapters/chroma/free-port.ts';
import { locateEngine } from '../../lambdas/adapters/chroma/locator.ts';
import { ChromaServer } from '../../lambdas/adapters/chroma/server.ts';
import { NEW_COLLECTION } from '../../lambdas/adapters/chroma/session.ts';
import { DirtyDirectoryError, EngineRejectedDataError, EngineUnavailableError } from '../../lambdas/errors/errors.ts';
import type { EngineRecord, EngineSession } from '../../lambdas/ports.ts';
import { START_MS } from '../support/chroma-api.ts';
import {
  cleanUpAfterEach,
  killServer,
  makeDirectory,
  makeRecords,
  onCleanup,
  SERVERS,
  type TestDirectory,
  useNotes,
} from './support.ts';

const engine = new ChromaEngine();
cleanUpAfterEach();

/** Of the index of the one collection in a closed directory; newer servers keep them in `schema_str`. */
function settingsIn(path: string): unknown {
  const database = new DatabaseSync(join(path, 'chroma.sqlite3'), { readOnly: true });
  try {
    const row = database.prepare('SELECT * FROM collections').get();
    const config = JSON.parse(String(row?.config_json_str));
    if (config.vector_index !== undefined) return config.vector_index.hnsw;
    return JSON.parse(String(row?.schema_str)).keys['#embedding'].float_list.vector_index.config.hnsw;
  } finally {
    database.close();
  }
}

describe.each(SERVERS)('session with $server', ({ bin }) => {
  let directory: TestDirectory;
  let session: EngineSession;

  beforeEach(async () => {
    vi.stubEnv('CHROMA_BIN', bin);
    directory = await makeDirectory();
    session = await engine.open(directory);
    onCleanup(() => session.close());
    await useNotes(session);
  });

  test('a new collection is empty', async () => {
    expect(await session.count()).toBe(0);
    expect(await session.get(['nobody'])).toEqual([]);
    expect(await session.existing(['nobody'])).toEqual(new Set());
    expect(await session.query([1, 2, 3], 5)).toEqual([]);
  });

  test('a new collection has the settings that were chosen', async () => {
    await session.close();
    expect(settingsIn(directory.path)).toMatchObject(NEW_COLLECTION);
  });

  test('a collection that exists keeps its own settings', async () => {
    const own = { sync_threshold: 50, max_neighbors: 8, ef_construction: 40 };
    const other = await makeDirectory();
    const server = await ChromaServer.start(await locateEngine(), other.path, { startMs: START_MS, graceMs: 200 });
    const client = new ChromaClient({ host: HOST, port: server.port });
    const configuration = { hnsw: { space: 'l2' as const, ...own } };
    await client.createCollection({ name: 'notes', configuration, embeddingFunction: null });
    await server.stop();
    const again = await engine.open(other);
    onCleanup(() => again.close());

    await useNotes(again);
    await again.upsert(makeRecords(60));
    await again.close();

    expect(settingsIn(other.path)).toMatchObject(own);
  });

  test('upsert creates records, which read back whole', async () => {
    const records: EngineRecord[] = [
      { id: 'bare', embedding: [1, 2, 3] },
      { id: 'full', embedding: [4, 5, 6], metadata: { s: 'é😀', i: 7, f: 1.5, b: false, empty: '' }, document: 'text' },
      { id: 'described', embedding: [7, 8, 9], metadata: { n: 1 } },
      { id: 'written', embedding: [0.5, 0, 0], document: '' },
    ];
    await session.upsert(records);
    expect(await session.get(['described', 'full', 'nobody', 'bare', 'written'])).toEqual(
      ['described', 'full', 'bare', 'written'].map((id) => records.find((record) => record.id === id)),
    );
    expect(await session.count()).toBe(4);
  });

  test('upsert of an existing record is a patch: what is not given stays, metadata merges, null removes', async () => {
    await session.upsert([{ id: 'a', embedding: [1, 2, 3], metadata: { x: 1, y: 's', z: true }, document: 'old' }]);
    await session.upsert([{ id: 'a', embedding: [3, 2, 1] }]);
    const kept = { metadata: { x: 1, y: 's', z: true }, document: 'old' };
    expect(await session.get(['a'])).toEqual([{ id: 'a', embedding: [3, 2, 1], ...kept }]);

    await session.upsert([{ id: 'a', embedding: [3, 2, 1], metadata: { x: 2, y: null, w: 'new' } }]);
    expect(await session.get(['a'])).toEqual([
      { id: 'a', embedding: [3, 2, 1], metadata: { x: 2, z: true, w: 'new' }, document: 'old' },
    ]);
    await session.upsert([{ id: 'a', embedding: [3, 2, 1], metadata: {}, document: '' }]);
    expect(await session.get(['a'])).toEqual([
      { id: 'a', embedding: [3, 2, 1], metadata: { x: 2, z: true, w: 'new' }, document: '' },
    ]);
  });

  test('upsert of a new record passes over keys that are null', async () => {
    await session.upsert([
      { id: 'some', embedding: [1, 2, 3], metadata: { gone: null, kept: 1 } },
      { id: 'none', embedding: [1, 2, 3], metadata: { gone: null } },
    ]);
    expect((await session.get(['some', 'none'])).map((record) => record.metadata)).toEqual([{ kept: 1 }, undefined]);
  });

  test('a record deleted and upserted again keeps nothing of its former self', async () => {
    await session.upsert([{ id: 'a', embedding: [1, 2, 3], metadata: { x: 1 }, document: 'old' }]);
    await session.remove(['a', 'a', 'nobody']);
    await session.upsert([{ id: 'a', embedding: [3, 2, 1] }]);
    expect(await session.get(['a'])).toEqual([{ id: 'a', embedding: [3, 2, 1] }]);
  });

  test('update changes each field alone, and passes over ids that do not exist', async () => {
    await session.upsert([{ id: 'a', embedding: [1, 2, 3], metadata: { x: 1, y: 2 }, document: 'old' }]);
    await session.update([{ id: 'a', document: 'new' }]);
    expect(await session.get(['a'])).toEqual([
      { id: 'a', embedding: [1, 2, 3], metadata: { x: 1, y: 2 }, document: 'new' },
    ]);
    await session.update([{ id: 'a', metadata: { x: null, z: 3 } }]);
    await session.update([{ id: 'a', embedding: [9, 9, 9] }]);
    await session.update([{ id: 'a' }, { id: 'a', metadata: {} }, { id: 'nobody', embedding: [1, 1, 1] }]);
    expect(await session.get(['a'])).toEqual([
      { id: 'a', embedding: [9, 9, 9], metadata: { y: 2, z: 3 }, document: 'new' },
    ]);
    await session.update([{ id: 'a', metadata: { y: null, z: null } }]);
    expect(await session.get(['a'])).toEqual([{ id: 'a', embedding: [9, 9, 9], document: 'new' }]);
    expect(await session.count()).toBe(1);
  });

  test('the same id more than once in a call takes effect in order, whatever else is sent', async () => {
    await session.upsert([
      { id: 'a', embedding: [1, 1, 1], metadata: { n: 1, first: true } },
      { id: 'b', embedding: [5, 5, 5] },
      { id: 'a', embedding: [2, 2, 2], document: 'second' },
      { id: 'a', embedding: [3, 3, 3], metadata: { n: 3 } },
    ]);
    await session.update([
      { id: 'b', document: 'x' },
      { id: 'b', metadata: { k: 1 } },
      { id: 'b', document: 'y' },
    ]);
    expect(await session.get(['a', 'b'])).toEqual([
      { id: 'a', embedding: [3, 3, 3], metadata: { n: 3, first: true }, document: 'second' },
      { id: 'b', embedding: [5, 5, 5], metadata: { k: 1 }, document: 'y' },
    ]);
  });

  test('more records than one request takes', async () => {
    const records = makeRecords(5_600);
    const ids = records.map((record) => record.id);
    await session.upsert(records);
    await session.update(records.map(({ id }, n) => ({ id, metadata: { n } })));
    expect(await session.count()).toBe(5_600);
    expect(await session.existing([...ids, 'nobody', ...ids])).toEqual(new Set(ids));
    expect((await session.get(ids)).map((record) => record.metadata?.n)).toEqual(records.map((_, n) => n));
    await session.remove(ids.slice(1));
    expect(await session.count()).toBe(1);
  });

  test('more bytes than one request takes', async () => {
    const document = 'é'.repeat(4 * 1024 * 1024);
    await session.upsert(makeRecords(6).map((record) => ({ ...record, document })));
    expect(await session.count()).toBe(6);
    await expect(session.upsert([{ id: 'huge', embedding: [1, 1, 1], document: document.repeat(6) }])).rejects.toThrow(
      EngineRejectedDataError,
    );
  });

  test('query gives the nearest first, at most as many as there are', async () => {
    await session.upsert(makeRecords(5).map((record, n) => ({ ...record, metadata: { n }, document: `d${n}` })));
    const found = await session.query([2.25, 1, 0.5], 3);
    expect(found).toEqual([
      { id: 'r2', metadata: { n: 2 }, document: 'd2', distance: 0.0625 },
      { id: 'r3', metadata: { n: 3 }, document: 'd3', distance: 0.5625 },
      { id: 'r1', metadata: { n: 1 }, document: 'd1', distance: 1.5625 },
    ]);
    expect(await session.query([0, 0, 0], 100)).toHaveLength(5);
  });

  test('an embedding in space "ip" comes back as its float32, in "cosine" nearly so and with its length', async () => {
    for (const space of ['ip', 'cosine'] as const) {
      const other = await engine.open(await makeDirectory());
      onCleanup(() => other.close());
      await useNotes(other, space);
      await other.upsert([{ id: 'a', embedding: [3, 4, 0.1] }]);
      const [read] = await other.get(['a']);
      const back = read?.embedding?.map(Math.fround);
      if (space === 'ip') expect(back).toEqual([3, 4, Math.fround(0.1)]);
      else expect(back).toEqual([3, 4, 0.1].map((value) => expect.closeTo(value, 5)));
    }
  });

  test.each([
    ['wrong dimension', { id: 'a', embedding: [1, 2] }],
    ['not finite as float32', { id: 'a', embedding: [1, 2, 1e39] }],
    ['no embedding', { id: 'a' }],
    ['empty id', { id: '', embedding: [1, 2, 3] }],
    ['nested metadata', { id: 'a', embedding: [1, 2, 3], metadata: { deep: { x: 1 } } as never }],
  ])('data that Chroma cannot take is blamed: %s', async (_, record) => {
    await expect(session.upsert([...makeRecords(3), record])).rejects.toThrow(EngineRejectedDataError);
    await session.upsert(makeRecords(2));
    expect(await session.count()).toBeGreaterThanOrEqual(2);
  });

  test('data of the wrong dimension in an update or a query is blamed', async () => {
    await session.upsert(makeRecords(1));
    await expect(session.update([{ id: 'r0', embedding: [1] }])).rejects.toThrow(EngineRejectedDataError);
    await expect(session.query([1], 1)).rejects.toThrow(EngineRejectedDataError);
  });

  test('a collection is opened again only with its own space and dimension', async () => {
    await session.upsert(makeRecords(2));
    await useNotes(session);
    expect(await session.count()).toBe(2);
    await expect(session.useCollection('notes', { space: 'cosine', dimension: 3 })).rejects.toThrow(
      DirtyDirectoryError,
    );
    await expect(session.useCollection('notes', { space: 'l2', dimension: 4 })).rejects.toThrow(DirtyDirectoryError);
  });

  test('a server killed in mid-session blames nobody', async () => {
    await session.upsert(makeRecords(2));
    const writing = session.upsert(makeRecords(5_000));
    const outcome = expect(writing).rejects.toThrow(EngineUnavailableError);
    await killServer(directory.path);
    await outcome;
    await expect(session.count()).rejects.toThrow(EngineUnavailableError);
  });

  test('nothing is sent after close', async () => {
    await session.close();
    await expect(session.count()).rejects.toThrow(/not running/);
    await session.close();
  });
});
