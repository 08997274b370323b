/**
 * Reads one collection, one committed version at a time, and follows its commits by fetching the changed blocks only.
 *
 * A pristine directory is patched from version to version and never opened. Chroma servers open copies of it
 * (copy-on-write where the file system supports it), since an engine writes into its directory even when it only reads.
 * A refresh makes the next copy beside the current one, starts its server, and then switches: queries in flight finish
 * on the copy that they began on, which is removed after the last of them.
 */

import { DiskFullError, EngineUnavailableError, InvalidInputError, PointerMovedError } from '../errors/errors.ts';
import type { EngineRecord, Ports, RecordFilter, RecordPage, WorkingDirectory } from '../ports.ts';
import { liveBytes } from '../snapshot/manifest.ts';
import { hydrate } from '../versions/hydrate.ts';
import { type LoadedManifest, loadManifest } from '../versions/load-manifest.ts';
import { readPointer } from '../versions/read-pointer.ts';
import { whileCurrent } from '../versions/while-current.ts';
import { type Neighbour, type OpenSnapshot, ServedCopy, serveCopy } from './served-copy.ts';

export type { Neighbour, OpenSnapshot } from './served-copy.ts';

/** How often dying servers are restarted for one query. */
const REVIVALS = 2;

export type ReaderPorts = Pick<Ports, 'store' | 'cache' | 'codec' | 'telemetry' | 'engine' | 'directories'>;

export interface ReaderOptions {
  /**
   * Copies on the disk, beside the pristine directory: the current one, and older ones with queries in flight. At least
   * 2.
   */
  maxCopies?: number;
}

export interface Refreshed {
  version: number;
  /** Was there a newer version? */
  changed: boolean;
  /** The server of the version in use had died, and another one was started in its place. */
  reopened: boolean;
  /** Bytes fetched from store and cache. */
  fetchedBytes: number;
}

export class SnapshotReader {
  readonly collection: string;
  readonly #ports: ReaderPorts;
  #pristine: WorkingDirectory | undefined;
  /** What the pristine directory holds. */
  #held: LoadedManifest | undefined;
  readonly #maxCopies: number;
  readonly #copies = new Set<ServedCopy>();
  #current: ServedCopy | undefined;
  /** The operation that is using the pristine directory. */
  #busy: Promise<Refreshed> | undefined;
  #isClosed = false;

  private constructor(ports: ReaderPorts, collection: string, maxCopies: number) {
    this.#ports = ports;
    this.collection = collection;
    this.#maxCopies = maxCopies;
  }

  /**
   * Hydrate the current version, and start a server on it.
   * @throws CollectionNotFoundError, CorruptObjectError, EngineTooOldError, EngineUnavailableError, DiskFullError, and
   * those of the store
   */
  static async open(ports: ReaderPorts, collection: string, options: ReaderOptions = {}): Promise<SnapshotReader> {
    const { maxCopies = 2 } = options;
    if (!Number.isInteger(maxCopies) || maxCopies < 2) {
      throw new InvalidInputError(`maxCopies ${maxCopies} leaves no room to switch: give at least 2.`);
    }
    const reader = new SnapshotReader(ports, collection, maxCopies);
    try {
      await reader.refresh();
      return reader;
    } catch (error) {
      await reader.close();
      throw error;
    }
  }

  /** The version that the next query is answered from. */
  get version(): number {
    return this.#serving().version;
  }

  /**
   * Switch to the current version, and restart its server if that has died. Concurrent calls share one refresh. Waits
   * while the maximum number of copies have queries in flight. If this fails, the reader keeps the version that it has.
   */
  refresh(): Promise<Refreshed> {
    return this.#alone(() => this.#refresh());
  }

