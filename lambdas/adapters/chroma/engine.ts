/** The engine port over a real Chroma server. */

import { DirtyDirectoryError } from '../../errors/errors.ts';
import type {
  CollectionShape,
  DirectoryReport,
  Engine,
  EngineIdentity,
  EngineSession,
  InspectOptions,
  OpenOptions,
  Waste,
  WorkingDirectory,
} from '../../ports.ts';
import { type FileStamps, stampFiles, untouchedSince } from '../files/file-stamps.ts';
import { DATABASE, leaveWal } from './database.ts';
import { findJournals, inspectDirectory, readMigrations } from './inspect.ts';
import { locateEngine } from './locator.ts';
import { ChromaServer } from './server.ts';
import { ChromaSession } from './session.ts';
import { isAsNew } from './vacuum/as-new.ts';
import { measureWaste } from './vacuum/measure-waste.ts';
import { vacuumDirectory } from './vacuum/vacuum.ts';
import { indexFiles } from './vector-index/segment.ts';

/** All in milliseconds. */
export interface ChromaEngineOptions {
  /** Longest wait for a server's first heartbeat. */
  startMs?: number;
  /** Longest wait for the reply to a small request; larger ones get more: see `patienceMs`. */
  requestMs?: number;
  /**
   * Wait between SIGTERM and SIGKILL. Every write has been acknowledged by then, so there is little to gain by waiting.
   */
  graceMs?: number;
}

/**
 * Starts one server per opened directory, and stops it on `close`. The server is the one that `locateEngine` finds. The
 * caller must check beforehand that it is not too old for a directory, by the manifest and `compareVersions`: on files
 * with more migrations than it knows a server aborts at start (1.0.0 on files of 1.4.4), which looks like any other
 * failure to start, and with equal migrations it opens the files of a newer version without complaint.
 */
export class ChromaEngine implements Engine {
  readonly writtenAtStart = new Set([DATABASE]);
  readonly #options: Required<ChromaEngineOptions>;
  /** Stamps of the index files in each directory, from before a server ran there. */
  readonly #stamps = new WeakMap<WorkingDirectory, FileStamps>();

  constructor(options: ChromaEngineOptions = {}) {
    this.#options = { startMs: 30_000, requestMs: 60_000, graceMs: 2_000, ...options };
  }

  async identify(): Promise<EngineIdentity> {
    return (await locateEngine()).identity;
  }

  async open(directory: WorkingDirectory, { incomingBytes = 0 }: OpenOptions = {}): Promise<EngineSession> {
    const engine = await locateEngine();
    await directory.markDirty();
    const before = await readMigrations(directory.path);
    this.#stamps.set(directory, await stampFiles(directory.path, await indexFiles(directory.path)));
    const server = await ChromaServer.start(engine, directory.path, { ...this.#options, incomingBytes });
    return new GuardedSession(server, this.#options.requestMs, directory.path, before);
  }

  async inspect(
    directory: WorkingDirectory,
    collection: string,
    { thorough = false }: InspectOptions = {},
  ): Promise<DirectoryReport> {
    const stamps = thorough ? undefined : this.#stamps.get(directory);
    // Most merges do not persist the index, so its files are still those of the base, which was checked when it was
    // made.
    const untouched = stamps && (await untouchedSince(directory.path, stamps));
    return inspectDirectory(directory.path, collection, { thorough, ...(untouched && { untouched }) });
  }

  async measureWaste(directory: WorkingDirectory, collection: string): Promise<Waste> {
    return measureWaste(directory.path, collection);
  }

  async vacuum(directory: WorkingDirectory, collection: string, shape: CollectionShape): Promise<void> {
    const engine = await locateEngine();
    await directory.markDirty();
    const { requestMs } = this.#options;
    await vacuumDirectory(engine, directory.path, { collection, ...shape, requestMs, times: this.#options });
  }

  async isAsNew(directory: WorkingDirectory, collection: string, shape: CollectionShape): Promise<boolean> {
    await directory.markDirty();
    const { requestMs } = this.#options;
    return isAsNew(await locateEngine(), directory.path, { collection, ...shape, requestMs, times: this.#options });
  }
}

/**
 * A session whose `close` also makes the database a single file, since a newer server may prefer a write-ahead log, and
 * checks that no migration level went down while the server ran.
 */
class GuardedSession extends ChromaSession {
  readonly #path: string;
  readonly #before: Readonly<Record<string, number>>;

  constructor(server: ChromaServer, requestMs: number, path: string, before: Readonly<Record<string, number>>) {
    super(server, requestMs);
    this.#path = path;
    this.#before = before;
  }

  /** @throws DirtyDirectoryError (a migration level went down), EngineRunawayError */
  override async close(): Promise<void> {
    await super.close();
    // If this fails, the files stay as they are, and `inspect` refuses them.
    await leaveWal(this.#path).catch(() => {});
    // While there is a journal, the files tell nothing; `inspect` refuses them.
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
