/** Surveys a foreign Chroma persist directory without a server and without changing a byte. */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { DamagedSourceError, InvalidInputError } from '../../errors/errors.ts';
import { DATABASE, openAtRest, readHeader } from './database.ts';
import { JOURNAL, MIGRATIONS } from './inspect.ts';
import { findFault } from './integrity.ts';

export interface SurveyedCollection {
  tenant: string;
  database: string;
  name: string;
  /** `null`: it never held a record. */
  dimension: number | null;
  records: number;
}

interface SurveyedFile {
  path: string;
  size: number;
  /** Modification time, and change time; milliseconds since the epoch. */
  modifiedAt: number;
  changedAt: number;
}

/** Shows whether anything was written meanwhile. */
export interface Stamp {
  /** Files that belong to the database and its vector segments. */
  files: SurveyedFile[];
  /** Header of the database, hex; it counts the transactions that changed it. */
  header: string;
}

export interface Survey extends Stamp {
  /** Highest migration per kind. */
  migrations: Record<string, number>;
  collections: SurveyedCollection[];
  /** Other files, which do not become part of a snapshot. */
  strangers: string[];
}

/** Chroma's default tenant and database, which every snapshot's collection is in. */
export const DEFAULT_TENANT = 'default_tenant';
export const DEFAULT_DATABASE = 'default_database';

/** Bytes that a copy needs on disk: the files, and the database once more while it is rewritten without free pages. */
export function roomFor({ files }: Survey): number {
  const copied = files.reduce((sum, { size }) => sum + size, 0);
  return copied + (files.find(({ path }) => path === DATABASE)?.size ?? 0);
}

const RECORDS = `
  (SELECT count(*) FROM embeddings JOIN segments ON segments.id = embeddings.segment_id AND segments.scope = 'METADATA'
   WHERE segments.collection = collections.id) AS records`;
const COLLECTIONS = `
  SELECT databases.tenant_id AS tenant, databases.name AS "database", collections.name AS name, dimension, ${RECORDS}
  FROM collections JOIN databases ON databases.id = collections.database_id ORDER BY tenant, "database", name`;
/** Before 0.4.15 there were no tenants. */
const COLLECTIONS_OF_NOBODY = `
  SELECT '${DEFAULT_TENANT}' AS tenant, '${DEFAULT_DATABASE}' AS "database", name, dimension, ${RECORDS}
  FROM collections ORDER BY name`;
const HAS_DATABASES = `SELECT count(*) AS found FROM sqlite_schema WHERE name = 'databases'`;
const FULL_TEXT = 'embedding_fulltext_search';
const PARQUET = /(^|\/)chroma-(collections|embeddings)\.parquet$/;
/** Completes a sentence about a directory, or about what contains one. */
export const OF_PARQUET =
  "it was made by Chroma 0.3, which kept collections in Parquet files. Convert it with Chroma's own tool " +
  '(pip install chroma-migrate; chroma-migrate), then import the directory that it makes';

/** @throws DamagedSourceError (not at rest, a failed check, links), InvalidInputError (no Chroma directory) */
export async function surveyDirectory(path: string): Promise<Survey> {
  const names = await readdir(path).catch((cause) => {
    throw new InvalidInputError(`"${path}" cannot be read: ${(cause as Error).message}.`, { cause });
  });
  if (!names.includes(DATABASE)) throw noDirectory(path, names);
  await refuseJournals(path, names);
  const { migrations, collections, segments } = await readDatabase(path);
  const own = names.filter((name) => name === DATABASE || segments.has(name)).sort();
  const strangers = names.filter((name) => !own.includes(name) && !JOURNAL.test(name)).sort();
  return { migrations, collections, strangers, ...(await stamp(path, own)) };
}

/** The fingerprint of the same files now. @throws DamagedSourceError (not at rest) */
export async function restamp(path: string, { files }: Stamp): Promise<Stamp> {
  await refuseJournals(path, await readdir(path));
  return stamp(path, [...new Set(files.map((file) => file.path.split('/')[0] ?? ''))]);
}

export function stampOf({ files, header }: Stamp): Stamp {
  return { files, header };
}

