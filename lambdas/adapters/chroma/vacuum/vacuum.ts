/**
 * Vacuums a closed directory of Chroma in place: the collection keeps its ids, numbers, settings and order, and dead
 * data is removed. The full-text index is rebuilt, the database rewritten, and the vector index rebuilt from the same
 * vectors. See ADR 45.
 */
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { ConfigurationError, DirtyDirectoryError, DiskFullError } from '../../../errors/errors.ts';
import type { Space } from '../../../ports.ts';
import { systemCode, withRoom } from '../../files/disk-errors.ts';
import { DATABASE, leaveWal, openAtRest } from '../database.ts';
import type { LocatedEngine } from '../locator.ts';
import type { ServerTimes } from '../server.ts';
import { NEW_COLLECTION } from '../session.ts';
import { type VectorSegment, vectorSegments } from '../vector-index/catalogue.ts';
import { compactDatabase } from './compact-database.ts';
import { buildIndex } from './new-index.ts';
import { closeIndex, type ExactVectors, findVectors, type IndexFiles, openIndex } from './vectors.ts';

/** Inside the directory, so that clearing or repairing that after a crash removes it. */
const SCRATCH = 'vacuum';
const LAST_WRITE = `SELECT max(seq_id) AS last FROM embeddings_queue WHERE topic LIKE '%/' || ?`;

export interface VacuumOptions {
  collection: string;
  space: Space;
  dimension: number;
  schema?: string;
  requestMs: number;
  times: ServerTimes;
}

/**
 * The directory must be dirty, at rest and checked. If this throws, the directory must be discarded or repaired.
 * @throws DirtyDirectoryError (a record has no vector, the database cannot be written), EngineUnavailableError,
 * EngineRunawayError, DiskFullError
 */
export async function vacuumDirectory(engine: LocatedEngine, path: string, options: VacuumOptions): Promise<void> {
  return withRoom(path, () => renew(engine, path, options));
}

async function renew(engine: LocatedEngine, path: string, options: VacuumOptions): Promise<void> {
  await leaveWal(path);
  const catalogue = await blaming(path, () => readCatalogue(join(path, DATABASE), options.collection));
  await renewIndex(engine, path, catalogue, options);
  const { segment, ...rest } = catalogue;
  const ids = { collection: segment.collection, segment: segment.id };
  await blaming(path, () => withRoom(path, () => compactDatabase(join(path, DATABASE), { ...ids, ...rest })));
}

async function renewIndex(
  engine: LocatedEngine,
  path: string,
  { segment, settings }: Catalogue,
  { space, dimension, requestMs, times }: VacuumOptions,
): Promise<void> {
  const scratch = join(path, SCRATCH);
  const folder = join(path, segment.id);
  await rm(scratch, { recursive: true, force: true });
  const old = await blaming(path, () => openIndex(folder, 'r'));
  try {
    const vectors = await blaming(path, () => readVectors(join(path, DATABASE), segment, old));
    const built = await buildIndex(engine, scratch, old, vectors, {
      ...{ space, dimension, requestMs, times },
      maxNeighbors: old?.header.maxNeighbours ?? settings.maxNeighbors,
      efConstruction: old?.header.efConstruction ?? settings.efConstruction,
    });
    await rm(folder, { recursive: true, force: true });
    await rename(built, folder);
    await rm(scratch, { recursive: true });
  } finally {
    await closeIndex(old);
  }
}

interface Catalogue {
  segment: VectorSegment;
  /** Number of the last write of all. */
  indexed: number;
  tables: ReadonlySet<string>;
  /** For an index that has never been persisted. */
  settings: { maxNeighbors: number; efConstruction: number };
}

async function readCatalogue(file: string, collection: string): Promise<Catalogue> {
  return reading(file, (database) => {
    const [segment, ...others] = vectorSegments(database, collection);
    if (segment === undefined || others.length > 0) throw new Error(`it has no or several indexes of "${collection}"`);
    const last = database.prepare('SELECT max(seq_id) AS last FROM embeddings_queue').get()?.last;
    const own = database.prepare(LAST_WRITE).get(segment.collection)?.last;
    // The log is cut, so vectors that only it holds would be lost.
    if ((segment.recorded ?? 0) < Number(own ?? 0)) throw new Error('its log holds writes that its records lack');
    const names = database.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table'`).all();
    const row = database.prepare('SELECT * FROM collections WHERE id = ?').get(segment.collection);
    const said = Object.values(row ?? {}).join(' ');
    const setting = (name: string, otherwise: number) =>
      Number(new RegExp(`"${name}" *: *([0-9]+)`).exec(said)?.[1] ?? otherwise);
    return {
      segment,
      indexed: Math.max(segment.indexed ?? 0, segment.recorded ?? 0, Number(last ?? 0)),
      tables: new Set(names.map(({ name }) => String(name))),
      settings: {
        maxNeighbors: setting('max_neighbors', NEW_COLLECTION.max_neighbors),
        efConstruction: setting('ef_construction', NEW_COLLECTION.ef_construction),
      },
    };
  });
}

function readVectors(file: string, segment: VectorSegment, old: IndexFiles | undefined): Promise<ExactVectors> {
  return reading(file, (database) => findVectors(database, segment, old));
}

async function reading<T>(file: string, task: (database: DatabaseSync) => T | Promise<T>): Promise<T> {
  const database = openAtRest(file);
  try {
    return await task(database);
  } finally {
    database.close();
  }
}

/** If a step fails on files that were checked, the files are at fault. */
async function blaming<T>(path: string, task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (cause) {
    // A failure of the machine is not damage.
    const isOfMachine = cause instanceof DiskFullError || cause instanceof ConfigurationError;
    if (systemCode(cause) !== undefined || isOfMachine) throw cause;
    throw new DirtyDirectoryError(
      `The Chroma directory "${path}" could not be vacuumed: ${(cause as Error).message}. Discard it, and look for damage: ` +
        'compactor verify --deep.',
      { cause },
    );
  }
}
