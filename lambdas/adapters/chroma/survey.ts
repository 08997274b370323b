/** What a Chroma persist directory of somebody else's holds, read without a server and without changing a byte. */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DirtyDirectoryError, InvalidInputError } from '../../protocol/errors.ts';
import { DATABASE, readMigrations, refuseJournals } from './inspect.ts';

export interface SurveyedCollection {
  name: string;
  /** `<tenant>/<database>`. */
  database: string;
  /** `null`: it never held a record. */
  dimension: number | null;
  records: number;
}

export interface Survey {
  /** Highest migration per kind. */
  migrations: Record<string, number>;
  collections: SurveyedCollection[];
  /** Files that belong to the database and its vector segments: path, size and modification time in milliseconds. */
  files: Array<{ path: string; size: number; modifiedAt: number }>;
  /** Whatever else lies there; it is no part of a snapshot. */
  strangers: string[];
}

/** Bytes that a copy needs on a disk: the files, and while others are taken out of it, the journal of the `VACUUM`. */
export function roomFor({ files, collections }: Survey): number {
  const copied = files.reduce((sum, { size }) => sum + size, 0);
  const database = files.find(({ path }) => path === DATABASE)?.size ?? 0;
  return copied + (collections.length > 1 ? database : 0);
}

const COLLECTIONS = `
  SELECT collections.name AS name, databases.tenant_id || '/' || databases.name AS database, dimension,
    (SELECT count(*) FROM embeddings JOIN segments ON segments.id = embeddings.segment_id AND segments.scope = 'METADATA'
     WHERE segments.collection = collections.id) AS records
  FROM collections JOIN databases ON databases.id = collections.database_id ORDER BY collections.name`;

/** @throws DirtyDirectoryError (a journal, a failed check, links), InvalidInputError (no Chroma directory) */
export async function surveyDirectory(path: string): Promise<Survey> {
  const names = await readdir(path).catch((cause) => {
    throw new InvalidInputError(`"${path}" cannot be read: ${(cause as Error).message}.`, { cause });
  });
  if (!names.includes(DATABASE)) {
    throw new InvalidInputError(
      `"${path}" holds no ${DATABASE}, so it is no Chroma directory. Name the one that does.`,
    );
  }
  await refuseJournals(path);
  const migrations = await readMigrations(path);
  const { collections, segments } = readDatabase(path);
  const own = names.filter((name) => name === DATABASE || segments.has(name)).sort();
  const strangers = names.filter((name) => !own.includes(name)).sort();
  return {
    migrations,
    collections,
    files: (await Promise.all(own.map((name) => filesOf(path, name)))).flat(),
    strangers,
  };
}

/** Ids of the vector segments, each of which has a folder of that name. */
export function readSegments(path: string): Set<string> {
  return readDatabase(path).segments;
}

function readDatabase(path: string): { collections: SurveyedCollection[]; segments: Set<string> } {
  const database = new DatabaseSync(join(path, DATABASE), { readOnly: true });
  try {
    const [check] = database.prepare('PRAGMA quick_check(1)').all();
    if (check?.quick_check !== 'ok') {
      throw new DirtyDirectoryError(
        `The database in "${path}" is damaged: its integrity check says "${check?.quick_check}". Restore a backup of it.`,
      );
    }
    const collections = database.prepare(COLLECTIONS).all() as unknown as SurveyedCollection[];
    const rows = database.prepare(`SELECT id FROM segments WHERE scope = 'VECTOR'`).all();
    return {
      collections: collections.map((row) => ({ ...row })),
      segments: new Set(rows.map((row) => String(row.id))),
    };
  } catch (cause) {
    if (cause instanceof DirtyDirectoryError) throw cause;
    throw new DirtyDirectoryError(
      `The database in "${path}" cannot be read as Chroma's: ${(cause as Error).message}. Stop its server, and migrate very old ones with Chroma's own tools.`,
      { cause },
    );
  } finally {
    database.close();
  }
}

async function filesOf(root: string, path: string): Promise<Survey['files']> {
  const stats = await lstat(join(root, path));
  if (stats.isFile()) return [{ path, size: stats.size, modifiedAt: stats.mtimeMs }];
  if (!stats.isDirectory()) {
    throw new DirtyDirectoryError(
      `"${join(root, path)}" is neither a file nor a folder. Replace links by what they name.`,
    );
  }
  const names = (await readdir(join(root, path))).sort();
  return (await Promise.all(names.map((name) => filesOf(root, `${path}/${name}`)))).flat();
}
