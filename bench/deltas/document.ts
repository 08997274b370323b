/** What `npm run bench:deltas -- --json` prints, and `bench/results/deltas.json` keeps. */
import { z } from 'zod';
import { runDescription } from '../describe-run.ts';

const bytes = z.int().positive();
const ms = z.number().positive();

/** One way to write the same operations. */
const form = z.object({
  name: z.string(),
  /** Of the stored object. */
  bytes,
  /** From stored bytes to checked operations: median and fastest of all rounds. */
  parseMs: ms,
  fastestParseMs: ms,
  /** From operations to stored bytes, median. */
  encodeMs: ms,
});

export const deltasDocument = z.object({
  run: runDescription,
  data: z.string(),
  records: z.int().positive(),
  dimension: z.int().positive(),
  rounds: z.int().positive(),
  forms: z.array(form),
  /** Of the form that is written by default, against numbers as this library wrote them before; the first is a median of rounds. */
  timesFaster: z.number(),
  timesSmaller: z.number(),
});

export type DeltasDocument = z.infer<typeof deltasDocument>;
export type FormRow = z.infer<typeof form>;
