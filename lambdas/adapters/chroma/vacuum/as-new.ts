/** Tells whether a directory without records holds anything about its collection that a new one would not. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { isDeepStrictEqual } from 'node:util';
import { DATABASE, leaveWal, openAtRest } from '../database.ts';
import type { LocatedEngine } from '../locator.ts';
import { ChromaServer } from '../server.ts';
import { ChromaSession } from '../session.ts';
import type { VacuumOptions } from './vacuum.ts';

const FRESH = 'fresh';
/**
 * Columns that are not compared: random ones, and those that the first record of a new collection would change, too.
 */
const PASSED_OVER = new Set(['id', 'database_id', 'dimension']);

/**
 * Compares every column with what the engine creates in an empty directory, so that columns of later versions are
 * included.
 */
export async function isAsNew(engine: LocatedEngine, path: string, options: VacuumOptions): Promise<boolean> {
  const { collection, requestMs, times } = options;
  const fresh = join(path, FRESH);
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh);
  const session = new ChromaSession(await ChromaServer.start(engine, fresh, times), requestMs);
  try {
    await session.useCollection(collection, options);
  } finally {
    await session.close();
  }
  await leaveWal(fresh);
  await leaveWal(path);
  const [expected, actual] = [describe(join(fresh, DATABASE), collection), describe(join(path, DATABASE), collection)];
  await rm(fresh, { recursive: true });
  return expected === actual;
}

function describe(file: string, collection: string): string {
  const database = openAtRest(file);
  try {
    const own = `SELECT id FROM collections WHERE name = '${collection}'`;
    const said = [
      rows(database, `SELECT * FROM collections WHERE name = '${collection}'`, PASSED_OVER),
      rows(database, `SELECT * FROM collection_metadata WHERE collection_id IN (${own})`, new Set(['collection_id'])),
      rows(
        database,
        `SELECT segments.scope, segments.type, segment_metadata.* FROM segments LEFT JOIN segment_metadata
         ON segment_metadata.segment_id = segments.id WHERE segments.collection IN (${own})`,
        new Set(['segment_id']),
      ),
      rows(database, 'SELECT * FROM embeddings_queue_config', new Set(['id'])),
    ];
    return JSON.stringify(said);
  } finally {
    database.close();
  }
}

function rows(database: DatabaseSync, sql: string, without: ReadonlySet<string>): string[] {
  const found = database.prepare(sql).all();
  const kept = found.map((row) => Object.entries(row).filter(([name]) => !without.has(name)));
  return kept.map((row) => JSON.stringify(row.map(([name, value]) => [name, inOrder(String(value))]))).sort();
}

/** JSON with sorted members: Chroma writes them in any order. */
function inOrder(text: string): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return text;
  }
  return JSON.stringify(withoutLearned(parsed), (_, value: unknown) =>
    isObject(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value,
  );
}

/**
 * Chroma 1.4 notes in the schema which keys records had, with the default settings of their types. Those were not set
 * by anybody.
 */
function withoutLearned(schema: unknown): unknown {
  if (!isObject(schema) || !isObject(schema.keys) || !isObject(schema.defaults)) return schema;
  const { keys, defaults } = schema;
  const isLearned = (types: unknown) =>
    isObject(types) && Object.entries(types).every(([type, how]) => isDeepStrictEqual(how, defaults[type]));
  return { ...schema, keys: Object.fromEntries(Object.entries(keys).filter(([, types]) => !isLearned(types))) };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
