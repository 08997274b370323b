/**
 * As much of the engine's HTTP API as an endpoint needs, over the model engine: collections are made and found, writes are
 * judged by their dimension, records come by `get` and `count`. What it answers is no evidence of what Chroma does.
 */
import type {
  ApiAnswer,
  ApiEngine,
  ApiRequest,
  ApiServer,
  EngineSession,
  WorkingDirectory,
} from '../../lambdas/ports.ts';
import { COLLECTIONS } from '../../lambdas/serving/target.ts';
import { MemoryDirectories } from './memory-directories.ts';
import { MemoryEngine } from './memory-engine.ts';

interface Held {
  name: string;
  id: string;
  session?: EngineSession;
}

/** Of the collection by which an endpoint finds out whether a write would be taken. */
const TRIED = 4_093;

export class ModelApiEngine implements ApiEngine {
  /** Servers that were started, in order. */
  readonly servers: ModelApiServer[] = [];
  /** By path: what is answered there, whatever it is. */
  readonly answers = new Map<string, string>();

  async identify() {
    return { name: 'model', version: '1.4.4', source: 'memory' };
  }

  async startScratch(): Promise<ApiServer> {
    return this.#add(new ModelApiServer(this.answers));
  }

  async serve(directory: WorkingDirectory): Promise<ApiServer> {
    return this.#add(new ModelApiServer(this.answers, directory));
  }

  #add(server: ModelApiServer): ApiServer {
    this.servers.push(server);
    return server;
  }
}

class ModelApiServer implements ApiServer {
  isRunning = true;
  readonly #answers: ReadonlyMap<string, string>;
  readonly #directory: WorkingDirectory | undefined;
  readonly #held: Held[] = [];

  constructor(answers: ReadonlyMap<string, string>, directory?: WorkingDirectory) {
    this.#answers = answers;
    this.#directory = directory;
  }

  async send({ method, path, body = '{}' }: ApiRequest): Promise<ApiAnswer> {
    const planted = this.#answers.get(path);
    if (planted !== undefined) return { status: 200, body: planted, contentType: 'application/json' };
    const [route = '', verb = ''] = path.replace(/\?.*$/, '').replace(COLLECTIONS, '').split('/').slice(1);
    if (path.endsWith('/pre-flight-checks')) return json({ max_batch_size: 5_461, supports_base64_encoding: true });
    if (path.endsWith('/heartbeat')) return json({ 'nanosecond heartbeat': 1 });
    if (!path.startsWith(COLLECTIONS)) {
      const database = /databases\/([^/]+)\/collections$/.exec(path)?.[1];
      if (database !== undefined) return refused(404, 'NotFoundError', `Database [${database}] does not exist`);
      return json('1.0.0');
    }
    if (method === 'POST' && route === '') return this.#make((JSON.parse(body) as { name: string }).name);
    const held = this.#held.find(({ id, name }) => id === route || name === route);
    if (held === undefined) return refused(404, 'NotFoundError', `Collection [${route}] does not exist`);
    if (verb === '') return json(method === 'GET' ? shown(held) : {});
    return this.#answer(held, verb, JSON.parse(body) as Columns);
  }

  session(): EngineSession {
    let inner: EngineSession | undefined;
    const useCollection = async (name: string, shape: Parameters<EngineSession['useCollection']>[1]) => {
      inner = await new MemoryEngine().open(this.#directory ?? (await new MemoryDirectories().claim(name)));
      await inner.useCollection(name, shape);
      this.#named(name).session = inner;
    };
    return new Proxy({} as EngineSession, {
      get: (_, key: keyof EngineSession) =>
        // biome-ignore lint/suspicious/noExplicitAny: passed on as they are.
        key === 'useCollection' ? useCollection : (...given: any[]) => (inner as any)[key](...given),
    });
  }

  async close(): Promise<void> {
    this.isRunning = false;
  }

  #named(name: string): Held {
    const found = this.#held.find((held) => held.name === name);
    if (found !== undefined) return found;
    const made = { name, id: `00000000-0000-4000-8000-${String(this.#held.length + 1).padStart(12, '0')}` };
    this.#held.push(made);
    return made;
  }

  #make(name: string): ApiAnswer {
    return json(shown(this.#named(name)));
  }

  async #answer({ session }: Held, verb: string, { ids = [], embeddings = [], include = [] }: Columns) {
    if (verb === 'count') return json(await session?.count());
    if (verb === 'get') {
      const records = (await session?.find({ include: ['documents'] })) ?? [];
      const documents = include.includes('documents') ? records.map(({ document }) => document ?? null) : null;
      return json({ ids: records.map(({ id }) => id), documents });
    }
    const dimension = dimensionOf(embeddings?.[0]) ?? TRIED;
    if (dimension === TRIED) return json(verb === 'delete' ? { deleted: ids.length } : {}, 201);
    const said = `Collection expecting embedding with dimension of ${TRIED}, got ${dimension}`;
    return refused(400, 'InvalidArgumentError', said);
  }
}

interface Columns {
  ids?: string[];
  embeddings?: Array<number[] | string> | null;
  include?: string[];
}

/** Text is 32-bit floats in base64. */
function dimensionOf(embedding: number[] | string | undefined): number | undefined {
  return typeof embedding === 'string' ? Buffer.from(embedding, 'base64').length / 4 : embedding?.length;
}

function shown({ id, name }: Held): object {
  const hnsw = { space: 'l2' };
  return { id, name, configuration_json: { hnsw }, schema: { keys: {} }, metadata: null };
}

function json(value: unknown, status = 200): ApiAnswer {
  return { status, body: JSON.stringify(value), contentType: 'application/json' };
}

function refused(status: number, error: string, message: string): ApiAnswer {
  return json({ error, message }, status);
}
