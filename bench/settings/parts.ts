/** The three parts of the study: commits with other settings, servers on a long log, and other indexes. */
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ChromaEngine } from '../../lambdas/adapters/chroma/engine.ts';
import type { EngineRecord, EngineSession } from '../../lambdas/ports.ts';
import { startTable } from '../../local/table.ts';
import { DIMENSION, record, recordId, SPACE } from '../fixture/corpus.ts';
import { openPorts } from '../ports.ts';
import { type Delta, delta, upserts } from '../scenarios/deltas.ts';
import { median } from '../statistics.ts';
import { COLLECTION, type CommitBytes, MeasuredCollection } from './collection.ts';
import type { IndexResult, LoadResult, LogResult } from './document.ts';
import { type LoadTimes, loadTimes } from './load-times.ts';
import type { LoadPlan, Setting, SettingsPlan } from './matrix.ts';
import { recall } from './recall.ts';

/** Of one commit: 80 new records, 20 that replace existing ones, 10 updates of metadata, 10 deletes. */
const FRESH = 80;
const REPLACED = 20;
const UPDATED = 10;
const DELETED = 10;
const TOUCHED = REPLACED + UPDATED + DELETED;
/** Operations of one commit. */
const OPERATIONS = FRESH + TOUCHED;
const BATCH = 2_000;
/** Upserts of the commit after which a server with default settings persists its index. */
const PERSISTED = 1_000;
/** More records than `load` writes between the log and the commit that persists. */
const SHORT_OF_PERSIST = 50;

type Corpus = (n: number, edition?: number) => EngineRecord & { embedding: number[] };

/** The same records without their documents. */
const bareRecord: Corpus = (n, edition) => {
  const { document: _, ...rest } = record(n, edition);
  return rest;
};

/** Delta number `n`: spread over the collection, and never the same record twice (379 is prime to its size). */
function mixed(n: number, records: number, corpus: Corpus): Delta {
  const at = (index: number) => ((n * TOUCHED + index) * 379) % records;
  const ids = (from: number, count: number) => Array.from({ length: count }, (_, i) => at(from + i));
  return delta(`mixed-${n}`, [
    ...Array.from({ length: FRESH }, (_, i) => ({ op: 'upsert' as const, ...corpus(records + n * FRESH + i) })),
    ...ids(0, REPLACED).map((i) => ({ op: 'upsert' as const, ...corpus(i, 1) })),
    ...ids(REPLACED, UPDATED).map((i) => ({ op: 'update' as const, id: recordId(i), metadata: { reviewed: true } })),
    ...ids(REPLACED + UPDATED, DELETED).map((i) => ({ op: 'delete' as const, id: recordId(i) })),
  ]);
}

/** Runs parts in a folder of its own, which is gone afterwards. */
export class Study {
  readonly #folder: string;
  readonly #filled = new Map<string, string>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Measure on a directory that is there already, filled with default settings and so many records. */
  use(directory: string, records: number): void {
    this.#filled.set(keyOf(records, record), directory);
  }

