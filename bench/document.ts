/** The one document that `--json` prints and `bench/results/` keeps. */
import { z } from 'zod';
import { runDescription } from './describe-run.ts';

const count = z.number().nonnegative();
const bytes = z.int().nonnegative();

/** Of one compaction: medians over the repetitions, unless the name says otherwise. */
const side = z.object({
  /** Both phases together, from the acquiring writes to the releasing writes. */
  lockHeldMsP50: count,
  lockHeldMsP99: count,
  /** `null`: this protocol has no claim. */
  claimHeldMsP50: count.nullable(),
  claimHeldMsP99: count.nullable(),
  wallMs: count,
  wallMsP99: count,
  /** Of the compactor's process. */
  cpuMs: count,
  /** Of the Chroma server. */
  engineCpuMs: count,
  /** Largest resident set of the compactor's process, the bench itself included, Chroma not. The largest of all. */
  peakMemoryBytes: bytes,
  /** Of which the process had before the compaction began. */
  startMemoryBytes: bytes,
  storeBytesUp: bytes,
  storeBytesDown: bytes,
  /** Read and written. */
  cacheBytes: bytes,
  cacheBytesRead: bytes,
  cacheBytesWritten: bytes,
  /** To store, table and cache together. */
  requests: count,
  storeRequests: count,
  tableRequests: count,
  cacheRequests: count,
  /** Conditional writes and PUTs: what "nothing to do" must not have. */
  writes: count,
  lockAttempts: count,
  engineStarts: count,
  transitions: count,
  mergesDiscarded: count,
  /** Uploaded by defragmentations between the repetitions: the mean per repetition. Absent if there were none. */
  defragmentedBytes: bytes.optional(),
  usdPer1000: count,
  /** Milliseconds in each Lambda, by the state's name. */
  stateMs: z.record(z.string(), count).optional(),
});

const contender = z.object({
  deltasPerSecond: count,
  /** Attempts to acquire the lock that met one held by another. */
  collisionPct: count,
  /** Executions that handed their work to the one that had the claim. */
  delegatedPct: count,
  submitted: count,
  lost: count,
  duplicated: count,
  mergesDiscarded: count,
  lockAttempts: count,
  executions: count,
  lockHeldMsP50: count,
  lockHeldMsP99: count,
  seconds: count,
});

export const bound = z.object({
  name: z.string(),
  limit: z.string(),
  value: z.number().nullable(),
  holds: z.boolean(),
  /** It hangs on how fast this machine was at the moment: the full run alone fails by it. */
  timing: z.boolean(),
});

export const benchDocument = z.object({
  /** How it came about. */
  run: runDescription.extend({
    network: z.enum(['local', 'aws']),
    pricesAsOf: z.string(),
    /** Do the bounds marked `timing` fail the run, or are they shown only? */
    failsOnTiming: z.boolean(),
  }),
  scenarios: z.array(
    z.object({
      name: z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/),
      snapshotBytes: bytes,
      changedBlockBytes: bytes,
      repetitions: z.object({ ours: z.int(), baseline: z.int() }),
      ours: side,
      baseline: side,
    }),
  ),
  contention: z.array(
    z.object({
      writers: z.int().positive(),
      /** How long writers submit, deltas in a batch, upserts in a delta, and the mean pause of a writer between batches. */
      load: z.object({ durationMs: count, deltasPerBatch: z.int(), upsertsPerDelta: z.int(), pauseMs: count }),
      ours: contender,
      baseline: contender,
      /** The baseline with a queue that brings every skipped batch again: charitable, and not what it did. */
      baselineRedelivered: contender.optional(),
    }),
  ),
  /** Scenarios that have no result, and why. */
  failures: z.array(z.object({ name: z.string(), message: z.string() })),
  bounds: z.array(bound),
});

export type BenchDocument = z.infer<typeof benchDocument>;
export type Side = z.infer<typeof side>;
export type Contender = z.infer<typeof contender>;
export type ScenarioResult = BenchDocument['scenarios'][number];
export type ContentionResult = BenchDocument['contention'][number];
export type Failure = BenchDocument['failures'][number];
export type Bound = z.infer<typeof bound>;
