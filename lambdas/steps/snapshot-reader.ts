/**
 * Reads one collection, always one committed version at a time, and follows its commits by the changed blocks only.
 *
 * A pristine directory is patched from version to version and never opened. What a Chroma server opens is a copy of it
 * (copy-on-write where the file system can), since an engine writes into its directory even when it only reads. A
 * refresh makes the next copy beside the current one, starts its server, and then switches: queries in flight finish on
 * the copy that they began on, which goes when the last of them is done.
 */
import type { EngineRecord, EngineSession, Ports, WorkingDirectory } from '../ports.ts';
import { CorruptObjectError, DiskFullError, InvalidInputError } from '../protocol/errors.ts';
import { liveBytes } from '../snapshot/manifest.ts';
import { hydrate } from './hydrate.ts';
import { type LoadedManifest, loadManifest, readPointer } from './read-pointer.ts';
import { refuseOlder } from './refuse-older.ts';

export type ReaderPorts = Pick<Ports, 'store' | 'cache' | 'codec' | 'telemetry' | 'engine' | 'directories'>;

export interface ReaderOptions {
  /** Copies on the disk, beside the pristine directory: the current one, and older ones with queries in flight. At least 2. */
  maxCopies?: number;
}

export interface Refreshed {
  version: number;
  /** Was there something new? */
  changed: boolean;
  /** Bytes fetched from store and cache. */
  fetchedBytes: number;
}

export type Neighbour = EngineRecord & { distance: number };

/** One version, for as long as the task that it was given to runs. */
export interface OpenSnapshot {
  readonly version: number;
  readonly commitId: string;
  readonly records: number;
  /** Nearest first, without embeddings. */
  query(embedding: readonly number[], limit: number): Promise<Neighbour[]>;
  /** In the order asked for; ids that do not exist are left out. */
  get(ids: readonly string[]): Promise<EngineRecord[]>;
}

interface Copy extends OpenSnapshot {
  users: number;
  isRetired: boolean;
  drop(): Promise<void>;
  dropped: Promise<void>;
  onDropped: () => void;
}

export class SnapshotReader {
  readonly collection: string;
  readonly #ports: ReaderPorts;
  #pristine: WorkingDirectory | undefined;
  readonly #maxCopies: number;
  readonly #copies = new Set<Copy>();
  #current: Copy | undefined;
  #refreshing: Promise<Refreshed> | undefined;
  #isClosed = false;

  private constructor(ports: ReaderPorts, collection: string, maxCopies: number) {
    this.#ports = ports;
    this.collection = collection;
    this.#maxCopies = maxCopies;
  }

