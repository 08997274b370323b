/**
 * A small model of Chroma's own HTTP API over the model of its engine: as much of it as an endpoint asks of the servers
 * that it starts. What it says of itself and of requests, it says in Chroma's words.
 */
import { DirtyDirectoryError, EngineUnavailableError } from '../../lambdas/errors/errors.ts';
import type {
  ApiAnswer,
  ApiEngine,
  ApiRequest,
  ApiServer,
  EngineIdentity,
  EngineRecord,
  EngineSession,
  WorkingDirectory,
} from '../../lambdas/ports.ts';
import { membersOf, stringifyExact } from '../../lambdas/snapshot/exact-json.ts';
import type { LoggedRequest, RequestOp } from '../../lambdas/snapshot/request-delta.ts';
import { MemoryDirectories } from './memory-directories.ts';
import { type MemoryEngineOptions, MemoryEngineSession } from './memory-engine.ts';
import { ModelDatabase } from './model-database.ts';
import { recordsOf } from './model-requests.ts';

const ROUTE = /^\/api\/v2\/tenants\/[^/]+\/databases\/([^/]+)\/collections(?:\/([^/]+))?(?:\/([^/?]+))?$/;
const WRITES: readonly string[] = ['add', 'upsert', 'update', 'delete'];
const CONFIGURATION = '{"hnsw":{"space":"l2","ef_search":100},"spann":null,"embedding_function":null}';
const SCHEMA = '{"defaults":{},"keys":{}}';
const idOf = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

interface ModelCollection {
  id: string;
  name: string;
  /** JSON texts. */
  metadata: string;
  configuration: string;
  schema: string;
  database: ModelDatabase;
  /** Requests that were replayed on it, in order. */
  replayed: LoggedRequest[];
  /** Writes of any kind that its sessions were asked for. */
  changes: number;
}

type Quirks = Pick<MemoryEngineOptions, 'refuses' | 'hangs'>;

export class MemoryApiEngine implements ApiEngine {
  /** Servers that were started, in order. */
  readonly servers: MemoryApiServer[] = [];
  /** By path: what is answered there, whatever it is. */
  readonly answers = new Map<string, string>();
  readonly #quirks: Quirks;
  #made = 0;

  constructor(quirks: Quirks = {}) {
    this.#quirks = quirks;
  }

  async identify(): Promise<EngineIdentity> {
    return { name: 'model', version: '1.5.0', source: 'memory' };
  }

  async startScratch(): Promise<MemoryApiServer> {
    return this.#start();
  }

  async serve(directory: WorkingDirectory): Promise<MemoryApiServer> {
    await directory.markDirty();
    const database = await ModelDatabase.load(directory);
    if (database.head === undefined) throw new DirtyDirectoryError(`"${directory.path}" holds no collection.`);
    const server = this.#start();
    server.put(database.head.name, database);
    return server;
  }

  /** No id of one server is ever one of another. */
  #start(): MemoryApiServer {
    const server = new MemoryApiServer(this.#quirks, () => idOf(++this.#made), this.answers);
    this.servers.push(server);
    return server;
  }
}

export class MemoryApiServer implements ApiServer {
  readonly #quirks: Quirks;
  readonly #newId: () => string;
  readonly #answers: ReadonlyMap<string, string>;
  readonly #byId = new Map<string, ModelCollection>();
  #isRunning = true;

  constructor(quirks: Quirks, newId: () => string, answers: ReadonlyMap<string, string>) {
    this.#quirks = quirks;
    this.#newId = newId;
    this.#answers = answers;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  put(name: string, database: ModelDatabase): ModelCollection {
    const texts = { metadata: 'null', configuration: CONFIGURATION, schema: SCHEMA };
    const made = { id: this.#newId(), name, ...texts, database, replayed: [], changes: 0 };
    this.#byId.set(made.id, made);
    return made;
  }

  /** What was done to a collection so far, by the path of a request to it. */
  historyOf(path: string): { replayed: readonly LoggedRequest[]; changes: number } {
    const [, , id = ''] = ROUTE.exec(path.split('?')[0] ?? '') ?? [];
    const { replayed = [], changes = 0 } = this.#byId.get(id) ?? {};
    return { replayed, changes };
  }

  async send({ method, path, body = '' }: ApiRequest): Promise<ApiAnswer> {
    this.#checkRunning();
    const told = this.#answers.get(path);
    if (told !== undefined) return answered(200, told);
    const [, database, name, verb] = ROUTE.exec(path.split('?')[0] ?? '') ?? [];
    if (database === undefined) return refused(404, 'NotFoundError', '');
    if (database !== 'default_database') {
      return refused(404, 'NotFoundError', `Database [${database}] does not exist`);
    }
    if (name === undefined) return method === 'POST' ? this.#create(body) : answered(200, '[]');
    const found = this.#byId.get(name) ?? [...this.#byId.values()].find((one) => one.name === name);
    if (found === undefined) return refused(404, 'NotFoundError', `Collection [${name}] does not exist`);
    if (verb === undefined) return this.#ofCollection(method, found, body);
    if (verb === 'count') return answered(200, String(found.database.size));
    if (WRITES.includes(verb)) return this.#write(found, verb as RequestOp, body);
    return verb === 'get' ? answered(200, columnsOf(found.database.all())) : refused(501, 'ChromaError', verb);
  }

  session(): EngineSession {
    return new ModelSession(
      (name) => this.#find(name),
      this.#quirks,
      () => this.#isRunning,
    );
  }

  /** Its process ends, without a word. */
  die(): void {
    this.#isRunning = false;
  }

  async close(): Promise<void> {
    this.#isRunning = false;
  }

  #find(name: string): ModelCollection {
    this.#checkRunning();
    const found = [...this.#byId.values()].find((one) => one.name === name);
    if (found === undefined) throw new EngineUnavailableError(`There is no collection "${name}".`);
    return found;
  }

  #checkRunning(): void {
    if (!this.#isRunning) throw new EngineUnavailableError('The server is not running. Send the request again.');
  }

  async #create(body: string): Promise<ApiAnswer> {
    const members = membersOf(body);
    const name = JSON.parse(members.get('name') ?? '""') as string;
    if (name.length < 3) return refused(400, 'InvalidArgumentError', `Expected a name of 3 characters, got: ${name}`);
    const made = this.put(name, await ModelDatabase.load(await new MemoryDirectories().claim('scratch')));
    for (const key of ['metadata', 'configuration', 'schema'] as const) {
      const text = members.get(key);
      if (text !== undefined && text !== 'null' && key !== 'configuration') made[key] = text;
    }
    return answered(200, shown(made));
  }

