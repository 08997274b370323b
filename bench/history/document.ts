/** What `npm run bench:history -- --json` prints, and `bench/results/history.json` keeps. */
import { z } from 'zod';
import { runDescription } from '../describe-run.ts';

const count = z.int().nonnegative();
const ms = z.number().nonnegative();

const historyRow = z.object({
  name: z.string(),
  wallMs: ms,
  cpuMs: ms,
  /** GET and HEAD. */
  gets: count,
  /** Pages. */
  lists: count,
  puts: count,
});

export const historyDocument = z.object({
  run: runDescription.extend({ network: z.enum(['local', 'aws']) }),
  versions: count,
  rows: z.array(historyRow),
});

export type HistoryRow = z.infer<typeof historyRow>;
export type HistoryDocument = z.infer<typeof historyDocument>;
