/** Reduces a copied directory to one collection, with the name and in the database that it has in a snapshot. */
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ChromaClient, type EmbeddingFunction } from 'chromadb';
import { DirtyDirectoryError } from '../../errors/errors.ts';
import { DATABASE, leaveWal } from './database.ts';
import { HOST } from './free-port.ts';
import type { LocatedEngine } from './locator.ts';
import { purgeOthers } from './purge-others.ts';
import { ChromaServer, type ServerTimes } from './server.ts';
import type { SurveyedCollection } from './survey.ts';
import { findIndexFault } from './vector-index/segment.ts';

/** Nothing is embedded here; the client must not look for the embedding function of the collection's maker. */
const NO_EMBEDDINGS: EmbeddingFunction = { generate: async () => undefined as unknown as number[][] };

export interface Isolation {
  collection: SurveyedCollection;
  others: readonly SurveyedCollection[];
  /** Its new name. */
  name: string;
  /** The engine first migrates the database to its own schema. */
  isOlder: boolean;
}

/**
 * Delete the other collections through Chroma's own interface, then what it leaves of them, and of those deleted
 * earlier.
 * @throws EngineUnavailableError, and errors of the client and the database about damage
 */
export async function isolate(
  engine: LocatedEngine,
  path: string,
  isolation: Isolation,
  times: ServerTimes,
): Promise<void> {
  await leaveWal(path);
  await refuseDamagedIndex(path, isolation.collection.name);
  // A server that has just changed the schema may keep statements prepared for the old one and panic over a column
  // (1.4.4 on a directory of 0.4.24, about once in ten starts). A server that starts on the changed schema does not.
  if (isolation.isOlder) await (await ChromaServer.start(engine, path, times)).stop();
  await leaveWal(path);
  const id = await reduce(engine, path, isolation, times);
  await leaveWal(path);
  const folders = await rewrite(join(path, DATABASE), id, isolation.others.length > 0);
  for (const name of await readdir(path)) {
    if (name !== DATABASE && !folders.has(name)) await rm(join(path, name), { recursive: true });
  }
}

/** Check before an engine opens it: on a damaged index it may hang, take any amount of memory, or fill the disk. */
async function refuseDamagedIndex(path: string, name: string): Promise<void> {
  const fault = await findIndexFault(path, join(path, DATABASE), name, { thorough: true });
  if (fault !== undefined) throw new DirtyDirectoryError(`The vector index of "${name}" is damaged: ${fault}.`);
}

/** @returns The collection's id */
async function reduce(
  engine: LocatedEngine,
  path: string,
  { collection: { tenant, database, name: from }, others, name }: Isolation,
  times: ServerTimes,
): Promise<string> {
  const server = await ChromaServer.start(engine, path, times);
  const client = (where: { tenant: string; database: string }) =>
    new ChromaClient({ host: HOST, port: server.port, tenant: where.tenant, database: where.database });
  try {
    for (const other of others) await client(other).deleteCollection({ name: other.name });
    const collection = await client({ tenant, database }).getCollection({
      name: from,
      embeddingFunction: NO_EMBEDDINGS,
    });
    if (from !== name) await collection.modify({ name });
    return collection.id;
  } finally {
    await server.stop();
  }
}

/**
 * Rewrite the database without data of other collections, including free pages, which still hold it. Written to another
 * file and renamed, so that it is never half done.
 * @returns Names of the folders that belong to the collection
 */
async function rewrite(file: string, id: string, hadOthers: boolean): Promise<Set<string>> {
  const beside = `${file}.rewritten`;
  // A foreign key of Chroma's schema names a table that does not exist.
  const database = new DatabaseSync(file, { enableForeignKeyConstraints: false });
  let folders: Set<string>;
  try {
    folders = purgeOthers(database, id, hadOthers);
    database.prepare('VACUUM INTO ?').run(beside);
  } finally {
    database.close();
  }
  await rename(beside, file);
  return folders;
}