  /**
   * Run a task on one version: all its queries are answered from that version, whatever is refreshed meanwhile. If the
   * version's server has died, another one is started first; if it dies during the task, the task fails, and the next
   * one finds another.
   * @throws EngineUnavailableError
   */
  async use<Result>(task: (snapshot: OpenSnapshot) => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      const copy = this.#serving();
      // There must be no await between this check and the use.
      if (copy.isAlive || attempt > REVIVALS) return copy.lend(task);
      await this.#alone(() => this.#revive());
    }
  }

  /**
   * One query, and the version that answered it. If the server dies of it or during it, the server is replaced and the
   * query repeated.
   */
  query(
    embedding: readonly number[],
    limit: number,
    filter?: RecordFilter,
  ): Promise<{ version: number; neighbours: Neighbour[] }> {
    return this.#askTwice(async (snapshot) => ({
      version: snapshot.version,
      neighbours: await snapshot.query(embedding, limit, filter),
    }));
  }

  /** Records by filter, page by page, and the version that they are of. */
  find(page?: RecordPage): Promise<{ version: number; records: EngineRecord[] }> {
    return this.#askTwice(async (snapshot) => ({ version: snapshot.version, records: await snapshot.find(page) }));
  }

  /**
   * Wait for queries in flight, stop servers, and give the directory back: the next reader starts from what is in it.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#busy?.catch(() => {});
    this.#retire(this.#current);
    this.#current = undefined;
    await Promise.all([...this.#copies].map((copy) => copy.dropped));
    await this.#letGo();
  }

  #serving(): ServedCopy {
    if (this.#current === undefined) throw closed(this.collection);
    return this.#current;
  }

  /**
   * Refreshing and reviving both work on the pristine directory, so only one of them runs at a time, and concurrent
   * callers share it.
   */
  async #alone(task: () => Promise<Refreshed>): Promise<Refreshed> {
    if (this.#isClosed) throw closed(this.collection);
    this.#busy ??= task().finally(() => {
      this.#busy = undefined;
    });
    return this.#busy;
  }

  async #askTwice<Answer>(question: (snapshot: OpenSnapshot) => Promise<Answer>): Promise<Answer> {
    let asked: OpenSnapshot | undefined;
    const ask = (snapshot: OpenSnapshot) => {
      asked = snapshot;
      return question(snapshot);
    };
    try {
      return await this.use(ask);
    } catch (error) {
      const hasDied = asked instanceof ServedCopy && !asked.isAlive;
      if (!(error instanceof EngineUnavailableError) || !hasDied) throw error;
      return this.use(ask);
    }
  }

  async #refresh(): Promise<Refreshed> {
    const { loaded, pristine, fetchedBytes } = await this.#hydrate();
    const { version, commitId } = loaded.manifest;
    const last = this.#current;
    const changed = last?.commitId !== commitId;
    const reopened = last?.isAlive === false;
    if (changed || reopened) await this.#switch(loaded, pristine);
    return { version, changed, reopened, fetchedBytes };
  }

  /** From the local disk, so this works even if the store is unavailable. */
  async #revive(): Promise<Refreshed> {
    if (this.#held === undefined || this.#pristine === undefined) return this.#refresh();
    const last = this.#current;
    await this.#switch(this.#held, this.#pristine);
    const { version, commitId } = this.#held.manifest;
    this.#ports.telemetry.warn('The server of a version had died; another one was started.', {
      ...{ collection: this.collection, version },
    });
    return { version, changed: last?.commitId !== commitId, reopened: true, fetchedBytes: 0 };
  }

  async #switch(loaded: LoadedManifest, pristine: WorkingDirectory): Promise<void> {
    const last = this.#current;
    // A dead server answers no queries, so its copy is removed first.
    if (last?.isAlive === false) this.#retire(last);
    while (this.#copies.size >= this.#maxCopies) {
      await Promise.race([...this.#copies].filter((copy) => copy.isRetired).map((copy) => copy.dropped));
    }
    const serving = loaded.manifest.records === 0 ? undefined : await serveCopy(this.#ports, loaded, pristine);
    const next = new ServedCopy(loaded, serving);
    this.#copies.add(next);
    next.dropped.then(() => this.#copies.delete(next));
    this.#current = next;
    this.#retire(last);
  }

  /**
   * If garbage collection deletes the version meanwhile, it is no longer current: look again. Room is made only when a
   * directory is claimed, so if a version has outgrown the disk, the directory is released and claimed again, and is
   * usually the same one.
   */
  async #hydrate(): Promise<{ loaded: LoadedManifest; pristine: WorkingDirectory; fetchedBytes: number }> {
    for (;;) {
      const { pointer, etag } = await readPointer(this.#ports, this.collection);
      const isKnown = this.#pristine !== undefined;
      try {
        return await whileCurrent(this.#ports, this.collection, etag, async () => {
          const loaded = await loadManifest(this.#ports, pointer.manifest);
          this.#pristine ??= await this.#ports.directories.claim(this.collection, liveBytes(loaded.manifest.files));
          const pristine = this.#pristine;
          this.#held = undefined;
          const done = await hydrate(this.#ports, pristine, loaded, { rescan: !isKnown });
          this.#held = loaded;
          return { loaded, pristine, fetchedBytes: done.storeBytes + done.cacheBytes };
        });
      } catch (error) {
        if (error instanceof DiskFullError && isKnown) {
          await this.#letGo();
          continue;
        }
        if (!(error instanceof PointerMovedError)) throw error;
      }
    }
  }

  async #letGo(): Promise<void> {
    const pristine = this.#pristine;
    this.#pristine = undefined;
    this.#held = undefined;
    await pristine?.release();
  }

  #retire(copy: ServedCopy | undefined): void {
    copy?.retire().catch((error: unknown) => {
      this.#ports.telemetry.warn('A copy could not be removed.', {
        collection: this.collection,
        reason: String(error),
      });
    });
  }
}

function closed(collection: string): InvalidInputError {
  return new InvalidInputError(`The reader of "${collection}" is closed. Open another one.`);
}
