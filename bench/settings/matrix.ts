/** Settings of Chroma that are compared. What is not given stays as Chroma has it by default. */

/** Of the collection's HNSW index, by Chroma's own names. */
export interface HnswSettings {
  sync_threshold?: number;
  batch_size?: number;
  max_neighbors?: number;
  ef_construction?: number;
  resize_factor?: number;
  num_threads?: number;
}

export interface Setting {
  name: string;
  hnsw?: HnswSettings;
  /** `false`: records stay in the log (`embeddings_queue`) after the index has them. */
  purge?: boolean;
  /** Run on the closed database before the first commit. */
  sql?: string;
  /** Records without documents: nothing in the full-text index. */
  bare?: boolean;
}

/** What only matters once the collection is written to: each starts from a copy of one collection. */
const LOG_SETTINGS: readonly Setting[] = [
  { name: 'default (sync_threshold 1,000)' },
  { name: 'sync_threshold 100', hnsw: { sync_threshold: 100 } },
  { name: 'sync_threshold 2,000', hnsw: { sync_threshold: 2_000 } },
  { name: 'sync_threshold 5,000', hnsw: { sync_threshold: 5_000 } },
  { name: 'batch_size 1,000', hnsw: { batch_size: 1_000 } },
  { name: 'log never purged', purge: false },
  { name: 'auto_vacuum full', sql: 'PRAGMA auto_vacuum = 1; VACUUM' },
  { name: 'no documents', bare: true },
];

/** What shapes the index or the database from the first record on: each is filled afresh. */
const INDEX_SETTINGS: readonly Setting[] = [
  { name: 'default (M 16, ef_construction 100)' },
  { name: 'max_neighbors 8', hnsw: { max_neighbors: 8 } },
  { name: 'max_neighbors 32', hnsw: { max_neighbors: 32 } },
  { name: 'ef_construction 50', hnsw: { ef_construction: 50 } },
  { name: 'ef_construction 200', hnsw: { ef_construction: 200 } },
  { name: 'resize_factor 2', hnsw: { resize_factor: 2 } },
  { name: 'num_threads 1', hnsw: { num_threads: 1 } },
];

/** A server that opens a directory whose log has so many records, and then persists its index. */
export interface LoadPlan {
  records: number;
  logged: number;
  opens: number;
}

export interface SettingsPlan {
  log: { records: number; commits: number; settings: readonly Setting[] };
  load: LoadPlan[];
  index: { records: number; queries: number; settings: readonly Setting[] };
}

export const FULL_SETTINGS: SettingsPlan = {
  // 42 commits of 120 operations: a whole cycle of `sync_threshold` 5,000.
  log: { records: 20_000, commits: 42, settings: LOG_SETTINGS },
  load: [0, 100, 500, 1_000, 2_000, 5_000, 20_000].map((logged) => ({ records: 20_000, logged, opens: 3 })),
  index: { records: 20_000, queries: 200, settings: INDEX_SETTINGS },
};

export const QUICK_SETTINGS: SettingsPlan = {
  log: { records: 2_000, commits: 10, settings: LOG_SETTINGS.filter(({ hnsw }) => !hnsw?.batch_size) },
  load: [0, 1_000].map((logged) => ({ records: 2_000, logged, opens: 1 })),
  index: { records: 2_000, queries: 50, settings: INDEX_SETTINGS.slice(0, 3) },
};

/** On the bench's own snapshot of 600 MB: nothing smaller says what a long log costs there. */
export const LARGE_SETTINGS: SettingsPlan = {
  log: { records: 0, commits: 0, settings: [] },
  load: [0, 500, 1_000, 2_000, 5_000].map((logged) => ({ records: 180_000, logged, opens: 2 })),
  index: { records: 0, queries: 0, settings: [] },
};
