/** What people import: several tenants, databases in WAL mode, damage of every kind, archives that are none. */
import { appendFile, cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ChromaClient, type EmbeddingFunction } from 'chromadb';
import { create as pack } from 'tar';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { unpack } from '../../cli/archive.ts';
import { chooseCollection } from '../../lambdas/adapters/chroma/choose.ts';
import { extractCollection } from '../../lambdas/adapters/chroma/extract-collection.ts';
import { locateEngine } from '../../lambdas/adapters/chroma/locator.ts';
import { ChromaServer } from '../../lambdas/adapters/chroma/server.ts';
import { surveyDirectory } from '../../lambdas/adapters/chroma/survey.ts';
import { FileWorkingDirectories } from '../../lambdas/adapters/files/working-directories.ts';
import { DamagedSourceError, InvalidInputError } from '../../lambdas/errors/errors.ts';
import { runCommand } from './command-line.ts';

const HOST = '127.0.0.1';
const NO_EMBEDDINGS: EmbeddingFunction = { generate: async () => undefined as unknown as number[][] };
const DATABASE = 'chroma.sqlite3';
let scratch: string;
/** Three collections in two databases of two tenants, two of them of one name. */
let made: string;

const at = (name: string) => join(scratch, name);
const compactor = (args: string[], stdin = '') => runCommand(at('stack'), args, { stdin });

/** A copy, changed. */
async function copyOf(name: string, change: (path: string) => unknown): Promise<string> {
  await cp(made, at(name), { recursive: true });
  await change(at(name));
  return at(name);
}

function sql(path: string, statements: string): void {
  const database = new DatabaseSync(join(path, DATABASE), { enableForeignKeyConstraints: false, defensive: false });
  database.exec(statements);
  database.close();
}

/** Of the full-text index: what is deleted from it leaves its words in there until it is rebuilt. */
function textIndexBytes(path: string, rebuilt?: 'rebuilt'): number {
  const database = new DatabaseSync(join(path, DATABASE));
  if (rebuilt) {
    database.exec(`INSERT INTO embedding_fulltext_search(embedding_fulltext_search) VALUES ('rebuild')`);
  }
  const row = database.prepare('SELECT sum(length(block)) AS bytes FROM embedding_fulltext_search_data').get();
  database.close();
  return Number(row?.bytes);
}

