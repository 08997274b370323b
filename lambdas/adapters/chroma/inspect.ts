/** Reads the files of a closed Chroma directory without a server. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { DirtyDirectoryError } from '../../errors/errors.ts';
import type { DirectoryReport } from '../../ports.ts';
import { DATABASE, openAtRest } from './database.ts';
import { findFault } from './integrity.ts';
import { findIndexFault, type IndexCheckOptions } from './vector-index/segment.ts';

/** SQLite's companion files of a database that is open, or was not closed properly. */
export const JOURNAL = /-(journal|wal|shm)$/;

/**
 * A record is a row of `embeddings` under the collection's metadata segment. Chroma applies a write to that segment
 * before it acknowledges it (unlike the HNSW segment, which lags behind in `embeddings_queue`), so these rows are what
 * its own `count` counts.
 */
const RECORDS = `
  SELECT count(*) AS records
  FROM embeddings
  JOIN segments ON segments.id = embeddings.segment_id AND segments.scope = 'METADATA'
  JOIN collections ON collections.id = segments.collection
  WHERE collections.name = ?`;
export const MIGRATIONS = 'SELECT dir, max(version) AS version FROM migrations GROUP BY dir ORDER BY dir';

/** Names of journal files in a directory; empty if there is no such directory. */
export async function findJournals(path: string): Promise<string[]> {
  const names = await entries(path);
  return names.filter((name) => JOURNAL.test(name)).sort();
}

/** @throws DirtyDirectoryError (a journal is present: an engine runs there, or was stopped in the middle of a write) */
export async function refuseJournals(path: string): Promise<void> {
  const journals = await findJournals(path);
  if (journals.length > 0) throw dirty(path, `it holds ${journals.join(', ')}`);
}

/**
 * Integrity of the database and of the collection's vector index, migrations, and number of records. The directory must
 * be closed; nothing is written.
 *
 * The check reads the whole database, in a separate thread. If `thorough`, it is `PRAGMA quick_check`, which spends
 * most of its time on comparing the full-text index with the documents word by word (319 of 388 ms for 28 MB). Without
 * that comparison, the rest is checked in parts: is every tree well-formed, and is every page in exactly one tree or
 * free (ADR 0021)? ADR 0030 lists what is checked in the index.
 * @throws DirtyDirectoryError
 */
export async function inspectDirectory(
  path: string,
  collection: string,
  { thorough, untouched }: IndexCheckOptions,
): Promise<DirectoryReport> {
  await refuseJournals(path);
  if (!(await entries(path)).includes(DATABASE)) return { migrations: {}, records: 0 };
  const file = join(path, DATABASE);
  const looking = findFault(file, thorough).catch((cause: Error) => {
    throw dirty(path, `its ${DATABASE} cannot be read (${cause.message})`, cause);
  });
  // Both only read. What a damaged database says about an index is ignored.
  const indexing = findIndexFault(path, file, collection, { thorough, ...(untouched && { untouched }) });
  await Promise.allSettled([looking, indexing]);
  const fault = await looking;
  if (fault !== undefined) throw dirty(path, `its integrity check says "${fault}"`);
  const indexFault = await indexing.catch((cause: Error) => {
    throw dirty(path, `its vector index cannot be read (${cause.message})`, cause);
  });
  if (indexFault !== undefined) throw dirty(path, `the vector index of "${collection}" is damaged: ${indexFault}`);
  return read(path, (database) => {
    const counted = database.prepare(RECORDS).get(collection);
    return { migrations: migrationsOf(database), records: Number(counted?.records) };
  });
}

/**
 * Highest applied migration per kind; empty for no database.
 * @throws DirtyDirectoryError
 */
export async function readMigrations(path: string): Promise<Record<string, number>> {
  await refuseJournals(path);
  return (await entries(path)).includes(DATABASE) ? read(path, migrationsOf) : {};
}

function migrationsOf(database: DatabaseSync): Record<string, number> {
  const rows = database.prepare(MIGRATIONS).all();
  return Object.fromEntries(rows.map((row) => [String(row.dir), Number(row.version)]));
}

function read<T>(path: string, task: (database: DatabaseSync) => T): T {
  let database: DatabaseSync | undefined;
  try {
    database = openAtRest(join(path, DATABASE));
    return task(database);
  } catch (cause) {
    if (cause instanceof DirtyDirectoryError) throw cause;
    throw dirty(path, `its ${DATABASE} cannot be read (${(cause as Error).message})`, cause);
  } finally {
    database?.close();
  }
}

async function entries(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw dirty(path, `it cannot be listed (${(cause as Error).message})`, cause);
  }
}

function dirty(path: string, what: string, cause?: unknown): DirtyDirectoryError {
  return new DirtyDirectoryError(
    `The Chroma directory "${path}" cannot be used: ${what}. Repair it from its manifest, or discard it.`,
    { cause },
  );
}
