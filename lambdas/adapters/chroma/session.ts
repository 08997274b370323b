/**
 * A session with one running server, by the `chromadb` client except for requests with metadata (requests.ts).
 *
 * What `upsert` and `update` mean was measured on Chroma 1.0.0 and 1.4.4, which agree, so both pass straight through:
 * - `upsert` of a new id creates the record. Of an existing id it is a patch, no replacement: the embedding is
 *   replaced, metadata is merged key by key, and metadata or document that are not given stay as they were.
 * - `update` is the same patch with every field optional, and does nothing, silently, for an id that does not exist.
 * - A metadata key given as `null` is removed; a record without any key left has no metadata. `{}` changes nothing. An
 *   empty document is stored as such; nothing removes a document but deleting the record.
 * - Embeddings are float32. In space `cosine` Chroma keeps the vector normalised and its norm apart, so that reading it
 *   back gives the vector that was sent with an error in the last bits; `l2` and `ip` give back the exact float32. They
 *   disagree on numbers beyond float32 (1.0.0 stores them, and answers `null` from then on), so those are refused here.
 */
import { ChromaClient, type Collection, type EmbeddingFunction } from 'chromadb';
import { DirtyDirectoryError, EngineRejectedDataError, EngineUnavailableError } from '../../errors/errors.ts';
import type {
  CollectionShape,
  EngineRecord,
  EngineSession,
  RecordEmbedding,
  RecordFilter,
  RecordPage,
  Space,
} from '../../ports.ts';
import { stringifyExact } from '../../snapshot/exact-json.ts';
import { abbreviated } from '../../snapshot/operation.ts';
import type { LoggedRequest } from '../../snapshot/request-delta.ts';
import { batches, MAX_REQUEST_BYTES, patienceMs } from './batches.ts';
import { groups, holdsList, shape, toColumns, toNeighbours, toRecords } from './columns.ts';
import { HOST } from './free-port.ts';
import { explainRefusal } from './refusal.ts';
import { AnswerError, ask, base64, body, createBySchema } from './requests.ts';
import type { ChromaServer } from './server.ts';
import { measureSpace } from './space.ts';

/** Chroma answers 413 to a request of more than 40 MiB; the margin is for the envelope of the JSON. */
const MAX_RECORD_BYTES = 40 * 1024 * 1024 - 64 * 1024;
const MAX_RECORDS = 5461;
/** Records per `get`: it returns whole records, whose size is not known in advance. */
const MAX_RECORDS_READ = 256;
/** Longest JSON form of one number of an embedding: base64 of a float32, or a decimal with its comma. */
const BASE64_NUMBER_BYTES = 6;
const DECIMAL_NUMBER_BYTES = 26;
/** Ids per `get` of ids alone. */
const MAX_IDS_READ = 10_000;
/** Failures by which the server (400 and 422), or the client on its behalf, blames the data; and 413. */
const BLAMES_DATA = new Set(['ChromaClientError', 'ChromaValueError']);
const TOO_LARGE = /^413\b/;
/** The client must not look for the embedding function of an imported collection. */
const NO_EMBEDDINGS: EmbeddingFunction = { generate: async () => undefined as unknown as number[][] };

