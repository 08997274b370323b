/** Importing Chroma directories: our own, Python's, archives of them, and what must be refused. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { create as pack } from 'tar';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { roomFor, surveyDirectory } from '../../lambdas/adapters/chroma/survey.ts';
import { FileWorkingDirectories } from '../../lambdas/adapters/files/working-directories.ts';
import { keepThreeWarm, smallDisk, stillWarm } from '../support/small-disk.ts';
import { type CommandResult, runCommand } from './command-line.ts';

const run = promisify(execFile);
let scratch: string;
/** A directory with collection "source" of four dimensions and 30 records, made by a checkout. */
let made: string;

const at = (name: string) => join(scratch, name);
const compactor = (args: string[], options: { stdin?: string; env?: NodeJS.ProcessEnv } = {}): Promise<CommandResult> =>
  runCommand(at('stack'), args, options);
const upserts = (prefix: string, count: number, dimension = 4): string =>
  Array.from({ length: count }, (_, n) => {
    const embedding = Array.from({ length: dimension }, (_, i) => n + i / 2);
    return `${JSON.stringify({ op: 'upsert', id: `${prefix}-${n}`, embedding, document: `${prefix} ${n}` })}\n`;
  }).join('');

/** Every file with its bytes. */
async function contentsOf(directory: string): Promise<Map<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(await Promise.all(files.map(async (file) => [file, await readFile(file, 'base64')] as const)));
}

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'compactor-import-test-'));
  made = at('made');
  await compactor(['create', 'source', '--dimension', '4', '--space', 'l2']);
  await compactor(['submit', 'source', '--delta-id', 'load'], { stdin: upserts('s', 30) });
  await compactor(['start', 'source']);
  expect((await compactor(['checkout', 'source', made])).code).toBe(0);
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

test('a directory becomes version 1 under another name, is compacted on, and is not touched', async () => {
  await writeFile(join(made, 'notes.txt'), 'no part of it');
  const before = await contentsOf(made);

  const imported = await compactor(['import', made, '--as', 'adopted']);
  await compactor(['submit', 'adopted', '--delta-id', 'more'], { stdin: upserts('more', 3) });
  await compactor(['start', 'adopted']);
  const verified = await compactor(['verify', 'adopted', '--deep']);
  const again = await compactor(['import', made, '--as', 'adopted']);

  expect(imported).toMatchObject({
    code: 0,
    json: { collection: 'adopted', version: 1, records: 30, dimension: 4, space: 'l2', importedFrom: 'source' },
  });
  expect(imported.json).toMatchObject({ removed: [], strangers: ['notes.txt'] });
  expect(
    verified.json.versions.map(({ version, records }: { version: number; records: number }) => [version, records]),
  ).toEqual([
    [2, 33],
    [1, 30],
    [0, 0],
  ]);
  expect(await contentsOf(made)).toEqual(before);
  expect(again.code).toBe(2);
  expect(JSON.parse(again.stderr)).toMatchObject({ error: 'CollectionExistsError' });
  const events = await compactor(['events', 'adopted']);
  expect(events.json[0]).toMatchObject({ detail: { version: 1, deltas: [], current: { records: 30 } } });
});

test('an empty collection that was created beforehand is filled, and one of another shape refused', async () => {
  await compactor(['create', 'ready', '--dimension', '4', '--space', 'l2']);
  await compactor(['create', 'other-shape', '--dimension', '5']);

  expect((await compactor(['import', made, '--as', 'ready'])).json).toMatchObject({ version: 1, records: 30 });
  const refused = await compactor(['import', made, '--as', 'other-shape']);
  expect(JSON.parse(refused.stderr)).toMatchObject({ error: 'CollectionExistsError' });
});

test('directories that nobody uses make room for it', async (context) => {
  const files = [...(await contentsOf(made)).values()];
  const size = files.reduce((sum, content) => sum + Buffer.byteLength(content, 'base64'), 0);
  const disk = await smallDisk(String(Math.ceil(6.75 * size)));
  try {
    if (!disk.isMounted) context.skip();
    const directories = new FileWorkingDirectories(disk);
    await keepThreeWarm(directories, 2 * size);
    await mkdir(at('tight'));
    await symlink(disk.root, at('tight/work'));

    const imported = await runCommand(at('tight'), ['import', made, '--as', 'adopted']);

    expect(imported.json).toMatchObject({ version: 1, records: 30 });
    expect(await stillWarm(directories)).toEqual(['anna', 'carl']);
  } finally {
    await disk.remove();
  }
});