  #ofCollection(method: string, found: ModelCollection, body: string): ApiAnswer {
    if (method === 'GET') return answered(200, shown(found));
    if (method === 'DELETE') {
      this.#byId.delete(found.id);
      return answered(200, '{}');
    }
    const members = membersOf(body);
    const name = members.get('new_name') ?? 'null';
    if (name !== 'null') found.name = JSON.parse(name) as string;
    const metadata = members.get('new_metadata') ?? 'null';
    if (metadata !== 'null') found.metadata = metadata;
    return answered(200, '{}');
  }

  async #write(found: ModelCollection, op: RequestOp, body: string): Promise<ApiAnswer> {
    const records = recordsOf(body);
    const got = records.find(({ embedding }) => embedding !== undefined)?.embedding?.length;
    const dimension = found.database.head?.dimension ?? got;
    if (got !== undefined && got !== dimension) {
      const message = `Collection expecting embedding with dimension of ${dimension}, got ${got}`;
      return refused(400, 'InvalidArgumentError', message);
    }
    if (dimension !== undefined) {
      const session = new MemoryEngineSession(found.database, this.#quirks);
      await session.useCollection(found.name, { space: 'l2', dimension });
      await session.replay({ op, body });
    }
    if (op === 'delete') return answered(200, JSON.stringify({ deleted: records.length }));
    return answered(op === 'add' ? 201 : 200, '{}');
  }
}

/** One of several on a server, which none of them stops. */
class ModelSession implements EngineSession {
  readonly #find: (name: string) => ModelCollection;
  readonly #quirks: Quirks;
  readonly #isServed: () => boolean;
  #used: { collection: ModelCollection; session: MemoryEngineSession } | undefined;

  constructor(find: (name: string) => ModelCollection, quirks: Quirks, isServed: () => boolean) {
    this.#find = find;
    this.#quirks = quirks;
    this.#isServed = isServed;
  }

  async useCollection(name: string, options: Parameters<EngineSession['useCollection']>[1]): Promise<void> {
    const collection = this.#find(name);
    const session = new MemoryEngineSession(collection.database, this.#quirks);
    await session.useCollection(name, options);
    this.#used = { collection, session };
  }

  measureSpace: EngineSession['measureSpace'] = (name) => this.#session().measureSpace(name);
  count: EngineSession['count'] = () => this.#session().count();
  existing: EngineSession['existing'] = (ids) => this.#session().existing(ids);
  get: EngineSession['get'] = (ids) => this.#session().get(ids);
  visitEmbeddings: EngineSession['visitEmbeddings'] = (visit) => this.#session().visitEmbeddings(visit);
  query: EngineSession['query'] = (...question) => this.#session().query(...question);
  find: EngineSession['find'] = (page) => this.#session().find(page);
  upsert: EngineSession['upsert'] = (records) => this.#change((session) => session.upsert(records));
  update: EngineSession['update'] = (records) => this.#change((session) => session.update(records));
  remove: EngineSession['remove'] = (ids) => this.#change((session) => session.remove(ids));

  async replay(request: LoggedRequest): Promise<void> {
    await this.#change((session) => session.replay(request));
    this.#used?.collection.replayed.push(request);
  }

  get isRunning(): boolean {
    return this.#isServed();
  }

  async close(): Promise<void> {}

  async #change(change: (session: MemoryEngineSession) => Promise<void>): Promise<void> {
    const session = this.#session();
    if (this.#used !== undefined) this.#used.collection.changes++;
    await change(session);
  }

  #session(): MemoryEngineSession {
    if (this.#used === undefined || !this.#isServed()) {
      throw new EngineUnavailableError('The server is not running, or no collection is in use. Take another copy.');
    }
    return this.#used.session;
  }
}

function answered(status: number, body: string): ApiAnswer {
  return { status, body, contentType: 'application/json' };
}

function refused(status: number, error: string, message: string): ApiAnswer {
  return answered(status, JSON.stringify({ error, message }));
}

function shown({ id, name, metadata, configuration, schema }: ModelCollection): string {
  return (
    `{"id":${JSON.stringify(id)},"name":${JSON.stringify(name)},"metadata":${metadata},` +
    `"configuration_json":${configuration},"schema":${schema},"dimension":null}`
  );
}

/** As Chroma answers `get`; numbers as they are written. */
function columnsOf(records: readonly EngineRecord[]): string {
  return stringifyExact({
    ids: records.map(({ id }) => id),
    embeddings: records.map(({ embedding }) => embedding ?? null),
    metadatas: records.map(({ metadata }) => metadata ?? null),
    documents: records.map(({ document }) => document ?? null),
  });
}
