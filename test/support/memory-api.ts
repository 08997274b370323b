/** The engine's API in memory, as far as copies that serve need it: places on a server, and settings that are put there. */
import type {
  ApiAnswer,
  ApiEngine,
  ApiRequest,
  ApiServer,
  EngineSession,
  WorkingDirectory,
} from '../../lambdas/ports.ts';
import { MemoryDirectories } from './memory-directories.ts';
import { MemoryEngine, type MemoryEngineSession } from './memory-engine.ts';

export class MemoryApi implements ApiEngine {
  readonly servers: MemoryServer[] = [];
  readonly #engine: MemoryEngine;

  constructor(engine = new MemoryEngine()) {
    this.#engine = engine;
  }

  identify() {
    return this.#engine.identify();
  }

  async startScratch(): Promise<MemoryServer> {
    const directories = new MemoryDirectories();
    // Each collection has a directory of its own: the model has one collection in each.
    return this.#started(async () => this.#engine.open(await directories.claim('scratch')));
  }

  async serve(directory: WorkingDirectory): Promise<MemoryServer> {
    return this.#started(() => this.#engine.open(directory));
  }

  #started(open: () => Promise<EngineSession>): MemoryServer {
    const server = new MemoryServer(open);
    this.servers.push(server);
    return server;
  }
}

export class MemoryServer implements ApiServer {
  isRunning = true;
  isClosed = false;
  readonly requests: ApiRequest[] = [];
  /** What is answered instead; `undefined`: as usual. */
  answers: (request: ApiRequest) => ApiAnswer | undefined = () => undefined;
  readonly #open: () => Promise<EngineSession>;

  constructor(open: () => Promise<EngineSession>) {
    this.#open = open;
  }

  async send(request: ApiRequest): Promise<ApiAnswer> {
    this.requests.push(request);
    const usual = { status: 200, body: '{"id":"00000000-0000-4000-a000-000000000001"}', contentType: undefined };
    return this.answers(request) ?? usual;
  }

  /** Opened with its first use. */
  session(): EngineSession {
    const opened = this.#open();
    return new Proxy({} as MemoryEngineSession, {
      get: (_, property) => {
        if (property === 'isRunning') return this.isRunning;
        return async (...args: unknown[]) => {
          const session = (await opened) as unknown as Record<PropertyKey, (...args: unknown[]) => unknown>;
          return session[property]?.(...args);
        };
      },
    });
  }

  async close(): Promise<void> {
    this.isRunning = false;
    this.isClosed = true;
  }
}
