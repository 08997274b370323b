/** The engine port over a real Chroma server. */
import type {
  DirectoryReport,
  Engine,
  EngineIdentity,
  EngineSession,
  InspectOptions,
  WorkingDirectory,
} from '../../ports.ts';
import { DirtyDirectoryError } from '../../protocol/errors.ts';
import { DATABASE, findJournals, inspectDirectory, readMigrations } from './inspect.ts';
import { locateEngine } from './locator.ts';
import { ChromaServer } from './server.ts';
import { ChromaSession } from './session.ts';

/** All in milliseconds. */
export interface ChromaEngineOptions {
  /** Longest wait for a server's first heartbeat. */
  startMs?: number;
  /** Longest wait for the reply to one request. */
  requestMs?: number;
  /** How long SIGTERM is given before SIGKILL. Every write is acknowledged by then, so little is gained by waiting. */
  graceMs?: number;
}

/**
 * Starts one server per opened directory, and stops it on `close`. The server is the one that `locateEngine` finds.
 * Whether it is too old for a directory is for the caller to say beforehand, from the manifest and `compareVersions`:
 * on files with more migrations than it knows a server aborts at start (1.0.0 on files of 1.4.4), which cannot be told
 * from other failures to start, and with equal migrations it opens the files of a newer version without complaint.
 */
export class ChromaEngine implements Engine {
  readonly writtenAtStart = new Set([DATABASE]);
  readonly #options: Required<ChromaEngineOptions>;

  constructor(options: ChromaEngineOptions = {}) {
    this.#options = { startMs: 30_000, requestMs: 60_000, graceMs: 2_000, ...options };
  }

  async identify(): Promise<EngineIdentity> {
    return (await locateEngine()).identity;
  }

  async open(directory: WorkingDirectory): Promise<EngineSession> {
    const engine = await locateEngine();
    await directory.markDirty();
    const before = await readMigrations(directory.path);
    const server = await ChromaServer.start(engine, directory.path, this.#options);
    return new GuardedSession(server, this.#options.requestMs, directory.path, before);
  }

  async inspect(
    directory: WorkingDirectory,
    collection: string,
    { thorough = false }: InspectOptions = {},
  ): Promise<DirectoryReport> {
    return inspectDirectory(directory.path, collection, thorough);
  }
}

/** A session whose `close` also makes sure that no migration level went down while the server ran. */
class GuardedSession extends ChromaSession {
  readonly #path: string;
  readonly #before: Readonly<Record<string, number>>;

  constructor(server: ChromaServer, requestMs: number, path: string, before: Readonly<Record<string, number>>) {
    super(server, requestMs);
    this.#path = path;
    this.#before = before;
  }

  /** @throws DirtyDirectoryError (a migration level went down) */
  override async close(): Promise<void> {
    await super.close();
    // With a journal the files say nothing yet; `inspect` refuses them.
    if ((await findJournals(this.#path)).length > 0) return;
    const after = await readMigrations(this.#path);
    for (const [kind, level] of Object.entries(this.#before)) {
      if ((after[kind] ?? 0) < level) {
        throw new DirtyDirectoryError(
          `The engine took migration "${kind}" of "${this.#path}" from ${level} down to ${after[kind] ?? 0}. Discard ` +
            `the directory and run an engine at least as new as the one that wrote the snapshot.`,
        );
      }
    }
  }
}
