/** Where an endpoint runs: the product's own, from its routes to its serving copies. It dies, and is started again. */
import type { Hono } from 'hono';
import { createApp } from '../../../lambdas/endpoint/app.ts';
import { Endpoint } from '../../../lambdas/endpoint/endpoint.ts';
import type { Reflected } from '../../../lambdas/serving/served-collection.ts';
import { MemoryDirectories } from '../../support/memory-directories.ts';
import type { Process, World } from '../world.ts';

/** Then a client gives up, and knows nothing. */
const PATIENCE_MS = 120_000;
/** No fault of the world leads to these. */
const BROKEN = [
  ...['InvariantViolatedError', 'KeyCollisionError', 'StatusConflictError', 'UnsafeStoreError', 'ForeignStoreError'],
  ...['EngineTooOldError', 'DirtyDirectoryError', 'ConfigurationError', 'The endpoint failed'],
];

export interface Answer {
  status: number;
  text: string;
  /** Of a question about records: what the answer is made of. */
  reflected: Reflected | undefined;
}

interface Running {
  endpoint: Endpoint;
  app: Hono;
  reflected: Map<string, Reflected>;
}

/** One life of an endpoint. */
class Life {
  readonly process: Process;
  readonly #world: World;
  #running: Promise<Running> | undefined;

  constructor(world: World, process: Process) {
    this.#world = world;
    this.process = process;
  }

  async send(method: string, path: string, body: string | undefined): Promise<Answer> {
    this.#running ??= this.#start();
    const running = this.#running;
    running.catch(() => {
      if (this.#running === running) this.#running = undefined;
    });
    const { app, reflected } = await running;
    const sent = body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } };
    const response = await app.request(path, { method, ...sent });
    return { status: response.status, text: await response.text(), reflected: reflected.get(path) };
  }

  /** All that it has open is closed, as on SIGTERM. */
  async close(): Promise<void> {
    const running = await this.#running?.catch(() => undefined);
    await running?.endpoint.close();
  }

  async #start(): Promise<Running> {
    const { random } = this.#world;
    const idleMs = random.logarithmic(2_000, 600_000);
    const limits = { maxServers: random.int(1, 2), maxShared: random.int(1, 3), idleMs };
    const options = { readLevel: 'index_and_wal', allowReset: false, limits } as const;
    const endpoint = await Endpoint.start(this.process.ports, options);
    const reflected = new Map<string, Reflected>();
    const ask = endpoint.askById.bind(endpoint);
    endpoint.askById = async (id, level, request) => {
      const asked = await ask(id, level, request);
      if (asked !== undefined) reflected.set(ROUTE(id, request.path), asked.reflected);
      return asked;
    };
    return { endpoint, app: createApp(endpoint), reflected };
  }
}

const DATABASE = '/api/v2/tenants/default_tenant/databases/default_database';
/** Path of a request that concerns a collection, by its name or id. */
export const ROUTE = (collection: string, verb = '') =>
  `${DATABASE}/collections${collection && `/${collection}`}${verb && `/${verb}`}`;

export class Host {
  readonly #world: World;
  readonly #who: string;
  /** On a disk that outlives the process. */
  readonly #directories = new MemoryDirectories();
  #life: Life | undefined;
  #lives = 0;

  constructor(world: World, who: string) {
    this.#world = world;
    this.#who = who;
  }

  /** @returns `undefined`: the process died, or the client gave up */
  async ask(client: string, method: string, path: string, body?: string): Promise<Answer | undefined> {
    const world = this.#world;
    const life = this.#alive();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const cancel = world.scheduler.after(PATIENCE_MS, () => resolve(undefined));
    const task = life.send(method, path, body);
    try {
      const answer = await Promise.race([task, life.process.died, promise]);
      if (answer === undefined) return undefined;
      if (answer.status >= 500) this.#look(client, answer.text);
      return answer;
    } catch (error) {
      this.#look(client, `${(error as Error).name}: ${(error as Error).message}`);
      return undefined;
    } finally {
      cancel();
      task.catch(() => {});
    }
  }

  async close(): Promise<void> {
    const life = this.#life;
    if (life !== undefined) await Promise.race([life.close().catch(() => {}), life.process.died]);
  }

  #alive(): Life {
    if (this.#life === undefined || this.#life.process.isDead()) {
      const process = this.#world.process(`${this.#who}.${++this.#lives}`, this.#directories);
      this.#life = new Life(this.#world, process);
    }
    return this.#life;
  }

  #look(client: string, failure: string): void {
    this.#world.scheduler.note(`${client} gets ${failure.slice(0, 120)}`);
    const broken = BROKEN.find((name) => failure.includes(name));
    if (broken !== undefined) this.#world.violate(`${client} gets ${failure}`);
  }
}
