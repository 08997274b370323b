/**
 * A small exact model of the engine, for tests and the simulation: the state lives in the working directory's files
 * (model-database.ts), so that block diffs, packs and hydrating work on it as on Chroma's.
 */
import type {
  DirectoryReport,
  Engine,
  EngineIdentity,
  EngineRecord,
  EngineSession,
  Metadata,
  Space,
  WorkingDirectory,
} from '../../lambdas/ports.ts';
import { DirtyDirectoryError, EngineRejectedDataError, EngineUnavailableError } from '../../lambdas/protocol/errors.ts';
import { ModelDatabase } from './model-database.ts';

export interface MemoryEngineOptions {
  version?: string;
  /** Records that the engine refuses although they look right. */
  refuses?: (record: EngineRecord) => boolean;
  /** It writes to no file at its start; this is what it says. */
  writtenAtStart?: readonly string[];
}

export class MemoryEngine implements Engine {
  readonly writtenAtStart: ReadonlySet<string>;
  readonly #version: string;
  readonly #refuses: (record: EngineRecord) => boolean;

  constructor({ version = '1.0.0', refuses = () => false, writtenAtStart = [] }: MemoryEngineOptions = {}) {
    this.writtenAtStart = new Set(writtenAtStart);
    this.#version = version;
    this.#refuses = refuses;
  }

  async identify(): Promise<EngineIdentity> {
    return { name: 'model', version: this.#version, source: 'memory' };
  }

  async open(directory: WorkingDirectory): Promise<EngineSession> {
    await directory.markDirty();
    return new MemoryEngineSession(await ModelDatabase.load(directory), this.#refuses);
  }

  async inspect(directory: WorkingDirectory, collection: string): Promise<DirectoryReport> {
    const database = await ModelDatabase.load(directory);
    if (database.head === undefined) return { migrations: {}, records: 0 };
    return { migrations: { model: 1 }, records: database.head.name === collection ? database.size : 0 };
  }
}

class MemoryEngineSession implements EngineSession {
  readonly #database: ModelDatabase;
  readonly #refuses: (record: EngineRecord) => boolean;
  #state: 'running' | 'failed' | 'closed' = 'running';
  #collection: { space: Space; dimension: number } | undefined;

  constructor(database: ModelDatabase, refuses: (record: EngineRecord) => boolean) {
    this.#database = database;
    this.#refuses = refuses;
  }

  async useCollection(name: string, options: { space: Space; dimension: number }): Promise<void> {
    this.#checkRunning();
    const wanted = { name, space: options.space, dimension: options.dimension };
    if (this.#database.head === undefined) await this.#write(() => this.#database.create(wanted));
    const { head } = this.#database;
    if (JSON.stringify(head) !== JSON.stringify(wanted)) {
      throw new DirtyDirectoryError(
        `The directory holds ${JSON.stringify(head)}, not ${JSON.stringify(wanted)}. Clear it and hydrate it again.`,
      );
    }
    this.#collection = wanted;
  }

  async count(): Promise<number> {
    this.#inUse();
    return this.#database.size;
  }

  async existing(ids: readonly string[]): Promise<Set<string>> {
    this.#inUse();
    return new Set(ids.filter((id) => this.#database.get(id) !== undefined));
  }

  async upsert(records: readonly EngineRecord[]): Promise<void> {
    this.#checkRecords(records);
    for (const { id, embedding } of records) {
      if (embedding === undefined) throw refused(id, 'it has no embedding');
    }
    await this.#write(() => {
      for (const record of records) this.#database.set(applyUpsert(this.#database.get(record.id), record));
    });
  }

  /** Like the engine's, it passes over missing records in silence. */
  async update(records: readonly EngineRecord[]): Promise<void> {
    this.#checkRecords(records);
    await this.#write(() => {
      for (const record of records) {
        const old = this.#database.get(record.id);
        if (old !== undefined) this.#database.set(applyUpsert(old, record));
      }
    });
  }

  async remove(ids: readonly string[]): Promise<void> {
    this.#inUse();
    await this.#write(() => {
      for (const id of ids) this.#database.delete(id);
    });
  }

  async get(ids: readonly string[]): Promise<EngineRecord[]> {
    this.#inUse();
    return ids.map((id) => this.#database.get(id)).filter((record) => record !== undefined);
  }

  async query(embedding: readonly number[], limit: number): Promise<Array<EngineRecord & { distance: number }>> {
    const { space, dimension } = this.#inUse();
    if (embedding.length !== dimension) throw refused('query', `it has ${embedding.length} of ${dimension} dimensions`);
    const measured = this.#database.all().map((record) => {
      return { ...record, distance: distance(space, embedding.map(Math.fround), record.embedding ?? []) };
    });
    return measured.sort((a, b) => a.distance - b.distance || (a.id < b.id ? -1 : 1)).slice(0, limit);
  }

  async close(): Promise<void> {
    this.#state = 'closed';
  }

  /** All or nothing, before anything is written. */
  #checkRecords(records: readonly EngineRecord[]): void {
    const { dimension } = this.#inUse();
    const ids = new Set<string>();
    for (const record of records) {
      const { id, embedding } = record;
      if (ids.has(id)) throw refused(id, 'its id is twice in one batch');
      ids.add(id);
      if (this.#refuses(record)) throw refused(id, 'the engine was told to');
      if (embedding === undefined) continue;
      if (embedding.length !== dimension) throw refused(id, `it has ${embedding.length} of ${dimension} dimensions`);
      if (!embedding.every((value) => Number.isFinite(Math.fround(value)))) throw refused(id, 'it is not finite');
    }
  }

  async #write(change: () => void): Promise<void> {
    try {
      change();
      await this.#database.commit();
    } catch (error) {
      this.#state = 'failed';
      throw error;
    }
  }

  #inUse(): { space: Space; dimension: number } {
    this.#checkRunning();
    if (this.#collection === undefined)
      throw new EngineUnavailableError('No collection is in use. Call useCollection.');
    return this.#collection;
  }

  #checkRunning(): void {
    if (this.#state === 'running') return;
    throw new EngineUnavailableError(`The engine has ${this.#state}. Open it again, on a directory that is not dirty.`);
  }
}

