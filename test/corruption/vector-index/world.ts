/** A small collection whose index is in files, and what must be found in it. */
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChromaClient } from 'chromadb';
import { ChromaEngine } from '../../../lambdas/adapters/chroma/engine.ts';
import { HOST } from '../../../lambdas/adapters/chroma/free-port.ts';
import { locateEngine } from '../../../lambdas/adapters/chroma/locator.ts';
import { ChromaServer } from '../../../lambdas/adapters/chroma/server.ts';
import type { EngineRecord, EngineSession, Space, WorkingDirectory } from '../../../lambdas/ports.ts';
import { Random } from '../../simulation/random.ts';
import { START_MS } from '../../support/chroma-api.ts';

export const NAME = 'notes';
export const DIMENSION = 4;
/** Writes after which the engine persists: few, so that a merge does. */
export const SYNC_THRESHOLD = 30;
const TIMES = { startMs: START_MS, graceMs: 20 };

/** Does not wait for a server that ignores SIGTERM: all that it was asked is acknowledged. */
export const engine = new ChromaEngine(TIMES);

export interface Indexed {
  path: string;
  /** Of the vector segment. */
  folder: string;
  space: Space;
  records: Map<string, EngineRecord>;
}

export function makeRecord(id: string, random: Random): EngineRecord {
  const embedding = Array.from({ length: DIMENSION }, () => Math.fround(random.next() * 2 - 1));
  return { id, embedding, metadata: { id }, document: `About ${id}` };
}

/** With levels, deleted and updated elements, and writes that wait to be indexed. */
export async function makeIndexed(space: Space): Promise<Indexed> {
  const path = await mkdtemp(join(tmpdir(), 'vector-index-'));
  const server = await ChromaServer.start(await locateEngine(), path, TIMES);
  try {
    const client = new ChromaClient({ host: HOST, port: server.port });
    const configuration = { hnsw: { space, sync_threshold: SYNC_THRESHOLD, batch_size: 10 } };
    await client.createCollection({ name: NAME, configuration, embeddingFunction: null });
  } finally {
    await server.stop();
  }
  const random = new Random(7);
  const records = new Map(Array.from({ length: 160 }, (_, n) => [`r${n}`, makeRecord(`r${n}`, random)]));
  await within(at(path), space, async (session) => {
    const all = [...records.values()];
    for (let from = 0; from < all.length; from += 40) {
      await session.upsert(all.slice(from, from + 40));
      await session.count();
    }
    const gone = all.slice(0, 25).map(({ id }) => id);
    await session.remove(gone);
    for (const id of gone) records.delete(id);
    const changed = all.slice(60, 75).map(({ id }) => makeRecord(id, random));
    await session.upsert(changed);
    for (const record of changed) records.set(record.id, record);
    await session.count();
    const waiting = [makeRecord('late', random)];
    await session.upsert(waiting);
    for (const record of waiting) records.set(record.id, record);
    await session.count();
  });
  const folder = (await readdir(path, { withFileTypes: true })).find((entry) => entry.isDirectory())?.name ?? '';
  return { path, folder: join(path, folder), space, records };
}

/** An engine needs no more of a working directory. */
export function at(path: string): WorkingDirectory {
  return { path, markDirty: async () => {} } as Partial<WorkingDirectory> as WorkingDirectory;
}

export async function within<T>(
  directory: WorkingDirectory,
  space: Space,
  use: (session: EngineSession) => Promise<T>,
) {
  const session = await engine.open(directory);
  try {
    await session.useCollection(NAME, { space, dimension: DIMENSION });
    return await use(session);
  } finally {
    await session.close();
  }
}

export async function withCopy<T>({ path, folder }: Indexed, use: (path: string, folder: string) => Promise<T>) {
  const copy = await mkdtemp(join(tmpdir(), 'vector-index-copy-'));
  try {
    await cp(path, copy, { recursive: true });
    return await use(copy, folder.replace(path, copy));
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}
