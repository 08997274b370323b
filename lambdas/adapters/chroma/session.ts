/**
 * A session with one running server, over the `chromadb` client.
 *
 * What `upsert` and `update` mean was measured on Chroma 1.0.0 and 1.4.4, which agree, so both pass straight through:
 * - `upsert` of a new id creates the record. Of an existing id it is a patch, no replacement: the embedding is
 *   replaced, metadata is merged key by key, and metadata or document that are not given stay as they were.
 * - `update` is the same patch with every field optional, and does nothing, silently, for an id that does not exist.
 * - A metadata key given as `null` is removed; a record without any key left has no metadata. `{}` changes nothing. An
 *   empty document is stored as such; nothing removes a document but deleting the record.
 * - Embeddings are float32. In space `cosine` Chroma keeps the vector normalised and its norm apart, so that reading it
 *   back gives the vector that was sent with an error in the last bits; `l2` and `ip` give back the exact float32.
 * They disagree on a number beyond float32 (1.0.0 stores it, and answers `null` ever after), so that is refused here.
 */
import { ChromaClient, type Collection, type EmbeddingFunction } from 'chromadb';
import type { EngineRecord, EngineSession, Metadata, MetadataValue, Space } from '../../ports.ts';
import { DirtyDirectoryError, EngineRejectedDataError, EngineUnavailableError } from '../../protocol/errors.ts';
import { HOST } from './free-port.ts';
import type { ChromaServer } from './server.ts';

/** Chroma answers 413 to a request of more than 40 MiB; what is kept back is for the envelope of the JSON. */
const MAX_REQUEST_BYTES = 40 * 1024 * 1024 - 64 * 1024;
const MAX_RECORDS = 5461;
/** Records per `get`: whole records come back, and nobody knows their size beforehand. */
const MAX_RECORDS_READ = 256;
/** Longest JSON form of one number of an embedding: base64 of a float32, or a decimal with its comma. */
const BASE64_NUMBER_BYTES = 6;
const DECIMAL_NUMBER_BYTES = 26;
/** Failures by which the server (400 and 422), or the client on its behalf, blames the data; and 413. */
const BLAMES_DATA = new Set(['ChromaClientError', 'ChromaValueError']);
const TOO_LARGE = /^413\b/;
/**
 * The client wants to embed the documents of records that bring no embedding. An update of the document alone must
 * leave the embedding as it is, and for that the request has to go without any.
 */
const NO_EMBEDDINGS: EmbeddingFunction = { generate: async () => undefined as unknown as number[][] };

/**
 * Settings of a new collection's index: what Chroma 1.0.0 and 1.4.4 take by default, chosen by measurement (ADR 28) and
 * given explicitly, so that another default of a later Chroma does not change what commits cost. A collection that exists
 * keeps its own.
 */
export const NEW_COLLECTION = { sync_threshold: 1_000, max_neighbors: 16, ef_construction: 100 } as const;

export class ChromaSession implements EngineSession {
  readonly #server: ChromaServer;
  readonly #client: ChromaClient;
  readonly #timeoutMs: number;
  #collection: Collection | undefined;
  #dimension = 0;
  #maxRecords = MAX_RECORDS;
  #bytesPerNumber = DECIMAL_NUMBER_BYTES;

  /** @param timeoutMs For each request to the server. */
  constructor(server: ChromaServer, timeoutMs: number) {
    this.#server = server;
    this.#timeoutMs = timeoutMs;
    this.#client = new ChromaClient({ host: HOST, port: server.port });
  }

