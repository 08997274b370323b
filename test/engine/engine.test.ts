/** The engine port over each server that is here: what a directory holds once the server is gone. */
import { open, readdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { ChromaEngine } from '../../lambdas/adapters/chroma/engine.ts';
import { stampFiles, untouchedSince } from '../../lambdas/adapters/files/file-stamps.ts';
import { DirtyDirectoryError, EngineUnavailableError } from '../../lambdas/errors/errors.ts';
import {
  CHOSEN_BIN,
  cleanUpAfterEach,
  killServer,
  makeDirectory,
  makeRecords,
  processesOn,
  SERVERS,
  type TestDirectory,
  useNotes,
} from './support.ts';

const engine = new ChromaEngine();
cleanUpAfterEach();

async function filesOf({ path }: TestDirectory): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => relative(path, join(entry.parentPath, entry.name)));
}

/** A closed directory with `count` records and a few more of another collection. */
async function makeSnapshot(count: number): Promise<TestDirectory> {
  const directory = await makeDirectory();
  const session = await engine.open(directory);
  try {
    await session.useCollection('others', { space: 'cosine', dimension: 3 });
    await session.upsert(makeRecords(7));
    await useNotes(session);
    await session.upsert(makeRecords(count));
  } finally {
    await session.close();
  }
  return directory;
}