  /**
   * Hydrate the current version, and start a server on it.
   * @throws CollectionNotFoundError, CorruptObjectError, EngineTooOldError, EngineUnavailableError, DiskFullError, and those
   * of the store
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
   * Go to the version that is current now. Concurrent calls share one refresh. Waits while as many copies as are allowed
   * still have queries in flight. When it fails, the reader goes on with the version that it has.
   */
  async refresh(): Promise<Refreshed> {
    if (this.#isClosed) throw closed(this.collection);
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** Run a task on one version: everything that it asks is answered from that one, whatever is refreshed meanwhile. */
  async use<Result>(task: (snapshot: OpenSnapshot) => Promise<Result>): Promise<Result> {
    const copy = this.#serving();
    copy.users++;
    try {
      return await task(copy);
    } finally {
      copy.users--;
      if (copy.isRetired && copy.users === 0) await copy.drop();
    }
  }

  /** One question, and the version that answered it. */
  query(embedding: readonly number[], limit: number): Promise<{ version: number; neighbours: Neighbour[] }> {
    return this.use(async (snapshot) => ({
      version: snapshot.version,
      neighbours: await snapshot.query(embedding, limit),
    }));
  }

  /** Wait for queries in flight, stop servers, and give the directory back: the next reader starts from what is in it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#refreshing?.catch(() => {});
    this.#retire(this.#current);
    this.#current = undefined;
    await Promise.all([...this.#copies].map((copy) => copy.dropped));
    await this.#letGo();
  }

  #serving(): Copy {
    if (this.#current === undefined) throw closed(this.collection);
    return this.#current;
  }

  async #refresh(): Promise<Refreshed> {
    const { loaded, pristine, fetchedBytes } = await this.#hydrate();
    const { version, commitId } = loaded.manifest;
    if (this.#current?.commitId === commitId) return { version, changed: false, fetchedBytes };
    while (this.#copies.size >= this.#maxCopies) {
      await Promise.race([...this.#copies].filter((copy) => copy.isRetired).map((copy) => copy.dropped));
    }
    const next = await this.#open(loaded, pristine);
    const last = this.#current;
    this.#current = next;
    this.#retire(last);
    return { version, changed: true, fetchedBytes };
  }

  /**
   * A version that garbage collection takes away meanwhile is no longer the current one: look again. Room is made only
   * for a directory that is claimed, so when a version has outgrown the disk, the directory is given back and claimed
   * anew: mostly it is the same one.
   */
  async #hydrate(): Promise<{ loaded: LoadedManifest; pristine: WorkingDirectory; fetchedBytes: number }> {
    for (;;) {
      const { pointer, etag } = await readPointer(this.#ports, this.collection);
      const isKnown = this.#pristine !== undefined;
      try {
        const loaded = await loadManifest(this.#ports, pointer.manifest);
        this.#pristine ??= await this.#ports.directories.claim(this.collection, liveBytes(loaded.manifest.files));
        const pristine = this.#pristine;
        const done = await hydrate(this.#ports, pristine, loaded, { rescan: !isKnown });
        return { loaded, pristine, fetchedBytes: done.storeBytes + done.cacheBytes };
      } catch (error) {
        if (error instanceof DiskFullError && isKnown) {
          await this.#letGo();
          continue;
        }
        if (!(error instanceof CorruptObjectError)) throw error;
        if ((await readPointer(this.#ports, this.collection)).etag === etag) throw error;
      }
    }
  }

  async #letGo(): Promise<void> {
    const pristine = this.#pristine;
    this.#pristine = undefined;
    await pristine?.release();
  }

  async #open(loaded: LoadedManifest, pristine: WorkingDirectory): Promise<Copy> {
    const { version, commitId, records } = loaded.manifest;
    const { promise: dropped, resolve: onDropped } = Promise.withResolvers<void>();
    const serving = records === 0 ? undefined : await this.#serve(loaded, pristine);
    const copy: Copy = {
      ...{ version, commitId, records, users: 0, isRetired: false, dropped, onDropped },
      query: async (embedding, limit) => (await serving?.session.query(embedding, limit)) ?? [],
      get: async (ids) => (await serving?.session.get(ids)) ?? [],
      drop: async () => {
        try {
          await serving?.session.close();
          await serving?.directory.release();
        } finally {
          this.#copies.delete(copy);
          onDropped();
        }
      },
    };
    this.#copies.add(copy);
    return copy;
  }

  async #serve(
    loaded: LoadedManifest,
    pristine: WorkingDirectory,
  ): Promise<{ session: EngineSession; directory: WorkingDirectory }> {
    const { engine, directories } = this.#ports;
    refuseOlder((await engine.identify()).version, loaded);
    const directory = await directories.replicate(this.collection, pristine);
    let session: EngineSession | undefined;
    try {
      session = await engine.open(directory);
      await session.useCollection(this.collection, loaded.manifest);
      const counted = await session.count();
      if (counted !== loaded.manifest.records) {
        throw new CorruptObjectError(
          `Version ${loaded.manifest.version} of "${this.collection}" answers with ${counted} records, not ` +
            `${loaded.manifest.records}. Verify it: compactor verify ${this.collection} --deep.`,
        );
      }
      return { session, directory };
    } catch (error) {
      await session?.close();
      await directory.release();
      throw error;
    }
  }

  #retire(copy: Copy | undefined): void {
    if (copy === undefined) return;
    copy.isRetired = true;
    if (copy.users > 0) return;
    copy.drop().catch((error: unknown) => {
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