  /** @throws DirtyDirectoryError (the directory's collection has another space or dimension) */
  async useCollection(name: string, { space, dimension }: { space: Space; dimension: number }): Promise<void> {
    await this.#call(`Opening "${name}"`, async () => {
      const maxRecords = await this.#client.getMaxBatchSize();
      if (maxRecords > 0) this.#maxRecords = Math.min(maxRecords, MAX_RECORDS);
      if (await this.#client.supportsBase64Encoding()) this.#bytesPerNumber = BASE64_NUMBER_BYTES;
      const configuration = { hnsw: { space, ...NEW_COLLECTION } };
      await this.#client.getOrCreateCollection({ name, configuration, embeddingFunction: null });
      const collection = await this.#client.getCollection({ name, embeddingFunction: NO_EMBEDDINGS });
      const { embeddings } = await collection.get({ limit: 1, include: ['embeddings'] });
      const there = { space: collection.configuration.hnsw?.space, dimension: embeddings[0]?.length ?? dimension };
      if (there.space !== space || there.dimension !== dimension) {
        throw new DirtyDirectoryError(
          `Collection "${name}" has space ${there.space} and dimension ${there.dimension} in its files, but space ` +
            `${space} and dimension ${dimension} were asked for. Discard the directory and check its manifest.`,
        );
      }
      this.#collection = collection;
      this.#dimension = dimension;
    });
  }

  count(): Promise<number> {
    return this.#call('Counting records', () => this.#opened().count());
  }

  async existing(ids: readonly string[]): Promise<Set<string>> {
    const found = new Set<string>();
    for (const batch of this.#batches([...new Set(ids)], jsonBytes, this.#maxRecords)) {
      const result = await this.#call('Looking up ids', () => this.#opened().get({ ids: batch, include: [] }));
      for (const id of result.ids) found.add(id);
    }
    return found;
  }

  async upsert(records: readonly EngineRecord[]): Promise<void> {
    const bare = records.find((record) => record.embedding === undefined);
    if (bare !== undefined) throw rejected(`Record "${bare.id}" has no embedding, which an upsert needs.`);
    await this.#write('upsert', records);
  }

  /** Ids that do not exist are passed over in silence, as Chroma does: look first. */
  async update(records: readonly EngineRecord[]): Promise<void> {
    await this.#write(
      'update',
      records.filter((record) => shape(record) !== 0),
    );
  }

  /** Ids that do not exist are passed over in silence, as Chroma does: look first. */
  async remove(ids: readonly string[]): Promise<void> {
    for (const batch of this.#batches([...new Set(ids)], jsonBytes, this.#maxRecords)) {
      await this.#call(`Deleting ${batch.length} records`, () => this.#opened().delete({ ids: batch }));
    }
  }

  /** In the order asked for; ids that do not exist are left out. */
  async get(ids: readonly string[]): Promise<EngineRecord[]> {
    const found = new Map<string, EngineRecord>();
    for (const batch of this.#batches([...new Set(ids)], jsonBytes, MAX_RECORDS_READ)) {
      const result = await this.#call('Reading records', () =>
        this.#opened().get({ ids: batch, include: ['embeddings', 'metadatas', 'documents'] }),
      );
      for (const row of result.rows()) found.set(row.id, toRecord(row));
    }
    return ids.flatMap((id) => found.get(id) ?? []);
  }

  /** Nearest first, without embeddings. */
  async query(embedding: readonly number[], limit: number): Promise<Array<EngineRecord & { distance: number }>> {
    this.#checkEmbedding('query', embedding);
    const result = await this.#call('Querying', () =>
      this.#opened().query({
        queryEmbeddings: [[...embedding]],
        nResults: limit,
        include: ['metadatas', 'documents', 'distances'],
      }),
    );
    const rows = result.rows()[0] ?? [];
    return rows.map((row) => ({ ...toRecord(row), distance: row.distance ?? Number.NaN }));
  }

  close(): Promise<void> {
    return this.#server.stop();
  }

  async #write(operation: 'upsert' | 'update', records: readonly EngineRecord[]): Promise<void> {
    for (const { id, embedding } of records) if (embedding) this.#checkEmbedding(id, embedding);
    const bytes = ({ embedding, ...rest }: EngineRecord) =>
      jsonBytes(rest) + (embedding?.length ?? 0) * this.#bytesPerNumber;
    for (const group of groups(records)) {
      for (const batch of this.#batches(group, bytes, this.#maxRecords)) {
        const columns = toColumns(batch);
        await this.#call(`${operation} of ${batch.length} records`, () => this.#opened()[operation](columns));
      }
    }
  }

  #checkEmbedding(id: string, embedding: readonly number[]): void {
    if (embedding.length !== this.#dimension) {
      throw rejected(`Embedding of "${id}" has dimension ${embedding.length}; the collection's is ${this.#dimension}.`);
    }
    if (!embedding.every((value) => Number.isFinite(Math.fround(value)))) {
      throw rejected(`Embedding of "${id}" holds a number that is not finite as float32.`);
    }
  }

  *#batches<T>(items: readonly T[], bytesOf: (item: T) => number, maxItems: number): Generator<T[]> {
    let batch: T[] = [];
    let total = 0;
    for (const item of items) {
      const bytes = bytesOf(item);
      if (bytes > MAX_REQUEST_BYTES)
        throw rejected(`A record takes ${bytes} bytes; Chroma takes ${MAX_REQUEST_BYTES}.`);
      if (batch.length === maxItems || total + bytes > MAX_REQUEST_BYTES) {
        yield batch;
        batch = [];
        total = 0;
      }
      batch.push(item);
      total += bytes;
    }
    if (batch.length > 0) yield batch;
  }

  async #call<T>(what: string, task: () => Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    try {
      // The port of a server that is gone may be another's by now: nothing may be sent to it.
      if (!this.#server.running) throw new Error('the server is not running');
      const deadline = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no answer within ${this.#timeoutMs} ms`)), this.#timeoutMs);
      });
      const died = this.#server.exited.then(() => Promise.reject(new Error('the server exited')));
      return await Promise.race([task(), deadline, died]);
    } catch (cause) {
      throw this.#explain(what, cause as Error);
    } finally {
      clearTimeout(timer);
    }
  }

  #opened(): Collection {
    if (this.#collection === undefined) throw new Error('no collection is open; call useCollection first');
    return this.#collection;
  }

  #explain(what: string, cause: Error): Error {
    if (cause instanceof DirtyDirectoryError) return cause;
    if (BLAMES_DATA.has(cause.name) || TOO_LARGE.test(cause.message)) {
      return rejected(`${what}: Chroma refused the data: ${cause.message}.`, cause);
    }
    return new EngineUnavailableError(
      `${what} failed: ${cause.message}. Discard the working directory and retry. ` +
        `The server printed last: ${this.#server.output || 'nothing'}`,
      { cause },
    );
  }
}