test('it needs room for its files, and for the database again, which is written anew', async () => {
  const survey = await surveyDirectory(made);
  const sizeOf = async (path: string) => (await readFile(join(made, path))).length;
  const sizes = await Promise.all(survey.files.map(({ path }) => sizeOf(path)));
  const total = sizes.reduce((sum, size) => sum + size, 0);

  expect(roomFor(survey)).toBe(total + (await sizeOf('chroma.sqlite3')));
});

describe('an archive', () => {
  test('of a directory is imported, with or without a folder around it', async () => {
    await pack({ file: at('inside.tar.gz'), gzip: true, cwd: scratch }, ['made']);
    await pack({ file: at('bare.tar.gz'), gzip: true, cwd: made }, await readdir(made));

    expect((await compactor(['import', at('inside.tar.gz'), '--as', 'archived-1'])).json).toMatchObject({
      records: 30,
    });
    expect((await compactor(['import', at('bare.tar.gz'), '--as', 'archived-2'])).json).toMatchObject({ records: 30 });
  });

  test('that leads out of itself, holds links, is too large, or is none is refused', async () => {
    await mkdir(at('evil/in'), { recursive: true });
    await symlink('/etc/passwd', at('evil/in/chroma.sqlite3'));
    await pack({ file: at('link.tar.gz'), gzip: true, cwd: at('evil') }, ['in']);
    await writeFile(at('evil/out.txt'), 'x');
    await pack({ file: at('up.tar.gz'), gzip: true, cwd: at('evil/in'), preservePaths: true }, ['../out.txt']);
    await pack({ file: at('absolute.tar.gz'), gzip: true, preservePaths: true }, [at('evil/out.txt')]);
    await pack({ file: at('large.tar.gz'), gzip: true, cwd: scratch }, ['made']);
    await writeFile(at('none.tar.gz'), 'no archive at all');
    const reasons: Array<[string, string, string[]]> = [
      ['link.tar.gz', 'SymbolicLink', []],
      ['up.tar.gz', 'leads out', []],
      ['absolute.tar.gz', 'leads out', []],
      ['large.tar.gz', 'unpacks to more', ['--max-gib', '0.00001']],
      ['none.tar.gz', 'cannot be unpacked', []],
    ];
    for (const [file, reason, options] of reasons) {
      const refused = await compactor(['import', at(file), '--as', 'evil', ...options]);
      expect([file, refused.code]).toEqual([file, 2]);
      expect(refused.stderr).toContain(reason);
    }
    expect(JSON.parse((await compactor(['status', 'evil'])).stderr)).toMatchObject({
      error: 'CollectionNotFoundError',
    });
  });
});

test('a directory that is not at rest, damaged, or none is refused, and nothing is created', async () => {
  const journalled = at('journalled');
  await cp(made, journalled, { recursive: true });
  await writeFile(join(journalled, 'chroma.sqlite3-journal'), 'x');
  const damaged = at('damaged');
  await cp(made, damaged, { recursive: true });
  const database = await readFile(join(damaged, 'chroma.sqlite3'));
  database.fill(0xff, 8192, database.length - 4096);
  await writeFile(join(damaged, 'chroma.sqlite3'), database);
  const cases: Array<[string, number, string]> = [
    [journalled, 3, 'chroma.sqlite3-journal'],
    [damaged, 3, 'DamagedSourceError'],
    [tmpdir(), 2, 'no Chroma directory'],
    [at('nowhere'), 2, 'There is no'],
  ];
  for (const [path, code, reason] of cases) {
    const refused = await compactor(['import', path, '--as', 'refused']);
    expect([path, refused.code]).toEqual([path, code]);
    expect(refused.stderr).toContain(reason);
  }
  expect(JSON.parse((await compactor(['status', 'refused'])).stderr)).toMatchObject({
    error: 'CollectionNotFoundError',
  });
});

const { CHROMA_PYTHON: python } = process.env;