/** As Chroma does it: a field that is given replaces the old one, metadata key by key; null removes a key. */
export function applyUpsert(old: EngineRecord | undefined, given: EngineRecord): EngineRecord {
  const { embedding, document } = { ...old, ...withoutUndefined(given) };
  const metadata = compact({ ...old?.metadata, ...given.metadata });
  return withoutUndefined({ id: given.id, metadata, document, embedding });
}

/** Keys in order, so that equal metadata have equal bytes; no metadata at all when nothing is left. */
function compact(metadata: Metadata): Metadata | undefined {
  const entries = Object.entries(metadata).filter(([, value]) => value !== null);
  return entries.length === 0 ? undefined : Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function withoutUndefined(record: { [K in keyof EngineRecord]: EngineRecord[K] | undefined }): EngineRecord {
  return Object.fromEntries(
    Object.entries(record).filter(([, value]) => value !== undefined),
  ) as unknown as EngineRecord;
}

/** As hnswlib has them: l2 is squared, and the other two are 1 minus similarity. */
function distance(space: Space, a: readonly number[], b: readonly number[]): number {
  const sum = (term: (x: number, y: number) => number) => a.reduce((total, x, n) => total + term(x, b[n] ?? 0), 0);
  if (space === 'l2') return sum((x, y) => (x - y) ** 2);
  const dot = sum((x, y) => x * y);
  if (space === 'ip') return 1 - dot;
  return 1 - dot / (Math.sqrt(sum((x) => x * x) * sum((_, y) => y * y)) + 1e-30);
}

function refused(id: string, why: string): EngineRejectedDataError {
  return new EngineRejectedDataError(`The engine refused "${id}": ${why}. Correct it, or reject it.`);
}
