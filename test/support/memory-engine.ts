/**
 * A small exact model of the engine, for tests and the simulation: the state lives in the working directory's files
 * (model-database.ts), so that block diffs, packs and hydrating work on it as on Chroma's.
 */

import { DirtyDirectoryError, EngineRejectedDataError, EngineUnavailableError } from '../../lambdas/errors/errors.ts';
import type {
  CollectionShape,
  DirectoryReport,
  Engine,
  EngineIdentity,
  EngineRecord,
  EngineSession,
  Metadata,
  RecordEmbedding,
  RecordFilter,
  RecordPage,
  Space,
  Waste,
  WorkingDirectory,
} from '../../lambdas/ports.ts';
import { NO_WASTE } from '../../lambdas/protocol/vacuum.ts';
import type { LoggedRequest } from '../../lambdas/snapshot/request-delta.ts';
import { DATABASE, ModelDatabase, SLOT_SIZE } from './model-database.ts';
import { asked, matches } from './model-filter.ts';
import { recordsOf } from './model-requests.ts';

export interface MemoryEngineOptions {
  version?: string;
  /** Records that the engine refuses although they look right. */
  refuses?: (record: EngineRecord) => boolean;
  /** Records at which it gives no answer in time, and blames nobody. */
  hangs?: (record: EngineRecord) => boolean;
  /** By which distance it finds collections to rank whose files say l2, as those of before Chroma 1.0 do. */
  ranksBy?: Space;
  /** It writes to no file at its start; this is what it says. */
  writtenAtStart?: readonly string[];
  /** What a slot counts when waste is measured, in bytes: more than it has, where a few of them are to matter. */
  slotBytes?: number;
}

export class MemoryEngine implements Engine {
  readonly writtenAtStart: ReadonlySet<string>;
  /** All that were opened, in order. */
  readonly sessions: MemoryEngineSession[] = [];
  readonly #version: string;
  readonly #slotBytes: number;
  readonly #quirks: Quirks;

  constructor({ version = '1.0.0', writtenAtStart = [], slotBytes = SLOT_SIZE, ...quirks }: MemoryEngineOptions = {}) {
    this.writtenAtStart = new Set(writtenAtStart);
    this.#version = version;
    this.#slotBytes = slotBytes;
    this.#quirks = quirks;
  }

