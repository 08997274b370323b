/**
 * Rebuilds a vector index from the live vectors of the old one and of the log. The engine builds it in a separate
 * directory; then the vectors are overwritten byte for byte with those of the old index, since the engine would have
 * normalised normalised vectors a second time.
 */
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ChromaClient } from 'chromadb';
import { EngineUnavailableError } from '../../../errors/errors.ts';
import type { Space } from '../../../ports.ts';
import { readFully, writeFully } from '../../files/whole-reads.ts';
import { batches, MAX_REQUEST_BYTES, patienceMs } from '../batches.ts';
import { DATABASE } from '../database.ts';
import { HOST } from '../free-port.ts';
import type { LocatedEngine } from '../locator.ts';
import { ask, base64, body } from '../requests.ts';
import { ChromaServer, type ServerTimes } from '../server.ts';
import { vectorSegments } from '../vector-index/catalogue.ts';
import { WORD } from '../vector-index/header.ts';
import { closeIndex, type ExactVectors, type IndexFiles, labelIn, openIndex, stretches } from './vectors.ts';

const NAME = 'vacuum';
/** Fills up an index with fewer records than the engine persists; deleted before the index is used. */
const PLACEHOLDER = 'compactor-vacuum-placeholder';
const FEWEST = 2;
const MAX_RECORDS = 1_000;
/** Overhead of a vector in a request and in the log. */
const RECORD_BYTES = 200;

export interface NewIndexOptions {
  space: Space;
  dimension: number;
  /** Settings for building the index, taken from the old one. */
  maxNeighbors: number;
  efConstruction: number;
  requestMs: number;
  times: ServerTimes;
}

/**
 * @param path Of a folder that does not exist yet.
 * @returns The index's folder, closed
 * @throws EngineUnavailableError, EngineRunawayError
 */
export async function buildIndex(
  engine: LocatedEngine,
  path: string,
  old: IndexFiles | undefined,
  vectors: ExactVectors,
  options: NewIndexOptions,
): Promise<string> {
  await mkdir(path);
  await fill(engine, path, old, vectors, options);
  const folder = join(path, segmentIn(path));
  await putExact(folder, old, vectors);
  return folder;
}

async function fill(
  engine: LocatedEngine,
  path: string,
  old: IndexFiles | undefined,
  vectors: ExactVectors,
  { space, dimension, maxNeighbors, efConstruction, requestMs, times }: NewIndexOptions,
): Promise<void> {
  const records = vectors.sent.size + vectors.elements.size;
  const bytes = dimension * WORD + RECORD_BYTES;
  const server = await ChromaServer.start(engine, path, { ...times, incomingBytes: records * bytes });
  try {
    const client = new ChromaClient({ host: HOST, port: server.port });
    const isSmall = records < FEWEST;
    // The engine persists after this many writes: with the last one, and only then.
    const sync_threshold = isSmall ? records + FEWEST : records;
    const hnsw = { space, max_neighbors: maxNeighbors, ef_construction: efConstruction, sync_threshold };
    const { id } = await client.createCollection({ name: NAME, configuration: { hnsw }, embeddingFunction: null });
    const embed = (await client.supportsBase64Encoding()) ? base64 : (vector: readonly number[]) => [...vector];
    const maxItems = Math.min(MAX_RECORDS, (await client.getMaxBatchSize()) || MAX_RECORDS);
    const write = async (verb: string, columns: Record<string, unknown>, sent: number) => {
      const done = ask(server.port, id, verb, body(columns));
      await within(patienceMs(requestMs, sent), `${verb} of a new index`, done, server);
    };
    const upsert = (batch: readonly Vector[]) => {
      const embeddings = batch.map(([, vector]) => embed(vector as unknown as readonly number[]));
      return write('upsert', { ids: batch.map(([name]) => name), embeddings }, batch.length * bytes);
    };
    if (isSmall) await upsert([[PLACEHOLDER, new Float32Array(dimension).fill(1)]]);
    const limits = { maxItems, maxBytes: MAX_REQUEST_BYTES };
    for await (const stretch of vectorsOf(old, vectors)) {
      for (const { items } of batches(stretch, () => bytes, limits)) await upsert(items);
    }
    if (isSmall) await write('delete', { ids: [PLACEHOLDER] }, 0);
  } catch (cause) {
    if (cause instanceof EngineUnavailableError) throw cause;
    const why = `The vector index could not be rebuilt: ${(cause as Error).message}.`;
    throw new EngineUnavailableError(`${why} Retry. The server printed last: ${server.output || 'nothing'}`, { cause });
  } finally {
    await server.stop();
  }
}