/**
 * Records that can go in one request: the client takes neither an id twice nor records of which only some have an
 * embedding or a document. What is sent for one id stays in order.
 */
function groups(records: readonly EngineRecord[]): EngineRecord[][] {
  const found = new Map<number, EngineRecord[]>();
  const seen = new Map<string, number>();
  for (const record of records) {
    const round = seen.get(record.id) ?? 0;
    seen.set(record.id, round + 1);
    const key = round * SHAPES + shape(record);
    const group = found.get(key);
    if (group === undefined) found.set(key, [record]);
    else group.push(record);
  }
  return [...found].sort(([a], [b]) => a - b).map(([, group]) => group);
}

/** Which fields a record brings, as bits. Metadata without keys says nothing, and the client does not take it. */
function shape({ embedding, metadata, document }: EngineRecord): number {
  const hasMetadata = metadata !== undefined && Object.keys(metadata).length > 0;
  return Number(embedding !== undefined) + 2 * Number(hasMetadata) + 4 * Number(document !== undefined);
}
const SHAPES = 8;

/** Records of one shape as the columns of a request. */
function toColumns(records: readonly EngineRecord[]) {
  const bits = records[0] === undefined ? 0 : shape(records[0]);
  return {
    ids: records.map(({ id }) => id),
    ...(bits & 1 && { embeddings: records.map(({ embedding }) => embedding ?? []) }),
    ...(bits & 2 && { metadatas: records.map(({ metadata }) => withNulls(metadata)) }),
    ...(bits & 4 && { documents: records.map(({ document }) => document ?? '') }),
  };
}

/**
 * Chroma removes a key that comes as `null`, but the client drops such keys on the way. It does let NaN through, which
 * JSON writes as `null`.
 */
function withNulls(metadata: Metadata = {}): Record<string, MetadataValue> {
  return Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, value ?? Number.NaN]));
}

function toRecord(row: {
  id: string;
  embedding?: number[] | null;
  metadata?: object | null;
  document?: string | null;
}): EngineRecord {
  const record: EngineRecord = { id: row.id };
  if (row.embedding) record.embedding = row.embedding;
  // Nothing but what `EngineRecord` allows is ever written through this session.
  if (row.metadata) record.metadata = row.metadata as Metadata;
  if (typeof row.document === 'string') record.document = row.document;
  return record;
}

function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value)) + 1;
}

function rejected(message: string, cause?: unknown): EngineRejectedDataError {
  return new EngineRejectedDataError(`${message} Correct or leave out the data; a retry will not help.`, { cause });
}