/**
 * Settings of a new collection's index: what Chroma 1.0.0 and 1.4.4 take by default, chosen by measurement (ADR 28) and
 * given explicitly, so that another default of a later Chroma does not change what commits cost. A collection that
 * exists keeps its own.
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
  #takesLists: boolean | undefined;

  /** @param timeoutMs For each request to the server, and more for what it sends: see `patienceMs`. */
  constructor(server: ChromaServer, timeoutMs: number) {
    this.#server = server;
    this.#timeoutMs = timeoutMs;
    this.#client = new ChromaClient({ host: HOST, port: server.port });
  }

  /** @throws DirtyDirectoryError (the directory's collection has another space or dimension) */
  async useCollection(name: string, { space, dimension, schema }: CollectionShape): Promise<void> {
    await this.#call(`Opening "${name}"`, async () => {
      const maxRecords = await this.#client.getMaxBatchSize();
      if (maxRecords > 0) this.#maxRecords = Math.min(maxRecords, MAX_RECORDS);
      if (await this.#client.supportsBase64Encoding()) this.#bytesPerNumber = BASE64_NUMBER_BYTES;
      const configuration = { hnsw: { space, ...NEW_COLLECTION } };
      if (schema !== undefined) await createBySchema(this.#server.port, name, schema);
      else await this.#client.getOrCreateCollection({ name, configuration, embeddingFunction: null });
      const collection = await this.#client.getCollection({ name, embeddingFunction: NO_EMBEDDINGS });
      const { embeddings } = await collection.get({ limit: 1, include: ['embeddings'] });
      // A server does not report what an old directory keeps elsewhere; if the reported space agrees, measuring is not
      // worth its cost.
      const isAsSaid = collection.configuration.hnsw?.space === space;
      const there = {
        space: isAsSaid ? space : await measureSpace(collection),
        dimension: embeddings[0]?.length ?? dimension,
      };
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

  measureSpace(name: string): Promise<Space> {
    return this.#call(`Measuring "${name}"`, async () => {
      const collection = await this.#client.getCollection({ name, embeddingFunction: NO_EMBEDDINGS });
      const space = await measureSpace(collection);
      if (space !== undefined) return space;
      throw new DirtyDirectoryError(
        `The vector index of "${name}" ranks by no known distance of the vectors that are stored with it. Discard the ` +
          'directory; if its manifest gives the same again, roll back.',
      );
    });
  }

  count(): Promise<number> {
    return this.#call('Counting records', () => this.#opened().count());
  }

  async existing(ids: readonly string[]): Promise<Set<string>> {
    const found = new Set<string>();
    for (const { items } of this.#batches([...new Set(ids)], jsonBytes, this.#maxRecords)) {
      const result = await this.#call('Looking up ids', () => this.#opened().get({ ids: items, include: [] }));
      for (const id of result.ids) found.add(id);
    }
    return found;
  }

  async upsert(records: readonly EngineRecord[]): Promise<void> {
    const bare = records.find((record) => record.embedding === undefined);
    if (bare !== undefined) throw rejected(`Record "${bare.id}" has no embedding, which an upsert needs.`);
    await this.#write('upsert', records);
  }

  /** Ids that do not exist are ignored silently, as Chroma does: check first. */
  async update(records: readonly EngineRecord[]): Promise<void> {
    await this.#write(
      'update',
      records.filter((record) => shape(record) !== 0),
    );
  }

  /** Ids that do not exist are ignored silently, as Chroma does: check first. */
  async remove(ids: readonly string[]): Promise<void> {
    for (const { items, bytes } of this.#batches([...new Set(ids)], jsonBytes, this.#maxRecords)) {
      await this.#call(`Deleting ${items.length} records`, () => this.#opened().delete({ ids: items }), bytes);
    }
  }

  async replay({ op, body: text }: LoggedRequest): Promise<void> {
    const { id } = this.#opened();
    await this.#call(`Replaying "${op}"`, () => ask(this.#server.port, id, op, text), Buffer.byteLength(text));
  }

  /** In the order asked for; ids that do not exist are left out. */
  async get(ids: readonly string[]): Promise<EngineRecord[]> {
    const found = new Map<string, EngineRecord>();
    const include = ['embeddings', 'metadatas', 'documents'];
    for (const { items } of this.#batches([...new Set(ids)], jsonBytes, MAX_RECORDS_READ)) {
      const answer = await this.#call('Reading records', () => this.#ask('get', { ids: items, include }));
      for (const record of toRecords(answer)) found.set(record.id, record);
    }
    return ids.flatMap((id) => found.get(id) ?? []);
  }

  /** First all ids, then records in batches of ids: an offset makes Chroma walk over all records before it. */
  async visitEmbeddings(visit: (batch: readonly RecordEmbedding[]) => void): Promise<void> {
    for (let offset = 0; ; offset += MAX_IDS_READ) {
      const page = { limit: MAX_IDS_READ, offset, include: [] };
      const { ids } = await this.#call('Listing records', () => this.#opened().get(page));
      for (const { items } of this.#batches(ids, jsonBytes, MAX_RECORDS_READ)) {
        const read = { ids: items, include: ['embeddings' as const] };
        const result = await this.#call('Reading embeddings', () => this.#opened().get(read));
        visit(result.rows().map(({ id, embedding }) => ({ id, embedding: embedding ?? null })));
      }
      if (ids.length < MAX_IDS_READ) return;
    }
  }

  /** Nearest first; without embeddings, unless they are asked for. */
  async query(
    embedding: readonly number[],
    limit: number,
    filter: RecordFilter = {},
  ): Promise<Array<EngineRecord & { distance: number }>> {
    this.#checkEmbedding('query', embedding);
    const { include, ...rest } = asked(filter);
    const request = { query_embeddings: [embedding], n_results: limit, include: [...include, 'distances'], ...rest };
    return toNeighbours(await this.#call('Querying', () => this.#ask('query', request)));
  }

  async find({ ids, limit, offset, ...filter }: RecordPage): Promise<EngineRecord[]> {
    const page = {
      ...(ids && { ids }),
      ...(limit !== undefined && { limit }),
      ...(offset !== undefined && { offset }),
    };
    return toRecords(await this.#call('Finding records', () => this.#ask('get', { ...asked(filter), ...page })));
  }

  get isRunning(): boolean {
    return this.#server.running;
  }

  close(): Promise<void> {
    return this.#server.stop();
  }

  async #write(operation: 'upsert' | 'update', records: readonly EngineRecord[]): Promise<void> {
    for (const { id, embedding } of records) if (embedding) this.#checkEmbedding(id, embedding);
    await this.#refuseLists(records);
    const bytesOf = ({ embedding, ...rest }: EngineRecord) =>
      jsonBytes(rest) + (embedding?.length ?? 0) * this.#bytesPerNumber;
    for (const group of groups(records)) {
      for (const { items, bytes } of this.#batches(group, bytesOf, this.#maxRecords)) {
        const embed = this.#bytesPerNumber === BASE64_NUMBER_BYTES ? base64 : undefined;
        const columns = toColumns(items, embed);
        await this.#call(`${operation} of ${items.length} records`, () => this.#ask(operation, columns), bytes);
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

  /**
   * Servers without list values refuse them request by request; a question that changes nothing finds that out in
   * advance.
   */
  async #refuseLists(records: readonly EngineRecord[]): Promise<void> {
    const first = records.find(holdsList);
    if (first === undefined) return;
    this.#takesLists ??= await this.#call('Looking for lists in metadata', async () => {
      const probe = { where: { any: { $contains: 0 } }, limit: 1, include: [] };
      const failure = await this.#ask('get', probe).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (failure === undefined) return true;
      if (failure instanceof AnswerError && failure.blamesData) return false;
      throw failure;
    });
    if (this.#takesLists) return;
    const reason = 'this version stores no lists in metadata';
    throw rejected(`Record "${abbreviated(first.id)}" has a list in its metadata: ${reason}.`, { reason });
  }

  #ask(verb: string, columns: Readonly<Record<string, unknown>>): Promise<Map<string, string>> {
    return ask(this.#server.port, this.#opened().id, verb, body(columns));
  }

  #batches<T>(items: readonly T[], bytesOf: (item: T) => number, maxItems: number) {
    const checked = (item: T) => {
      const bytes = bytesOf(item);
      if (bytes <= MAX_RECORD_BYTES) return bytes;
      throw rejected(`A record takes ${bytes} bytes; Chroma takes ${MAX_RECORD_BYTES}.`);
    };
    return batches(items, checked, { maxItems, maxBytes: MAX_REQUEST_BYTES });
  }

  /** @param bytes Size of what is sent. */
  async #call<T>(what: string, task: () => Promise<T>, bytes = 0): Promise<T> {
    const timeoutMs = patienceMs(this.#timeoutMs, bytes);
    let timer: NodeJS.Timeout | undefined;
    try {
      // The port of a server that has ended may belong to another process by now, so nothing may be sent to it.
      if (!this.#server.running) throw new Error('the server is not running');
      const deadline = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
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
    const said = cause instanceof AnswerError && cause.blamesData ? cause.said : undefined;
    if (said !== undefined || BLAMES_DATA.has(cause.name) || TOO_LARGE.test(cause.message)) {
      const reason = explainRefusal(said ?? cause.message);
      return rejected(`${what}: Chroma refused the data: ${reason}.`, { cause, reason });
    }
    return new EngineUnavailableError(
      `${what} failed: ${cause.message}. Discard the working directory and retry. ` +
        `The server printed last: ${this.#server.output || 'nothing'}`,
      { cause },
    );
  }
}

/** A filter in the form of the API. */
function asked({ where, whereDocument, include = ['documents', 'metadatas'] }: RecordFilter) {
  return {
    include: [...include],
    ...(where !== undefined && { where }),
    ...(whereDocument !== undefined && { where_document: whereDocument }),
  };
}

function jsonBytes(value: unknown): number {
  return Buffer.byteLength(stringifyExact(value)) + 1;
}

function rejected(message: string, { reason = message, ...options }: ErrorOptions & { reason?: string } = {}) {
  const advice = 'Correct or leave out the data; a retry will not help.';
  return new EngineRejectedDataError(`${message} ${advice}`, { reason, ...options });
}
