/** Chroma servers that are addressed through their own HTTP API. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EngineUnavailableError } from '../../errors/errors.ts';
import type {
  ApiAnswer,
  ApiEngine,
  ApiRequest,
  ApiServer,
  EngineIdentity,
  EngineSession,
  WorkingDirectory,
} from '../../ports.ts';
import { ApiClient } from './api-client.ts';
import { patienceMs } from './batches.ts';
import { locateEngine } from './locator.ts';
import { ChromaServer } from './server.ts';
import { ChromaSession } from './session.ts';

/** In milliseconds. Servers are killed without grace, since what they wrote is discarded. */
const TIMES = { startMs: 30_000, requestMs: 120_000, graceMs: 0 };
/** Bytes of operations that may be applied to a copy while it serves; a server that writes much more is a runaway. */
const INCOMING_BYTES = 1024 ** 3;
/** Directories of scratch servers, named after the process that owns them. */
const SCRATCH = 'compactor-scratch-';

export class ChromaApiEngine implements ApiEngine {
  async identify(): Promise<EngineIdentity> {
    return (await locateEngine()).identity;
  }

  async startScratch(): Promise<ApiServer> {
    await removeAbandoned();
    const path = await mkdtemp(join(tmpdir(), `${SCRATCH}${process.pid}-`));
    const remove = () => rm(path, { recursive: true, force: true });
    try {
      return new ChromaApiServer(await start(path), remove);
    } catch (error) {
      await remove();
      throw error;
    }
  }

  async serve(directory: WorkingDirectory): Promise<ApiServer> {
    await directory.markDirty();
    return new ChromaApiServer(await start(directory.path), async () => {});
  }
}

/** Remove the scratch directories of processes that were killed. */
async function removeAbandoned(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = Number(/^compactor-scratch-(\d+)-/.exec(name)?.[1] ?? 'none');
    if (Number.isNaN(pid) || isRunning(pid)) continue;
    await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => {});
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

async function start(path: string): Promise<ChromaServer> {
  return ChromaServer.start(await locateEngine(), path, { ...TIMES, incomingBytes: INCOMING_BYTES });
}

class ChromaApiServer implements ApiServer {
  readonly #server: ChromaServer;
  readonly #client: ApiClient;
  readonly #onClosed: () => Promise<void>;
  #closed: Promise<void> | undefined;

  constructor(server: ChromaServer, onClosed: () => Promise<void>) {
    this.#server = server;
    this.#client = new ApiClient(server.port);
    this.#onClosed = onClosed;
  }

  get isRunning(): boolean {
    return this.#server.running && this.#closed === undefined;
  }

  async send(request: ApiRequest): Promise<ApiAnswer> {
    try {
      // The port of a server that has ended may belong to another process by now, so nothing may be sent to it.
      if (!this.isRunning) throw new Error('the server is not running');
      return await this.#client.send(request, patienceMs(TIMES.requestMs, request.body?.length ?? 0));
    } catch (cause) {
      throw new EngineUnavailableError(
        `${request.method} ${request.path} failed: ${(cause as Error).message}. Send it again. The server printed last: ` +
          `${this.#server.output || 'nothing'}`,
        { cause },
      );
    }
  }

  session(): EngineSession {
    return new SharedSession(this.#server, TIMES.requestMs);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#client.close();
    await this.#server.stop().catch(() => {});
    await this.#onClosed().catch(() => {});
  }
}

/** One of several sessions on a server, none of which stops it. */
class SharedSession extends ChromaSession {
  override async close(): Promise<void> {}
}
