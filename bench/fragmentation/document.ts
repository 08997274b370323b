/** What `npm run bench:fragmentation -- --json` prints, and `bench/results/fragmentation.json` keeps. */
import { z } from 'zod';
import { runDescription } from '../describe-run.ts';

const count = z.int().nonnegative();
const bytes = z.int().nonnegative();
const ms = z.number().nonnegative();

/** How a version lies in the store, and what it took to come there. */
const row = z.object({
  /** Small compactions so far. */
  compactions: count,
  version: count,
  /** Size of the snapshot's files. */
  snapshotBytes: bytes,
  /** Of the packs that the version needs, dead frames included, as they are stored: compressed. */
  storedBytes: bytes,
  /** The same decompressed: what compares with `snapshotBytes`. */
  storedRawBytes: bytes,
  packs: count,
  /** Frames of which some block lives. */
  frames: count,
  extents: count,
  manifestBytes: bytes,
  /** Sums over all small compactions so far, the first two decompressed. */
  changedBytes: bytes,
  rewrittenBytes: bytes,
  uploadedBytes: bytes,
});

/** Medians over the repetitions; bytes and requests are the same in all of them. */
const hydrate = z.object({
  wallMs: ms,
  wallMsAll: z.array(ms),
  storeBytesDown: bytes,
  storeRequests: count,
  /** As in the series. */
  storedBytes: bytes,
});

export const fragmentationDocument = z.object({
  run: runDescription.extend({
    /** Of the code that made the history, which may have gone on from an earlier run. */
    historyCommits: z.array(z.string()),
    network: z.enum(['local', 'aws']),
    /** Of the small compactions alone. */
    historySeconds: z.number().nonnegative(),
  }),
  compactions: count,
  /** The largest after any compaction, not only after those of the series. */
  worst: z.object({ storedRawOfSnapshot: z.number(), manifestBytes: bytes, packs: count, extents: count }),
  series: z.array(row),
  /** A cold hydrate of the last version, and of the same content as version 1 of a new store. */
  hydrates: z.object({ repetitions: count, fragmented: hydrate, fresh: hydrate }),
  bounds: z.array(
    z.object({ name: z.string(), limit: z.string(), value: z.number(), holds: z.boolean(), timing: z.boolean() }),
  ),
});

export type FragmentationDocument = z.infer<typeof fragmentationDocument>;
export type Row = z.infer<typeof row>;
export type Hydrates = FragmentationDocument['hydrates'];
export type Worst = FragmentationDocument['worst'];