type Vector = readonly [id: string, vector: Float32Array];

/** First the vectors of the index, in its order, then those of the log. */
async function* vectorsOf(old: IndexFiles | undefined, { sent, elements }: ExactVectors): AsyncGenerator<Vector[]> {
  const ids = new Map([...elements].map(([id, element]) => [element, id]));
  if (old !== undefined && elements.size > 0) {
    const { elementBytes, vectorAt, labelAt } = old.header;
    for await (const { first, size, elements: bytes } of stretches(old)) {
      const found: Vector[] = [];
      for (let n = 0; n < size; n++) {
        const id = ids.get(first + n);
        if (id === undefined) continue;
        // A copy, since floats must be aligned.
        const { buffer } = Uint8Array.from(bytes.subarray(n * elementBytes + vectorAt, n * elementBytes + labelAt));
        found.push([id, new Float32Array(buffer)]);
      }
      yield found;
    }
  }
  yield [...sent];
}

/** Name of the folder that holds the index of a directory with one collection. */
function segmentIn(path: string): string {
  const database = new DatabaseSync(join(path, DATABASE), { readOnly: true });
  try {
    return vectorSegments(database, NAME)[0]?.id ?? '';
  } finally {
    database.close();
  }
}

/** Vectors that differ in the last bits have the same neighbours. */
async function putExact(folder: string, old: IndexFiles | undefined, { sent, elements }: ExactVectors): Promise<void> {
  const index = await openIndex(folder, 'r+');
  try {
    const found = index?.idToLabel.size ?? 0;
    if (index === undefined || found !== sent.size + elements.size) {
      const there = (await readdir(folder).catch(() => [])).join(', ');
      throw new EngineUnavailableError(
        `The engine persisted ${found} of ${sent.size + elements.size} vectors (${there || 'no file'}). Retry.`,
      );
    }
    if (old === undefined || elements.size === 0) return;
    const ids = new Map([...index.idToLabel].map(([id, label]) => [label, id]));
    const { elementBytes, vectorAt, labelAt } = index.header;
    for await (const { first, size, elements: bytes, lengths } of stretches(index)) {
      for (let n = 0; n < size; n++) {
        const element = elements.get(ids.get(labelIn(index.header, bytes, n)) ?? '');
        if (element === undefined) continue;
        const vector = bytes.subarray(n * elementBytes + vectorAt, n * elementBytes + labelAt);
        await readFully(old.data, vector, element * old.header.elementBytes + old.header.vectorAt);
        await readFully(old.lengths, lengths.subarray(n * WORD, (n + 1) * WORD), element * WORD);
      }
      await writeFully(index.data, bytes, first * elementBytes);
      await writeFully(index.lengths, lengths, first * WORD);
    }
  } finally {
    await closeIndex(index);
  }
}

async function within<T>(ms: number, what: string, task: Promise<T>, server: ChromaServer): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  try {
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${what}: no answer within ${ms} ms`)), ms);
    });
    const died = server.exited.then(() => Promise.reject(new Error(`${what}: the server exited`)));
    return await Promise.race([task, deadline, died]);
  } finally {
    clearTimeout(timer);
  }
}