async function stamp(path: string, names: readonly string[]): Promise<Stamp> {
  const files = (await Promise.all(names.map((name) => filesOf(path, name)))).flat();
  return { files, header: (await readHeader(join(path, DATABASE))).toString('hex') };
}

/** Are there files of Chroma 0.3? */
export function isOfParquet(names: readonly string[]): boolean {
  return names.some((name) => PARQUET.test(name));
}

function noDirectory(path: string, names: readonly string[]): InvalidInputError {
  return new InvalidInputError(
    isOfParquet(names)
      ? `"${path}" cannot be imported: ${OF_PARQUET}.`
      : `"${path}" holds no ${DATABASE}, so it is no Chroma directory. Name the one that does.`,
  );
}

/**
 * Empty journals are accepted, since nothing would be missing without them: programs that only read a database in WAL
 * mode leave them behind.
 */
async function refuseJournals(path: string, names: readonly string[]): Promise<void> {
  const journals = await Promise.all(names.filter((name) => JOURNAL.test(name)).map((name) => filesOf(path, name)));
  const [first] = journals.flat().filter(({ path: name, size }) => size > 0 && !name.endsWith('-shm'));
  if (first === undefined) return;
  throw new DamagedSourceError(
    `"${path}" is not at rest: its ${first.path} holds changes that are not in the database yet. Stop the server or ` +
      'process that has it open, then import again. If none has, the last one was killed: open it with the Chroma that ' +
      'made it, and end that in order.',
  );
}

async function readDatabase(path: string) {
  const file = join(path, DATABASE);
  const fault = await findFault(file, true).catch((cause: Error) => {
    throw unreadable(path, cause);
  });
  if (fault !== undefined) throw faulty(path, fault);
  return read(path, (database) => {
    const hasDatabases = Number(database.prepare(HAS_DATABASES).get()?.found) > 0;
    const rows = database.prepare(hasDatabases ? COLLECTIONS : COLLECTIONS_OF_NOBODY).all();
    const segments = database.prepare(`SELECT id FROM segments WHERE scope = 'VECTOR'`).all();
    const migrations = database.prepare(MIGRATIONS).all();
    return {
      migrations: Object.fromEntries(migrations.map((row) => [String(row.dir), Number(row.version)])),
      collections: rows.map((row) => ({ ...row }) as unknown as SurveyedCollection),
      segments: new Set(segments.map((row) => String(row.id))),
    };
  });
}

function read<T>(path: string, task: (database: DatabaseSync) => T): T {
  let database: DatabaseSync | undefined;
  try {
    database = openAtRest(join(path, DATABASE));
    return task(database);
  } catch (cause) {
    throw unreadable(path, cause as Error);
  } finally {
    database?.close();
  }
}

function unreadable(path: string, cause: Error): DamagedSourceError {
  return new DamagedSourceError(
    `The ${DATABASE} of "${path}" cannot be read as Chroma's (${cause.message}). Restore a backup of the directory.`,
    { cause },
  );
}

function faulty(path: string, fault: string): DamagedSourceError {
  const remedy = fault.includes(FULL_TEXT)
    ? `Only its full-text index is damaged. Rebuild it: sqlite3 ${join(path, DATABASE)} "INSERT INTO ${FULL_TEXT}(${FULL_TEXT}) VALUES('rebuild')", then import again.`
    : 'Restore a backup of the directory.';
  return new DamagedSourceError(`The ${DATABASE} of "${path}" is damaged: SQLite's check says "${fault}". ${remedy}`);
}

async function filesOf(root: string, path: string): Promise<SurveyedFile[]> {
  const stats = await lstat(join(root, path));
  if (stats.isFile()) return [{ path, size: stats.size, modifiedAt: stats.mtimeMs, changedAt: stats.ctimeMs }];
  if (!stats.isDirectory()) {
    throw new DamagedSourceError(
      `"${join(root, path)}" is neither a file nor a folder. Replace links by what they name, then import again.`,
    );
  }
  const names = (await readdir(join(root, path))).sort();
  return (await Promise.all(names.map((name) => filesOf(root, `${path}/${name}`)))).flat();
}