  async log({ records, commits }: SettingsPlan['log'], setting: Setting): Promise<LogResult> {
    const corpus = setting.bare ? bareRecord : record;
    const source = await this.#fill(records, corpus);
    return this.#with(async (collection) => {
      await collection.copyFrom(source);
      await collection.change(setting);
      await collection.seal(records);
      const done: CommitBytes[] = [];
      for (let n = 0; n < commits; n++) done.push(await collection.commit(mixed(n, records, corpus)));
      const quiet = done.filter(({ persisted }) => !persisted);
      const persisting = done.filter(({ persisted }) => persisted);
      const { logged, ...files } = await collection.sizes();
      const owners = [...new Set(done.flatMap((one) => [...one.owners.keys()]))].map((owner): [string, number] => [
        owner,
        mean(done, (one) => one.owners.get(owner) ?? 0),
      ]);
      return {
        setting: setting.name,
        records,
        commits,
        operations: OPERATIONS,
        persists: persisting.length,
        sqlite: spread(done, (one) => one.sqlite),
        hnsw: spread(done, (one) => one.hnsw),
        stored: spread(done, (one) => one.stored),
        rewritten: spread(done, (one) => one.rewritten),
        quietMedian: quiet.length === 0 ? null : median(quiet.map(({ sqlite }) => sqlite)),
        persistMedian: persisting.length === 0 ? null : median(persisting.map(({ hnsw }) => hnsw)),
        owners: Object.fromEntries(owners.sort(([, a], [, b]) => b - a)),
        logged,
        files,
      };
    });
  }

  async load({ records, logged, opens }: LoadPlan): Promise<LoadResult> {
    const source = await this.#fill(records);
    return this.#with(async (collection, ports) => {
      await collection.copyFrom(source);
      // Beyond what is written below, but for the last commit.
      await collection.change({ name: '', hnsw: { sync_threshold: logged + SHORT_OF_PERSIST } });
      await collection.seal(records);
      const before = await collection.sizes();
      if (logged > 0) await collection.commit(delta('log', upserts(records, logged)));
      const { logged: found, ...files } = await collection.sizes();
      const times: LoadTimes[] = [];
      for (let n = 0; n < opens; n++) times.push(await loadTimes(ports.engine, collection.directory, n));
      const from = performance.now();
      const last = await collection.commit(delta('last', upserts(records + logged, 2 * SHORT_OF_PERSIST)));
      if (!last.persisted) throw new Error(`Chroma did not persist after ${logged} records.`);
      const middle = (of: (time: LoadTimes) => number) => median(times.map(of));
      return {
        records,
        logged: found,
        opens,
        files,
        sqliteGrowth: files.sqlite - before.sqlite,
        startMs: middle(({ startMs }) => startMs),
        firstQueryMs: middle(({ firstQueryMs }) => firstQueryMs),
        queryMs: middle(({ queryMs }) => queryMs),
        firstWriteMs: middle(({ firstWriteMs }) => firstWriteMs),
        engineCpuMs: middle(({ engineCpuMs }) => engineCpuMs),
        persistHnsw: last.hnsw,
        persistMs: performance.now() - from,
      };
    });
  }

  async index({ records, queries }: SettingsPlan['index'], setting: Setting): Promise<IndexResult> {
    return this.#with(async (collection, ports) => {
      await collection.create(setting.hnsw ?? {});
      const session = await ports.engine.open(collection.directory);
      const from = performance.now();
      let found: number;
      let fillMs: number;
      try {
        await fill(session, records, record);
        fillMs = performance.now() - from;
        found = await recall(session, records, queries);
      } finally {
        await session.close();
      }
      const first = await collection.seal(records);
      const { sqlite, hnsw } = await collection.sizes();
      const commit = await collection.commit(delta('persist', upserts(records, PERSISTED)));
      return {
        setting: setting.name,
        records,
        files: { sqlite, hnsw },
        stored: first.stored,
        recallAt10: found,
        queries,
        fillMs,
        upserts: PERSISTED,
        changedSqlite: commit.sqlite,
        changedHnsw: commit.hnsw,
        commitStored: commit.stored,
      };
    });
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** A directory with default settings, filled once per size; its index is persisted and its log empty. */
  async #fill(records: number, corpus: Corpus = record): Promise<string> {
    const key = keyOf(records, corpus);
    const known = this.#filled.get(key);
    if (known !== undefined) return known;
    const target = join(this.#folder, key);
    await this.#with(async (collection, ports) => {
      await collection.create({});
      const session = await ports.engine.open(collection.directory);
      try {
        await fill(session, records, corpus);
      } finally {
        await session.close();
      }
      await cp(collection.directory.path, target, { recursive: true });
    });
    this.#filled.set(key, target);
    return target;
  }

  async #with<Result>(
    work: (collection: MeasuredCollection, ports: ReturnType<typeof openPorts>) => Promise<Result>,
  ): Promise<Result> {
    const root = join(this.#folder, 'run');
    await rm(root, { recursive: true, force: true });
    const table = await startTable();
    // Newer servers do not heed SIGTERM, and nothing is gained by waiting.
    const ports = {
      ...openPorts(root, table.clientConfig),
      engine: new ChromaEngine({ graceMs: 200, requestMs: 120_000 }),
    };
    try {
      const collection = await MeasuredCollection.open(ports);
      try {
        return await work(collection, ports);
      } finally {
        await collection.release();
      }
    } finally {
      ports.close();
      await table.close();
    }
  }
}

async function fill(session: EngineSession, records: number, corpus: Corpus): Promise<void> {
  await session.useCollection(COLLECTION, { space: SPACE, dimension: DIMENSION });
  for (let from = 0; from < records; from += BATCH) {
    const length = Math.min(BATCH, records - from);
    await session.upsert(Array.from({ length }, (_, n) => corpus(from + n)));
  }
}

function keyOf(records: number, corpus: Corpus): string {
  return `filled-${records}-${corpus.name}`;
}

function mean<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + of(item), 0) / items.length;
}

function spread<Item>(items: readonly Item[], of: (item: Item) => number) {
  return { median: median(items.map(of)), max: Math.max(...items.map(of)), mean: mean(items, of) };
}
