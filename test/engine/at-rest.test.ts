/** Directories at rest: journal modes, free pages that are given back, and the distance by which a collection ranks. */
import { chmod, mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { ChromaEngine } from '../../lambdas/adapters/chroma/engine.ts';
import { pageFault } from '../../lambdas/adapters/chroma/integrity.ts';
import type { PageCounts } from '../../lambdas/adapters/chroma/integrity-worker.ts';
import { locateEngine } from '../../lambdas/adapters/chroma/locator.ts';
import { SPACES } from '../../lambdas/ports.ts';
import { cleanUpAfterEach, makeDirectory, makeRecords, onCleanup, SERVERS, type TestDirectory } from './support.ts';

const engine = new ChromaEngine();
cleanUpAfterEach();

const journals = async ({ path }: TestDirectory) =>
  (await readdir(path)).filter((name) => /-(journal|wal|shm)$/.test(name));

function sql({ path }: TestDirectory, statements: string): void {
  const database = new DatabaseSync(join(path, 'chroma.sqlite3'));
  database.exec(statements);
  database.close();
}

/** The engine in front of which something puts the database into WAL mode, as one would that prefers it. */
async function engineThatPrefersWal(): Promise<string> {
  const { command, args } = await locateEngine();
  const folder = await mkdtemp(join(tmpdir(), 'engine-wal-'));
  onCleanup(() => rm(folder, { recursive: true, force: true }));
  const bin = join(folder, 'chroma.cjs');
  const source = `#!${process.execPath}
    const given = process.argv.slice(2), path = given[given.indexOf('--path') + 1];
    if (given[0] === 'run') {
      const database = new (require('node:sqlite').DatabaseSync)(path + '/chroma.sqlite3');
      database.exec('PRAGMA journal_mode = WAL');
      database.close();
    }
    const { spawn } = require('node:child_process');
    const child = spawn(${JSON.stringify(command)}, [...${JSON.stringify(args)}, ...given], { stdio: 'inherit' });
    child.once('exit', (code) => process.exit(code ?? 1));`;
  await writeFile(bin, source);
  await chmod(bin, 0o755);
  return bin;
}

describe.each(SERVERS)('with $server', ({ bin }) => {
  beforeEach(() => void vi.stubEnv('CHROMA_BIN', bin));

  async function made(space: (typeof SPACES)[number] = 'l2', count = 300): Promise<TestDirectory> {
    const directory = await makeDirectory();
    const session = await engine.open(directory);
    await session.useCollection('notes', { space, dimension: 3 });
    await session.upsert(makeRecords(count));
    await session.close();
    return directory;
  }

  test('an engine that prefers a write-ahead log leaves one file, with all that it acknowledged', async () => {
    vi.stubEnv('CHROMA_BIN', await engineThatPrefersWal());
    const directory = await makeDirectory();
    const seen: string[][] = [];
    for (let round = 1; round <= 3; round++) {
      const session = await engine.open(directory);
      await session.useCollection('notes', { space: 'l2', dimension: 3 });
      await session.upsert(makeRecords(100, `round-${round}-`));
      seen.push(await journals(directory));
      await session.close();

      expect(await journals(directory)).toEqual([]);
      expect((await engine.inspect(directory, 'notes', { thorough: true })).records).toBe(100 * round);
    }
    expect(seen.flat()).toContain('chroma.sqlite3-wal');
  });

  test('a database in WAL mode is looked at without a trace', async () => {
    const directory = await made();
    sql(directory, 'PRAGMA journal_mode = WAL');

    expect((await engine.inspect(directory, 'notes')).records).toBe(300);
    expect((await engine.inspect(directory, 'notes', { thorough: true })).records).toBe(300);

    expect(await journals(directory)).toEqual([]);
  });

  test.each(['FULL', 'INCREMENTAL'])(
    'a database with auto_vacuum %s is whole, and its damage is found',
    async (mode) => {
      const directory = await made('l2', 5_000);
      // Past the second pointer map, which is page 822.
      sql(
        directory,
        `PRAGMA auto_vacuum = ${mode}; VACUUM; CREATE TABLE filler (bytes); INSERT INTO filler VALUES (zeroblob(4000000));`,
      );

      expect((await engine.inspect(directory, 'notes')).records).toBe(5_000);
      sql(directory, 'DROP TABLE filler');
      expect((await engine.inspect(directory, 'notes')).records).toBe(5_000);

      const file = await open(join(directory.path, 'chroma.sqlite3'), 'r+');
      const { size } = await file.stat();
      await file.truncate(size + 4096);
      await file.write(Buffer.from(Uint32Array.of(size / 4096 + 1).buffer).swap32(), 0, 4, 28);
      await file.close();
      await expect(engine.inspect(directory, 'notes')).rejects.toThrow('pages are accounted for');
    },
  );

  test.each(SPACES)('%s is measured', async (space) => {
    const directory = await made(space);
    const session = await engine.open(directory);

    const measured = await session.measureSpace('notes');

    await session.close();
    expect(measured).toBe(space);
  });

  test.each(SPACES)('%s is measured, and merged on, where only metadata of old tells it', async (space) => {
    const directory = await made(space);
    // As a directory from before 1.0 has it.
    sql(
      directory,
      `UPDATE collections SET config_json_str = NULL;
       INSERT INTO collection_metadata (collection_id, key, str_value) SELECT id, 'hnsw:space', '${space}' FROM collections;
       INSERT INTO segment_metadata (segment_id, key, str_value)
         SELECT id, 'hnsw:space', '${space}' FROM segments WHERE scope = 'VECTOR';`,
    );
    const session = await engine.open(directory);

    const measured = await session.measureSpace('notes');
    await session.useCollection('notes', { space, dimension: 3 });
    const count = await session.count();
    const other = space === 'ip' ? 'cosine' : 'ip';
    const refused = await session.useCollection('notes', { space: other, dimension: 3 }).catch((error) => error);

    await session.close();
    expect([measured, count]).toEqual([space, 300]);
    expect(refused).toMatchObject({ name: 'DirtyDirectoryError' });
  });
});

/** By SQLite's file format: page 2 is a map, and then every 820th of 4096 bytes; page 262145 has the byte of the lock. */
describe('pages of a database that gives free ones back', () => {
  const counts = (size: number, pages: number, more: Partial<PageCounts> = {}): PageCounts => ({
    ...{ size, pages, distinct: pages, pageSize: 4096, free: 0, autoVacuum: 1 },
    ...more,
  });

  test.each([
    ['one map', counts(2, 1), 0],
    ['up to the second map', counts(821, 820), 0],
    ['the second map', counts(823, 821), 0],
    ['maps of smaller pages', counts(106, 104, { pageSize: 512 }), 0],
    ['reserved bytes', counts(816, 814), 30],
    ['the page of the lock', counts(262_146, 262_146 - 320 - 1), 0],
    ['free pages', counts(823, 811, { free: 10 }), 0],
    ['no maps', counts(823, 823, { autoVacuum: 0 }), 0],
  ])('are accounted for: %s', (_what, whole, reserved) => {
    expect(pageFault(whole, reserved)).toBeUndefined();
    expect(pageFault({ ...whole, free: whole.free + 1 }, reserved)).toContain('accounted for');
    expect(pageFault({ ...whole, distinct: whole.distinct - 1 }, reserved)).toContain('two trees');
  });
});