describe.each(SERVERS)('engine with $server', ({ bin }) => {
  beforeEach(() => void vi.stubEnv('CHROMA_BIN', bin));

  test('says who it is', async () => {
    const identity = await engine.identify();
    expect(identity.name).toBe('chroma');
    expect(identity.version).toMatch(/^\d+\.\d+\.\d+/);
    if (bin !== '') expect(identity.source).toBe(bin);
  });

  test('an empty directory holds nothing', async () => {
    expect(await engine.inspect(await makeDirectory(), 'notes')).toEqual({ migrations: {}, records: 0 });
  });

  test('marks the directory dirty before a server runs on it', async () => {
    const directory = await makeDirectory();
    const runningWhenMarked: number[] = [];
    const markDirty = async () => void runningWhenMarked.push((await processesOn(directory.path)).length);
    const session = await engine.open({ ...directory, markDirty });
    await session.close();
    expect(runningWhenMarked).toEqual([0]);
  });

  test('close leaves no process and no journal, and the files say what the server said', async () => {
    const directory = await makeDirectory();
    const session = await engine.open(directory);
    await useNotes(session);
    await session.upsert(makeRecords(2_500));
    await session.remove(makeRecords(3).map((record) => record.id));
    await session.update([{ id: 'nobody', document: 'x' }]);
    const count = await session.count();
    // The server, and its watchdog.
    expect(await processesOn(directory.path)).toHaveLength(2);

    await session.close();

    expect(await processesOn(directory.path)).toEqual([]);
    expect((await readdir(directory.path)).filter((name) => /-(journal|wal|shm)$/.test(name))).toEqual([]);
    expect(count).toBe(2_497);
    expect(await engine.inspect(directory, 'notes')).toEqual({
      migrations: { embeddings_queue: expect.any(Number), metadb: expect.any(Number), sysdb: expect.any(Number) },
      records: 2_497,
    });
  });

  test('a server that only reads writes to no other file than those named', async () => {
    const directory = await makeSnapshot(2_500);
    const files = await filesOf(directory);
    // Only files at rest have a stamp.
    await vi.waitUntil(async () => (await stampFiles(directory.path, files)).size === files.length, {
      timeout: 300_000,
    });
    const before = await stampFiles(directory.path, files);
    const session = await engine.open(directory);
    await useNotes(session);
    expect(await session.count()).toBe(2_500);
    expect(await session.existing(['r1', 'nobody'])).toEqual(new Set(['r1']));

    const untouched = await untouchedSince(directory.path, before);

    await session.close();
    expect(files.filter((path) => !untouched.has(path) && !engine.writtenAtStart.has(path))).toEqual([]);
    expect([...untouched].some((path) => path.endsWith('data_level0.bin'))).toBe(true);
    expect(await untouchedSince(directory.path, before)).toEqual(untouched);
  });

  test('counts only the collection that it is asked for', async () => {
    const directory = await makeSnapshot(11);
    const counts = await Promise.all(['notes', 'others', 'none'].map((name) => engine.inspect(directory, name)));
    expect(counts.map(({ records }) => records)).toEqual([11, 7, 0]);
  });

  test('a kill after every write was acknowledged leaves a clean directory', async () => {
    const directory = await makeDirectory();
    for (let round = 1; round <= 4; round++) {
      const session = await engine.open(directory);
      await useNotes(session);
      await session.upsert(makeRecords(600, `round-${round}-`));
      await killServer(directory.path);
      await session.close();
      expect((await engine.inspect(directory, 'notes')).records).toBe(600 * round);
    }
    const session = await engine.open(directory);
    await useNotes(session);
    expect(await session.count()).toBe(2_400);
    expect(await session.query([3, 1, 0.5], 4)).toHaveLength(4);
    await session.close();
  });

  test.each(['chroma.sqlite3-journal', 'chroma.sqlite3-wal', 'chroma.sqlite3-shm'])(
    'refuses a directory with %s',
    async (name) => {
      const directory = await makeSnapshot(3);
      await writeFile(join(directory.path, name), 'left behind');
      await expect(engine.open(directory)).rejects.toThrow(DirtyDirectoryError);
      await expect(engine.inspect(directory, 'notes')).rejects.toThrow(name);
      expect(await processesOn(directory.path)).toEqual([]);
    },
  );

  test('a damaged database is dirty, wherever the damage is', async () => {
    for (const page of [0, 1, 12]) {
      const directory = await makeSnapshot(300);
      const file = await open(join(directory.path, 'chroma.sqlite3'), 'r+');
      await file.write(Buffer.alloc(4096, 0xa5), 0, 4096, page * 4096);
      await file.close();
      await expect(engine.inspect(directory, 'notes'), `page ${page}`).rejects.toThrow(DirtyDirectoryError);
    }
  });

  test('migrations that went down while the server ran are noticed', async () => {
    const directory = await makeSnapshot(3);
    const session = await engine.open(directory);
    const database = new DatabaseSync(join(directory.path, 'chroma.sqlite3'));
    database.exec(`DELETE FROM migrations WHERE dir = 'sysdb' AND version > 1`);
    database.close();
    await expect(session.close()).rejects.toThrow(/"sysdb" .* from \d+ down to 1/);
    expect(await processesOn(directory.path)).toEqual([]);
  });

  test('two servers on two directories know nothing of each other', async () => {
    const directories = await Promise.all([makeDirectory(), makeDirectory()]);
    const sessions = await Promise.all(directories.map((directory) => engine.open(directory)));
    await Promise.all(sessions.map((session) => useNotes(session)));
    await Promise.all(sessions.map((session, n) => session.upsert(makeRecords(10 + n))));
    expect(await Promise.all(sessions.map((session) => session.count()))).toEqual([10, 11]);
    await Promise.all(sessions.map((session) => session.close()));
    const reports = await Promise.all(directories.map((directory) => engine.inspect(directory, 'notes')));
    expect(reports.map(({ records }) => records)).toEqual([10, 11]);
  });
});

test.skipIf(CHOSEN_BIN === undefined)(
  'a newer server takes over a directory; the older one does not take it back',
  async () => {
    vi.stubEnv('CHROMA_BIN', '');
    const directory = await makeSnapshot(1_200);
    const before = await engine.inspect(directory, 'notes');

    vi.stubEnv('CHROMA_BIN', CHOSEN_BIN);
    const session = await engine.open(directory);
    await useNotes(session);
    expect(await session.count()).toBe(1_200);
    expect(await session.get(['r7'])).toEqual([{ id: 'r7', embedding: [7, 1, 0.5] }]);
    await session.close();

    const after = await engine.inspect(directory, 'notes');
    expect(after.records).toBe(1_200);
    for (const [kind, level] of Object.entries(before.migrations)) {
      expect(after.migrations[kind], kind).toBeGreaterThanOrEqual(level);
    }
    if (JSON.stringify(after.migrations) === JSON.stringify(before.migrations)) return;
    vi.stubEnv('CHROMA_BIN', '');
    await expect(engine.open(directory)).rejects.toThrow(EngineUnavailableError);
    expect(await engine.inspect(directory, 'notes')).toEqual(after);
  },
);
