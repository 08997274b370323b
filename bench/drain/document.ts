/** What `npm run bench:drain -- --json` prints, and `bench/results/drain.json` keeps. */
import { z } from 'zod';
import { runDescription } from '../describe-run.ts';

const count = z.int().nonnegative();
const bytes = z.int().nonnegative();
const ms = z.number().nonnegative();

/** One PlanCompaction, of an inbox in which so many deltas wait. */
const planRow = z.object({
  deltas: count,
  wallMs: ms,
  cpuMs: ms,
  /** JavaScript heap and buffers that the plan added at most, sampled at every page and every read. */
  heapBytes: bytes,
  /** Growth of the process's resident set, at most. */
  residentBytes: bytes,
  /** Pages of the inbox, and the rest of the requests. */
  pages: count,
  otherStoreRequests: count,
  /** Requests to the table, and read units: one for each status that is asked for, and one for the lock. */
  tableReads: count,
  readUnits: count,
});

const drain = z.object({
  deltas: count,
  maxDeltasPerCommit: count,
  executions: count,
  commits: count,
  /** The most and the fewest that one commit took. */
  mostDeltas: count,
  fewestDeltas: count,
  wallMs: ms,
  /** Sums over all rounds, by state. */
  stateMs: z.record(z.string(), ms),
  /** Of this process: the compactor, the bench and the table server. Chroma is not in it. */
  peakBytes: bytes,
  pages: count,
  storeRequests: count,
  tableReads: count,
  readUnits: count,
  /** Deltas that no version has, or more than one. */
  lost: count,
  duplicated: count,
  /** Objects that are left in the inbox. */
  left: count,
});

export const drainDocument = z.object({
  run: runDescription.extend({ network: z.enum(['local', 'aws']) }),
  plans: z.array(planRow),
  drain,
});

export type DrainDocument = z.infer<typeof drainDocument>;
export type PlanRow = z.infer<typeof planRow>;
export type Drain = z.infer<typeof drain>;
