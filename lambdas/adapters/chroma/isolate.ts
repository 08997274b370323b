/** Leaves one collection of a copied directory, under the name and in the database that a snapshot has it in. */
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

/** Nothing is embedded here; the client must not go looking for what the collection's maker used. */
const NO_EMBEDDINGS: EmbeddingFunction = { generate: async () => undefined as unknown as number[][] };

export interface Isolation {
  collection: SurveyedCollection;
  others: readonly SurveyedCollection[];
  /** That it gets. */
  name: string;
  /** The engine brings the database to its own schema first. */
  isOlder: boolean;
}

/**
 * The others go by Chroma's own interface; what it leaves of them, and of others that went before, goes afterwards.
 * @throws EngineUnavailableError, and whatever client and database say of damage
 */
export async function isolate(
  engine: LocatedEngine,
  path: string,
  isolation: Isolation,
  times: ServerTimes,
): Promise<void> {
  await leaveWal(path);
  await refuseDamagedIndex(path, isolation.collection.name);
  // A server that has changed the schema may go on with statements for the old one, and panics over a column (1.4.4 on a
  // directory of 0.4.24, about once in ten starts). One that finds it changed does not.
  if (isolation.isOlder) await (await ChromaServer.start(engine, path, times)).stop();
  await leaveWal(path);
  const id = await reduce(engine, path, isolation, times);
  await leaveWal(path);
  const folders = await rewrite(join(path, DATABASE), id, isolation.others.length > 0);
  for (const name of await readdir(path)) {
    if (name !== DATABASE && !folders.has(name)) await rm(join(path, name), { recursive: true });
  }
}

/** Before an engine opens it: on a damaged index it may hang, take any amount of memory, or fill the disk. */
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
 * The database without anything of others, free pages included, whose bytes would still tell. Written beside it and
 * renamed: half of it would not do.
 * @returns Names of the folders that belong to the collection
 */
async function rewrite(file: string, id: string, hadOthers: boolean): Promise<Set<string>> {
  const beside = `${file}.rewritten`;
  // Chroma's schema names a table that does not exist in a foreign key.
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
