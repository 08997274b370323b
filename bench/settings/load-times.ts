/** How long a server takes on a directory until it answers: the log is put into the index first. */
import type { Engine, WorkingDirectory } from '../../lambdas/ports.ts';
import { DIMENSION, record, SPACE } from '../fixture/corpus.ts';
import { median } from '../statistics.ts';
import { COLLECTION } from './collection.ts';

const QUERIES = 5;
const NEAREST = 10;

/** In milliseconds. */
export interface LoadTimes {
  /** From the start of the process until the collection is open, as a session opens it. */
  startMs: number;
  firstQueryMs: number;
  /** Median of the queries after it. */
  queryMs: number;
  /** Of one record, in a server that has answered no query. */
  firstWriteMs: number;
}

/** @param n which record is written again */
export async function loadTimes(engine: Engine, directory: WorkingDirectory, n: number): Promise<LoadTimes> {
  const from = performance.now();
  const reading = await engine.open(directory);
  try {
    await reading.useCollection(COLLECTION, { space: SPACE, dimension: DIMENSION });
    const startMs = performance.now() - from;
    const query = (seed: number) => timed(() => reading.query(record(seed, 2).embedding, NEAREST));
    const firstQueryMs = await query(1);
    const later: number[] = [];
    for (let q = 0; q < QUERIES; q++) later.push(await query(q + 2));
    await reading.close();
    return { startMs, firstQueryMs, queryMs: median(later), firstWriteMs: await firstWrite(engine, directory, n) };
  } finally {
    await reading.close();
  }
}

/** In a server of its own: a merge asks nothing before it writes. */
async function firstWrite(engine: Engine, directory: WorkingDirectory, n: number): Promise<number> {
  const writing = await engine.open(directory);
  try {
    await writing.useCollection(COLLECTION, { space: SPACE, dimension: DIMENSION });
    const again = record(n);
    return await timed(() => writing.upsert([again]));
  } finally {
    await writing.close();
  }
}

async function timed(task: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await task();
  return performance.now() - from;
}
