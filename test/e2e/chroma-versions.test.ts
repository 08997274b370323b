/**
 * Directories made by Python's chromadb of several versions: imported, compacted on top, checked out, and compared with
 * what the newest client makes of the same directory and operations, record by record and filter by filter.
 *
 * CHROMA_PYTHON names a Python with the newest chromadb. CHROMA_PYTHON_OLD names more of them, with older ones, separated
 * by colons: `npm run test:chroma-versions` says which.
 */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { SPACES } from '../../lambdas/ports.ts';
import { runCommand } from './command-line.ts';

const run = promisify(execFile);
const scripts = join(import.meta.dirname, 'python');
const { CHROMA_PYTHON: newest = '', CHROMA_PYTHON_OLD: old = '' } = process.env;
const pythons = newest === '' ? [] : [...old.split(':').filter((path) => path !== ''), newest];
/** Five commands per collection, each a process, on a machine that may be busy. */
vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 });

/** What no file of an import may hold: parts of ids, texts, keys and names of other collections. */
const OF_OTHERS = ['secret', 'zyxwvut'];
/** What the full-text index makes of them. */
const TERMS_OF_OTHERS = ['zyx', 'xwv'];

test.skipIf(pythons.length > 0)('directories of other versions of Chroma: CHROMA_PYTHON names no Python', (context) => {
  context.skip();
});

describe.skipIf(pythons.length === 0).each(pythons)('a directory made by %s', (python) => {
  const env = { ...process.env, CHROMA_BIN: join(dirname(newest), 'chroma') };
  let scratch: string;
  const at = (name: string) => join(scratch, name);
  const compactor = async (args: string[]) => {
    const done = await runCommand(at('stack'), args, { env });
    expect(done, `${args[0]}: ${done.stderr}`).toMatchObject({ code: 0 });
    return done.json;
  };

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'chroma-versions-'));
    await run(python, [join(scripts, 'make_directory.py'), at('made'), at('delta.jsonl')]);
    await cp(at('made'), at('native'), { recursive: true });
  });
  afterAll(() => rm(scratch, { recursive: true, force: true }));

  test.each(SPACES)('in space %s comes out as native Chroma has it', async (space) => {
    const pets = `${space}-pets`;
    const out = at(`${space}-out`);

    const imported = await compactor(['import', at('made'), '--collection', pets]);
    await compactor(['submit', pets, at('delta.jsonl'), '--delta-id', 'more']);
    const started = await compactor(['start', pets]);
    await compactor(['checkout', pets, out]);
    const checkout = await leftBehind(out);
    const compare = [join(scripts, 'compare.py'), at('native'), pets, out, pets, at('delta.jsonl')];
    const compared = JSON.parse((await run(newest, compare)).stdout);

    expect(imported).toMatchObject({ space, dimension: 8 });
    expect(imported.removed).toContain('secret-others');
    expect(started.state.committed).toMatchObject({ version: 2 });
    expect(checkout).toEqual({ bytes: [], terms: [], folders: 1 });
    expect(compared.records).toBeGreaterThan(900);
    expect(compared.filters).toBeGreaterThan(400);
    expect(compared).toMatchObject({ found: 0, differences: [] });
  });
});

/** Of other collections in a checkout. */
async function leftBehind(directory: string) {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const contents = await Promise.all(files.map((file) => readFile(file)));
  const bytes = OF_OTHERS.filter((word) => contents.some((content) => content.includes(word)));
  const database = new DatabaseSync(join(directory, 'chroma.sqlite3'), { readOnly: true });
  try {
    database.exec(`CREATE VIRTUAL TABLE temp.terms USING fts5vocab(main, 'embedding_fulltext_search', 'row')`);
    const has = database.prepare('SELECT count(*) AS found FROM temp.terms WHERE term = ?');
    const terms = TERMS_OF_OTHERS.filter((term) => Number(has.get(term)?.found) > 0);
    return { bytes, terms, folders: entries.filter((entry) => entry.isDirectory()).length };
  } finally {
    database.close();
  }
}
