/** The document that `npm run bench:settings -- --json` prints and `bench/results/settings.json` keeps. */
import { z } from 'zod';
import { runDescription } from '../describe-run.ts';

const bytes = z.number().nonnegative();
const ms = z.number().nonnegative();
const count = z.int().nonnegative();
const spread = z.object({ median: bytes, max: bytes, mean: bytes });

/** A row of commits. Bytes of changed blocks but for `stored`. */
const logResult = z.object({
  setting: z.string(),
  records: count,
  commits: count,
  /** Of each commit. */
  operations: count,
  /** Commits in which Chroma persisted its index. */
  persists: count,
  sqlite: spread,
  hnsw: spread,
  /** Packs: compressed, and with what was written again to bound fragmentation. */
  stored: spread,
  rewritten: spread,
  /** Blocks of the database in a commit that did not persist; of the index in one that did. */
  quietMedian: bytes.nullable(),
  persistMedian: bytes.nullable(),
  /** Changed bytes of the database per commit, by what their pages hold. */
  owners: z.record(z.string(), bytes),
  logged: count,
});

/** Servers on a directory whose log has so many records that the index has not. Medians. */
const loadResult = z.object({
  records: count,
  logged: count,
  opens: count,
  sqliteGrowth: z.number(),
  /** From the start of the process until the collection is open. */
  startMs: ms,
  firstQueryMs: ms,
  queryMs: ms,
  /** Of one record, in a server that has answered no query. */
  firstWriteMs: ms,
  /** CPU of the server that answered the queries, from start to end. */
  engineCpuMs: ms,
  /** Blocks of the index in the commit that persists it after such a log, and that commit's time, scan and seal included. */
  persistHnsw: bytes,
  persistMs: ms,
});

/** A collection filled with other settings, and one commit of new records after which Chroma persists its index. */
const indexResult = z.object({
  setting: z.string(),
  records: count,
  recallAt10: z.number().min(0).max(1),
  queries: count,
  fillMs: ms,
  stored: bytes,
  upserts: count,
  changedSqlite: bytes,
  changedHnsw: bytes,
  commitStored: bytes,
});

const sizes = z.object({ sqlite: bytes, hnsw: bytes });

export const settingsRun = z.object({
  run: runDescription,
  log: z.array(logResult.extend({ files: sizes })),
  load: z.array(loadResult.extend({ files: sizes })),
  index: z.array(indexResult.extend({ files: sizes })),
});

/** One run per engine and part. */
export const settingsDocument = z.object({ runs: z.array(settingsRun) });

export type LogResult = SettingsRun['log'][number];
export type LoadResult = SettingsRun['load'][number];
export type IndexResult = SettingsRun['index'][number];
export type SettingsRun = z.infer<typeof settingsRun>;