describe.skipIf(python === undefined)("a directory made by Python's chromadb", () => {
  const env = { ...process.env, CHROMA_BIN: join(dirname(python ?? ''), 'chroma') };
  const MAKE = `
import chromadb, sys
client = chromadb.PersistentClient(sys.argv[1])
for name in sys.argv[2:]:
    made = client.create_collection(name, configuration={"hnsw": {"space": "l2"}}, metadata={"by": "python"})
    made.add(ids=[f"py-{n}" for n in range(1500)], embeddings=[[float(n), 1.0, 0.5, -1.0 - n] for n in range(1500)],
             documents=[f"{name} {n}" for n in range(1500)], metadatas=[{"n": n} for n in range(1500)])
`;
  const READ = `
import chromadb, json, sys
client = chromadb.PersistentClient(sys.argv[1])
c = client.get_collection(sys.argv[2])
r = c.get(ids=["py-0", "py-7", "more-1"], include=["embeddings", "documents", "metadatas"])
near = c.query(query_embeddings=[[7.0, 1.0, 0.5, -8.0]], n_results=1)["ids"][0][0]
print(json.dumps(dict(count=c.count(), collections=[x.name for x in client.list_collections()], near=near,
  records=sorted([[i, [float(x) for x in e], d, m] for i, e, d, m in zip(r["ids"], r["embeddings"], r["documents"], r["metadatas"])]))))
`;

  test('is imported, compacted and checked out, and Python opens the result', async () => {
    await run(python ?? '', ['-c', MAKE, at('python'), 'py-pets']);

    const imported = await compactor(['import', at('python')], { env });
    await compactor(['submit', 'py-pets', '--delta-id', 'more'], {
      env,
      stdin: `${upserts('more', 2)}{"op":"delete","id":"py-0"}\n`,
    });
    const started = await compactor(['start', 'py-pets'], { env });
    const verified = await compactor(['verify', 'py-pets', '--deep'], { env });
    await compactor(['checkout', 'py-pets', at('python-out')], { env });
    const { stdout } = await run(python ?? '', ['-c', READ, at('python-out'), 'py-pets']);

    expect(imported).toMatchObject({
      code: 0,
      json: { collection: 'py-pets', version: 1, records: 1500, space: 'l2' },
    });
    expect(started.json).toMatchObject({ status: 'SUCCEEDED', state: { committed: { version: 2, records: 1501 } } });
    expect(verified.json).toMatchObject({ ok: true });
    expect(JSON.parse(stdout)).toEqual({
      count: 1501,
      collections: ['py-pets'],
      near: 'py-7',
      records: [
        ['more-1', [1, 1.5, 2, 2.5], 'more 1', null],
        ['py-7', [7, 1, 0.5, -8], 'py-pets 7', { n: 7 }],
      ],
    });
  });

  test('of several collections is imported only by choice, and nothing of the others comes along', async () => {
    await run(python ?? '', ['-c', MAKE, at('several'), 'wanted', 'secret-others']);

    const unchosen = await compactor(['import', at('several')], { env });
    const wrong = await compactor(['import', at('several'), '--collection', 'nobody'], { env });
    const chosen = await compactor(['import', at('several'), '--collection', 'wanted', '--as', 'chosen'], { env });
    await compactor(['checkout', 'chosen', at('several-out')], { env });
    const { stdout } = await run(python ?? '', ['-c', READ, at('several-out'), 'chosen']);

    expect([unchosen.code, wrong.code]).toEqual([2, 2]);
    expect(unchosen.stderr).toContain('Choose one');
    expect(chosen.json).toMatchObject({ records: 1500, importedFrom: 'wanted', removed: ['secret-others'] });
    expect(JSON.parse(stdout)).toMatchObject({ count: 1500, collections: ['chosen'], near: 'py-7' });
    for (const bytes of (await contentsOf(at('several-out'))).values()) {
      expect(Buffer.from(bytes, 'base64').includes('secret-others')).toBe(false);
    }
  });

  test('by a newer Chroma than the one here is refused', async () => {
    const binding = { ...process.env };
    delete binding.CHROMA_BIN;
    await run(python ?? '', ['-c', MAKE, at('newer'), 'newer']);
    const { stdout } = await run(python ?? '', ['-c', 'import chromadb; print(chromadb.__version__)']);

    const imported = await compactor(['import', at('newer')], { env: binding });

    // Where the binding of npm is as new as Python's Chroma, there is nothing to refuse.
    const isOlder = imported.code !== 0;
    if (isOlder) expect(JSON.parse(imported.stderr), stdout).toMatchObject({ error: 'EngineTooOldError' });
    else expect(imported.json).toMatchObject({ records: 1500 });
  });
});
