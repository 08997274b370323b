/** One version as a reader serves it: a server on a copy of its own, until its last query is answered. */

import {
  CorruptObjectError,
  EngineRejectedDataError,
  EngineUnavailableError,
  InvalidInputError,
} from '../errors/errors.ts';
import type { EngineRecord, EngineSession, Ports, RecordFilter, RecordPage, WorkingDirectory } from '../ports.ts';
import { checkFilter, checkPage } from '../protocol/record-filter.ts';
import type { LoadedManifest } from '../versions/load-manifest.ts';
import { refuseOlder } from '../versions/refuse-older.ts';

export type Neighbour = EngineRecord & { distance: number };

/** One version, for the duration of a task. */
export interface OpenSnapshot {
  readonly version: number;
  readonly commitId: string;
  readonly records: number;
  /** Nearest first; without embeddings, unless `include` says otherwise. @throws InvalidInputError */
  query(embedding: readonly number[], limit: number, filter?: RecordFilter): Promise<Neighbour[]>;
  /** The records with these ids, in that order; ids that do not exist are left out. */
  get(ids: readonly string[]): Promise<EngineRecord[]>;
  /** By filter, in the engine's own order. @throws InvalidInputError */
  find(page?: RecordPage): Promise<EngineRecord[]>;
}

export interface Serving {
  session: EngineSession;
  directory: WorkingDirectory;
}

export class ServedCopy implements OpenSnapshot {
  readonly version: number;
  readonly commitId: string;
  readonly records: number;
  /** Resolves once server and directory are gone. */
  readonly dropped: Promise<void>;
  readonly #onDropped: () => void;
  /** There is none for a version without records. */
  readonly #serving: Serving | undefined;
  #users = 0;
  #isRetired = false;
  #isBroken = false;

  constructor({ manifest }: LoadedManifest, serving: Serving | undefined) {
    this.version = manifest.version;
    this.commitId = manifest.commitId;
    this.records = manifest.records;
    this.#serving = serving;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.dropped = promise;
    this.#onDropped = resolve;
  }

  /** False once its server has died or no longer answers, so that it cannot be queried. */
  get isAlive(): boolean {
    return !this.#isBroken && this.#serving?.session.isRunning !== false;
  }

  get isRetired(): boolean {
    return this.#isRetired;
  }

  // Bound, since users may destructure: `({ get }) => get(ids)`.
  readonly query = async (
    embedding: readonly number[],
    limit: number,
    filter: RecordFilter = {},
  ): Promise<Neighbour[]> => {
    checkFilter(filter);
    return this.#ask((session) => session.query(embedding, limit, filter));
  };

  readonly get = (ids: readonly string[]): Promise<EngineRecord[]> => this.#ask((session) => session.get(ids));

  readonly find = async (page: RecordPage = {}): Promise<EngineRecord[]> => {
    checkPage(page);
    return this.#ask((session) => session.find(page));
  };

  /** Keep it until the task has ended, whatever is refreshed meanwhile. */
  async lend<Result>(task: (snapshot: OpenSnapshot) => Promise<Result>): Promise<Result> {
    this.#users++;
    try {
      return await task(this);
    } finally {
      this.#users--;
      if (this.#isRetired && this.#users === 0) await this.#drop();
    }
  }

  /** Removed with its last user, or at once if there is none. */
  async retire(): Promise<void> {
    if (this.#isRetired) return;
    this.#isRetired = true;
    if (this.#users === 0) await this.#drop();
  }

  async #drop(): Promise<void> {
    try {
      // Errors of the ending server do not matter: it no longer serves queries.
      await this.#serving?.session.close().catch(() => {});
      await this.#serving?.directory.release();
    } finally {
      this.#onDropped();
    }
  }

  async #ask<Found>(question: (session: EngineSession) => Promise<Found[]>): Promise<Found[]> {
    if (this.#serving === undefined) return [];
    const { session } = this.#serving;
    try {
      return await question(session);
    } catch (error) {
      if (error instanceof EngineUnavailableError) this.#isBroken ||= await isDead(session);
      if (!(error instanceof EngineRejectedDataError)) throw error;
      throw new InvalidInputError(`Chroma refused the question. ${error.message}`, { cause: error });
    }
  }
}

/** One failure may be due to the query; a server that cannot even count is broken. */
async function isDead(session: EngineSession): Promise<boolean> {
  if (!session.isRunning) return true;
  return session.count().then(
    () => false,
    () => true,
  );
}

/**
 * Start a server on a copy of `pristine`. @throws EngineTooOldError, EngineUnavailableError, CorruptObjectError (its
 * number of records differs from the manifest's), DiskFullError
 */
export async function serveCopy(
  { engine, directories }: Pick<Ports, 'engine' | 'directories'>,
  loaded: LoadedManifest,
  pristine: WorkingDirectory,
): Promise<Serving> {
  const { collection, records, version } = loaded.manifest;
  refuseOlder((await engine.identify()).version, loaded);
  const directory = await directories.replicate(collection, pristine);
  let session: EngineSession | undefined;
  try {
    session = await engine.open(directory);
    await session.useCollection(collection, loaded.manifest);
    const counted = await session.count();
    if (counted === records) return { session, directory };
    throw new CorruptObjectError(
      `Version ${version} of "${collection}" answers with ${counted} records, not ${records}. Verify it: compactor ` +
        `verify ${collection} --deep.`,
    );
  } catch (error) {
    // The first error tells more than those of an ending server.
    await session?.close().catch(() => {});
    await directory.release();
    throw error;
  }
}