  async identify(): Promise<EngineIdentity> {
    return { name: 'model', version: this.#version, source: 'memory' };
  }

  async open(directory: WorkingDirectory): Promise<EngineSession> {
    await directory.markDirty();
    const session = new MemoryEngineSession(await ModelDatabase.load(directory), this.#quirks);
    this.sessions.push(session);
    return session;
  }

  async inspect(directory: WorkingDirectory, collection: string): Promise<DirectoryReport> {
    const database = await ModelDatabase.load(directory);
    if (database.head === undefined) return { migrations: {}, records: 0 };
    return { migrations: { model: 1 }, records: database.head.name === collection ? database.size : 0 };
  }

  async measureWaste(directory: WorkingDirectory): Promise<Waste> {
    const { slots, free } = (await ModelDatabase.load(directory)).usage();
    return { ...NO_WASTE, databaseBytes: slots * this.#slotBytes, freeBytes: free * this.#slotBytes };
  }

  async vacuum(directory: WorkingDirectory): Promise<void> {
    await directory.markDirty();
    const old = await ModelDatabase.load(directory);
    await directory.remove(DATABASE);
    const renewed = new ModelDatabase(directory, Buffer.alloc(0));
    if (old.head !== undefined) renewed.create(old.head);
    for (const record of old.all()) renewed.set(record);
    await renewed.commit();
  }

  async isAsNew(directory: WorkingDirectory, name: string, { space, dimension }: CollectionShape): Promise<boolean> {
    await directory.markDirty();
    const { head } = await ModelDatabase.load(directory);
    return JSON.stringify(head) === JSON.stringify({ name, space, dimension });
  }
}

type Quirks = Pick<MemoryEngineOptions, 'refuses' | 'hangs' | 'ranksBy'>;

export class MemoryEngineSession implements EngineSession {
  readonly #database: ModelDatabase;
  readonly #quirks: Quirks;
  #state: 'running' | 'silent' | 'failed' | 'closed' = 'running';
  #collection: { space: Space; dimension: number } | undefined;

  constructor(database: ModelDatabase, quirks: Quirks) {
    this.#database = database;
    this.#quirks = quirks;
  }

  async useCollection(name: string, options: { space: Space; dimension: number }): Promise<void> {
    this.#checkRunning();
    const wanted = { name, space: options.space, dimension: options.dimension };
    if (this.#database.head === undefined) await this.#write(() => this.#database.create(wanted));
    const { head } = this.#database;
    const isAsSaid = head?.space === wanted.space;
    const found = head === undefined || isAsSaid ? head : { ...head, space: await this.measureSpace(name) };
    if (JSON.stringify(found) !== JSON.stringify(wanted)) {
      throw new DirtyDirectoryError(
        `The directory holds ${JSON.stringify(head)}, not ${JSON.stringify(wanted)}. Clear it and hydrate it again.`,
      );
    }
    this.#collection = wanted;
  }

  async measureSpace(name: string): Promise<Space> {
    this.#checkRunning();
    const { head } = this.#database;
    if (head?.name !== name) throw new EngineUnavailableError(`There is no collection "${name}". Call useCollection.`);
    return head.space === 'l2' ? (this.#quirks.ranksBy ?? 'l2') : head.space;
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

  /** Like the engine's: `add` leaves what is there as it is, and the first of two equal ids counts. */
  async replay({ op, body }: LoggedRequest): Promise<void> {
    const records = recordsOf(body);
    if (op === 'delete') return this.remove(records.map(({ id }) => id));
    for (const record of records) this.#checkRecord(record);
    const bare = op === 'update' ? undefined : records.find(({ embedding }) => embedding === undefined);
    if (bare !== undefined) throw refused(bare.id, 'it has no embedding');
    await this.#write(() => {
      for (const record of records) {
        const old = this.#database.get(record.id);
        if (op === 'add' ? old !== undefined : op === 'update' && old === undefined) continue;
        this.#database.set(applyUpsert(old, record));
      }
    });
  }

  async get(ids: readonly string[]): Promise<EngineRecord[]> {
    this.#inUse();
    return ids.map((id) => this.#database.get(id)).filter((record) => record !== undefined);
  }

  async visitEmbeddings(visit: (batch: readonly RecordEmbedding[]) => void): Promise<void> {
    this.#inUse();
    visit(this.#database.all().map(({ id, embedding = null }) => ({ id, embedding })));
  }

  /** Its server ends: at once, and seen by whoever looks, unless it only stops answering. */
  die(how: 'seen' | 'silent' = 'seen'): void {
    this.#state = how === 'seen' ? 'failed' : 'silent';
  }

  get isRunning(): boolean {
    return this.#state === 'running' || this.#state === 'silent';
  }

  async find({ ids, limit, offset = 0, ...filter }: RecordPage): Promise<EngineRecord[]> {
    this.#inUse();
    const among = ids && new Set(ids);
    const found = this.#database.all().filter((record) => (among?.has(record.id) ?? true) && matches(record, filter));
    return found.slice(offset, limit === undefined ? undefined : offset + limit).map((record) => asked(record, filter));
  }

  async query(
    embedding: readonly number[],
    limit: number,
    filter: RecordFilter = {},
  ): Promise<Array<EngineRecord & { distance: number }>> {
    const { space, dimension } = this.#inUse();
    if (embedding.length !== dimension) throw refused('query', `it has ${embedding.length} of ${dimension} dimensions`);
    const all = this.#database.all().filter((record) => matches(record, filter));
    const measured = all.map((record) => {
      return {
        ...asked(record, filter),
        distance: distance(space, embedding.map(Math.fround), record.embedding ?? []),
      };
    });
    return measured.sort((a, b) => a.distance - b.distance || (a.id < b.id ? -1 : 1)).slice(0, limit);
  }

  async close(): Promise<void> {
    this.#state = 'closed';
  }

  /** All or nothing, before anything is written. */
  #checkRecords(records: readonly EngineRecord[]): void {
    this.#inUse();
    const ids = new Set<string>();
    for (const record of records) {
      const { id } = record;
      if (ids.has(id)) throw refused(id, 'its id is twice in one batch');
      ids.add(id);
      this.#checkRecord(record);
    }
  }

  #checkRecord(record: EngineRecord): void {
    const { dimension } = this.#inUse();
    const { id, embedding } = record;
    if (this.#quirks.hangs?.(record)) throw new EngineUnavailableError(`No answer within 60000 ms at "${id}".`);
    if (this.#quirks.refuses?.(record)) throw refused(id, 'the engine was told to');
    if (embedding === undefined) return;
    if (embedding.length !== dimension) throw refused(id, `it has ${embedding.length} of ${dimension} dimensions`);
    if (!embedding.every((value) => Number.isFinite(Math.fround(value)))) throw refused(id, 'it is not finite');
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
  return new EngineRejectedDataError(`The engine refused "${id}": ${why}. Correct it, or reject it.`, { reason: why });
}
