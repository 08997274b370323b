/**
 * Makes a working directory of a Chroma directory that somebody else made: a verified copy, which holds exactly one
 * collection, under the name that it has here. The source is only read, and must be at rest.
 */
import { constants } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ChromaClient, type EmbeddingFunction } from 'chromadb';
import { SPACES, type Space, type WorkingDirectory } from '../../ports.ts';
import { DirtyDirectoryError, EngineTooOldError, InvalidInputError } from '../../protocol/errors.ts';
import { HOST } from './free-port.ts';
import { DATABASE, readMigrations, refuseJournals } from './inspect.ts';
import { type LocatedEngine, locateEngine } from './locator.ts';
import { ChromaServer } from './server.ts';
import { readSegments, type Survey, type SurveyedCollection, surveyDirectory } from './survey.ts';

const TIMES = { startMs: 60_000, graceMs: 2_000 };
const DEFAULT_DATABASE = 'default_tenant/default_database';
/** Nothing is embedded here; the client must not go looking for what the collection's maker used. */
const NO_EMBEDDINGS: EmbeddingFunction = { generate: async () => undefined as unknown as number[][] };

export interface AdoptRequest {
  source: string;
  /** What was found in it. */
  survey: Survey;
  /** Owned, and empty afterwards but for the copy. */
  directory: WorkingDirectory;
  /** Name that the collection gets. */
  name: string;
  /** Name that it has in the source; needed when there are several. */
  chosen?: string | undefined;
}

export interface Adopted {
  /** Name that it had. */
  chosen: string;
  space: Space;
  dimension: number;
  records: number;
  /** Other collections of the source: they are not in the copy. */
  removed: string[];
  /** Files of the source that belong to no collection: they are not in the copy. */
  strangers: string[];
}

/**
 * @throws InvalidInputError (no Chroma directory, no such collection, several and none chosen), DirtyDirectoryError (not
 * at rest, or damaged), EngineTooOldError (made by a newer Chroma), EngineUnavailableError
 */
export async function adoptDirectory({ source, survey, directory, name, chosen }: AdoptRequest): Promise<Adopted> {
  const collection = choose(survey.collections, source, chosen);
  const engine = await locateEngine();
  await refuseNewer(engine, survey, source);
  await directory.clear();
  await copy(source, directory.path, survey);
  const removed = survey.collections.filter((other) => other !== collection).map((other) => other.name);
  const space = await reduce(engine, directory.path, { from: collection.name, to: name, removed });
  if (removed.length > 0) await forget(directory.path);
  const { dimension, records } = collection;
  if (dimension === null) throw new InvalidInputError(`"${collection.name}" has no dimension.`);
  return { chosen: collection.name, space, dimension, records, removed, strangers: survey.strangers };
}

function choose(collections: readonly SurveyedCollection[], source: string, chosen?: string): SurveyedCollection {
  const list = collections.map(({ name, records }) => `"${name}" (${records} records)`).join(', ');
  const foreign = collections.find(({ database }) => database !== DEFAULT_DATABASE);
  if (foreign !== undefined) {
    throw new InvalidInputError(
      `"${foreign.name}" in "${source}" lies in database ${foreign.database}. Only ${DEFAULT_DATABASE} can be imported: copy it there.`,
    );
  }
  const wanted = chosen === undefined ? collections : collections.filter(({ name }) => name === chosen);
  const [collection, ...others] = wanted;
  if (collection === undefined) {
    throw new InvalidInputError(
      collections.length === 0
        ? `"${source}" holds no collection.`
        : `"${source}" holds no collection "${chosen}". It holds ${list}: choose one of them by --collection.`,
    );
  }
  if (others.length > 0) {
    throw new InvalidInputError(`"${source}" holds several collections: ${list}. Choose one by --collection.`);
  }
  if (collection.dimension === null || collection.records === 0) {
    throw new InvalidInputError(
      `"${collection.name}" in "${source}" is empty, so there is nothing to import. Use: compactor create.`,
    );
  }
  return collection;
}

/** By the migrations that our own server makes of nothing: one that knows fewer aborts at start, or damages what it opens. */
async function refuseNewer(engine: LocatedEngine, survey: Survey, source: string): Promise<void> {
  const empty = await mkdtemp(join(tmpdir(), 'chroma-empty-'));
  try {
    const server = await ChromaServer.start(engine, empty, TIMES);
    await server.stop();
    const ours = await readMigrations(empty);
    for (const [kind, level] of Object.entries(survey.migrations)) {
      if (level <= (ours[kind] ?? 0)) continue;
      throw new EngineTooOldError(
        `"${source}" was written by a newer Chroma: its migration "${kind}" is ${level}; the engine here, ` +
          `${engine.identity.name} ${engine.identity.version}, knows ${ours[kind] ?? 0}. Set CHROMA_BIN to that version or a newer one.`,
      );
    }
  } finally {
    await rm(empty, { recursive: true, force: true });
  }
}

/** Under a read lock on the database, so that no write to it can end meanwhile; then everything is looked at again. */
async function copy(source: string, target: string, survey: Survey): Promise<void> {
  const database = new DatabaseSync(join(source, DATABASE), { readOnly: true });
  try {
    database.exec('BEGIN');
    database.prepare('SELECT count(*) FROM collections').get();
    for (const { path } of survey.files) {
      await mkdir(dirname(join(target, path)), { recursive: true });
      await copyFile(join(source, path), join(target, path), constants.COPYFILE_FICLONE);
    }
  } finally {
    database.close();
  }
  const after = await surveyDirectory(source);
  if (JSON.stringify(after) === JSON.stringify(survey)) return;
  throw new DirtyDirectoryError(
    `"${source}" changed while it was copied: something writes to it. Stop that, then import again.`,
  );
}

/** Remove the others and rename, through Chroma's own interface. */
async function reduce(
  engine: LocatedEngine,
  path: string,
  { from, to, removed }: { from: string; to: string; removed: readonly string[] },
): Promise<Space> {
  const server = await ChromaServer.start(engine, path, TIMES);
  try {
    const client = new ChromaClient({ host: HOST, port: server.port });
    for (const name of removed) await client.deleteCollection({ name });
    const collection = await client.getCollection({ name: from, embeddingFunction: NO_EMBEDDINGS });
    const space = collection.configuration.hnsw?.space;
    if (!SPACES.includes(space as Space)) {
      throw new InvalidInputError(`"${from}" has no HNSW index with one of the spaces ${SPACES.join(', ')}.`);
    }
    if (from !== to) await collection.modify({ name: to });
    return space as Space;
  } finally {
    await server.stop();
  }
}

/** What Chroma leaves of a collection that it deletes: rows without a segment, folders without a row, and free pages. */
async function forget(path: string): Promise<void> {
  await refuseJournals(path);
  const database = new DatabaseSync(join(path, DATABASE));
  try {
    database.exec('VACUUM');
  } finally {
    database.close();
  }
  const segments = readSegments(path);
  for (const name of await readdir(path)) {
    if (name !== DATABASE && !segments.has(name)) await rm(join(path, name), { recursive: true });
  }
}
