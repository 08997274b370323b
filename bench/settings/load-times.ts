/** How long a server takes on a directory until it answers: the log is put into the index first. */
import type { Engine, WorkingDirectory } from '../../lambdas/ports.ts';
import { DIMENSION, record, SPACE } from '../fixture/corpus.ts';
import { median } from '../statistics.ts';
import { measureProcess } from '../usage.ts';
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
  /** CPU of the server from its start to its end, with the queries: less at the mercy of what else runs than the times. */
  engineCpuMs: number;
}

/** @param n which record is written again */
export async function loadTimes(engine: Engine, directory: WorkingDirectory, n: number): Promise<LoadTimes> {
  const finish = measureProcess();
  const reading = await engine.open(directory);
  try {
    await reading.useCollection(COLLECTION, { space: SPACE, dimension: DIMENSION });
    const startMs = finish().wallMs;
    const query = (seed: number) => timed(() => reading.query(record(seed, 2).embedding, NEAREST));
    const firstQueryMs = await query(1);
    const later: number[] = [];
    for (let q = 0; q < QUERIES; q++) later.push(await query(q + 2));
    await reading.close();
    const { engineCpuMs } = finish();
    const firstWriteMs = await firstWrite(engine, directory, n);
    return { startMs, firstQueryMs, queryMs: median(later), firstWriteMs, engineCpuMs };
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