/** Every file with its bytes. */
async function contentsOf(directory: string): Promise<Map<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(await Promise.all(files.map(async (file) => [file, await readFile(file, 'base64')] as const)));
}

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'compactor-sources-'));
  made = at('made');
  await mkdir(made);
  const server = await ChromaServer.start(await locateEngine(), made, { startMs: 60_000, graceMs: 2_000 });
  const post = (path: string, body: object) =>
    fetch(`http://${HOST}:${server.port}/api/v2/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const fill = async (where: { tenant?: string; database?: string }, name: string, count: number) => {
    const client = new ChromaClient({ host: HOST, port: server.port, ...where });
    const configuration = { hnsw: { space: 'ip' as const, sync_threshold: 20, batch_size: 20 } };
    const collection = await client.createCollection({ name, configuration, embeddingFunction: NO_EMBEDDINGS });
    const numbers = Array.from({ length: count }, (_, n) => n);
    await collection.add({
      ids: numbers.map((n) => `${name}-${n}`),
      embeddings: numbers.map((n) => [n, 1, 0.5]),
      documents: numbers.map((n) => `${where.tenant ?? 'nobody'} ${name} ${n}`),
    });
  };
  try {
    await post('tenants', { name: 'acme' });
    await post('tenants/acme/databases', { name: 'main' });
    await fill({ tenant: 'acme', database: 'main' }, 'pets', 60);
    await fill({}, 'pets', 50);
    await fill({}, 'neighbours', 40);
  } finally {
    await server.stop();
  }
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

describe('several tenants and databases', () => {
  test('are told by full names when there is a choice', async () => {
    const survey = await surveyDirectory(made);
    const all = [
      'acme/main/pets" (60',
      'default_tenant/default_database/neighbours" (40',
      'default_tenant/default_database/pets" (50',
    ];
    const reasonOf = (chosen?: string) => {
      try {
        chooseCollection(survey, made, chosen);
        return 'chosen';
      } catch (error) {
        return error instanceof InvalidInputError ? error.message : String(error);
      }
    };

    for (const name of all) expect(reasonOf()).toContain(name);
    for (const name of all) expect(reasonOf('nobody')).toContain(name);
    expect(reasonOf('pets')).toContain('several collections "pets"');
    expect(reasonOf('pets')).not.toContain('neighbours');
    expect(reasonOf('neighbours')).toBe('chosen');
    expect(chooseCollection(survey, made, 'acme/main/pets')).toMatchObject({ tenant: 'acme', records: 60 });
  });

  test.each([
    ['acme/main/pets', 60, ['neighbours', 'pets'], ['nobody']],
    ['default_tenant/default_database/pets', 50, ['acme/main/pets', 'neighbours'], ['acme']],
  ])('are left behind without a trace by an import of %s', async (chosen, records, removed, words) => {
    const name = `from-${records}`;

    const imported = await compactor(['import', made, '--collection', chosen, '--as', name]);
    const delta = '{"op":"upsert","id":"new","embedding":[9,9,9]}\n{"op":"delete","id":"pets-3"}\n';
    await compactor(['submit', name, '--delta-id', 'more'], delta);
    const started = await compactor(['start', name]);
    const near = await compactor(['query', name, '--embedding', '[1,1,1]', '--limit', '1']);
    await compactor(['checkout', name, at(`${name}-out`)]);
    await compactor(['checkout', name, at(`${name}-first`), '--version', '1']);

    expect(textIndexBytes(at(`${name}-first`))).toBe(textIndexBytes(at(`${name}-first`), 'rebuilt'));
    expect(imported.json, imported.stderr).toMatchObject({ records, space: 'ip', removed });
    expect(started.json).toMatchObject({ state: { committed: { version: 2, records } } });
    expect(near.json.neighbours).toMatchObject([{ id: `pets-${records - 1}` }]);
    const database = new DatabaseSync(join(at(`${name}-out`), DATABASE), { readOnly: true });
    const all = (query: string) =>
      database
        .prepare(query)
        .all()
        .map((row) => Object.values(row).join(' '));
    expect(all('SELECT name FROM collections')).toEqual([name]);
    expect(all('SELECT id FROM tenants')).toEqual(['default_tenant']);
    expect(all('SELECT name FROM databases')).toEqual(['default_database']);
    expect(all('SELECT DISTINCT segment_id FROM embeddings')).toHaveLength(1);
    expect(all('SELECT count(*) FROM embedding_fulltext_search')).toEqual([String(records - 1)]);
    database.close();
    for (const bytes of (await contentsOf(at(`${name}-out`))).values()) {
      const content = Buffer.from(bytes, 'base64');
      for (const word of ['neighbours', ...words]) expect(content.includes(word), word).toBe(false);
    }
  });
});

describe('a database in WAL mode', () => {
  test('is imported, not touched, and can be imported again', async () => {
    const source = await copyOf('wal', (path) => sql(path, 'PRAGMA journal_mode = WAL'));
    const before = await contentsOf(source);

    const first = await compactor(['import', source, '--collection', 'neighbours', '--as', 'wal-1']);
    const second = await compactor(['import', source, '--collection', 'neighbours', '--as', 'wal-2']);
    await compactor(['submit', 'wal-1', '--delta-id', 'more'], '{"op":"upsert","id":"new","embedding":[9,9,9]}\n');
    const started = await compactor(['start', 'wal-1']);
    await compactor(['checkout', 'wal-1', at('wal-out')]);

    expect([first.code, second.code]).toEqual([0, 0]);
    expect(await contentsOf(source)).toEqual(before);
    expect(started.json).toMatchObject({ state: { committed: { version: 2, records: 41 } } });
    // Where the header says how to read it; 2 would be WAL.
    expect([...(await readFile(join(at('wal-out'), DATABASE))).subarray(18, 20)]).toEqual([1, 1]);
  });

  test('with what a reader leaves beside it is whole; with a log it is not', async () => {
    const read = await copyOf('read', async (path) => {
      sql(path, 'PRAGMA journal_mode = WAL');
      await writeFile(join(path, `${DATABASE}-wal`), '');
      await writeFile(join(path, `${DATABASE}-shm`), Buffer.alloc(32_768));
    });
    expect((await surveyDirectory(read)).strangers).toEqual([]);

    await appendFile(join(read, `${DATABASE}-wal`), 'x');
    await expect(surveyDirectory(read)).rejects.toThrow(/-wal holds changes.*Stop the server/);
  });
});

test('a directory that is written to while it is copied is refused, however little changes', async () => {
  const source = await copyOf('busy', () => {});
  const survey = await surveyDirectory(source);
  const collection = chooseCollection(survey, source, 'neighbours');
  const directories = new FileWorkingDirectories({ root: at('busy-work') });
  sql(source, `UPDATE embedding_metadata SET string_value = 'x' WHERE id = 1`);

  const directory = await directories.claim('neighbours');
  const adopted = extractCollection({ source, survey, collection, directory, name: 'neighbours' });

  await expect(adopted).rejects.toThrow('changed while it was copied');
  await expect(adopted).rejects.toBeInstanceOf(DamagedSourceError);
  await directory.release();
});

describe('damage', () => {
  test('of the full-text index comes with the statement that mends it', async () => {
    const source = await copyOf('full-text', (path) =>
      sql(path, `UPDATE embedding_fulltext_search_content SET c0 = 'other words' WHERE id = 1`),
    );

    const error = await surveyDirectory(source).catch((cause) => cause);
    expect(error).toBeInstanceOf(DamagedSourceError);
    const [, statement = ''] = /"(INSERT INTO [^"]*)"/.exec(error.message) ?? [];
    sql(source, statement);

    expect((await surveyDirectory(source)).collections).toHaveLength(3);
  });

  test('of a vector index is said of the source, and stands in nobody’s way afterwards', async () => {
    const source = await copyOf('cut', async (path) => {
      const files = (await readdir(path, { recursive: true })).filter((name) => name.endsWith('data_level0.bin'));
      for (const name of files) await truncate(join(path, name), 100);
    });

    const refused = await compactor(['import', source, '--collection', 'neighbours']);
    const status = await compactor(['status', 'neighbours']);
    const good = await compactor(['import', made, '--collection', 'neighbours']);

    const said = JSON.parse(refused.stderr);
    expect(said).toMatchObject({ error: 'DamagedSourceError', exitCode: 3 });
    expect(said.message).toContain(`"${source}" cannot be imported`);
    expect(said.message).not.toMatch(/discard|retry|Saving data|work/i);
    expect(refused.code).toBe(3);
    expect(JSON.parse(status.stderr)).toMatchObject({ error: 'CollectionNotFoundError' });
    expect(good.json).toMatchObject({ version: 1, records: 40 });
  });
});

describe('what is no directory of Chroma', () => {
  test('but one of Chroma 0.3 is told so, in an archive too', async () => {
    await mkdir(at('old/index'), { recursive: true });
    for (const name of ['chroma-collections.parquet', 'chroma-embeddings.parquet'])
      await writeFile(join(at('old'), name), 'PAR1');
    await pack({ file: at('old.tar.gz'), gzip: true, cwd: scratch }, ['old']);
    await mkdir(at('old-unpacked'));

    await expect(surveyDirectory(at('old'))).rejects.toThrow(/made by Chroma 0\.3.*chroma-migrate/);
    await expect(unpack(at('old.tar.gz'), at('old-unpacked'), 1e9)).rejects.toThrow(
      /made by Chroma 0\.3.*chroma-migrate/,
    );
  });

  test.each([
    ['zip', 'PK\x03\x04 and more', /is a zip archive\. Unpack it first/],
    ['seven', '7z\xbc\xaf\x27\x1c\x00\x04', /is a 7-Zip archive/],
    ['xz', '\xfd7zXZ\x00', /is compressed by xz/],
    ['bzip', 'BZh9', /is compressed by bzip2/],
    ['parquet', 'PAR1 and more', /is a Parquet file: it was made by Chroma 0\.3/],
    ['database', 'SQLite format 3\0', /is a database\. Name the directory/],
    ['empty', '', /is empty/],
    ['text', 'no archive at all, but long enough to be one', /is no tar archive, or a damaged one .*tar czf/],
    ['half', '\x1f\x8b\x08\x00\x00', /is no tar archive, or a damaged one/],
  ])('but a file is told what it is: %s', async (name, content, reason) => {
    await writeFile(at(name), Buffer.from(content, 'latin1'));
    await mkdir(at(`${name}-unpacked`));

    const refused = unpack(at(name), at(`${name}-unpacked`), 1e9);

    await expect(refused).rejects.toBeInstanceOf(InvalidInputError);
    await expect(refused).rejects.toThrow(reason);
    expect(await readdir(at(`${name}-unpacked`))).toEqual([]);
  });
});
