/** What `npm run bench:endpoint -- --json` prints, and what is asked of it. */
import { z } from 'zod';
import { runDescription } from '../describe-run.ts';
import { markdown } from '../report/table.ts';

const positive = z.number().positive();

const queryTimes = z.object({ plain: positive, indexOnly: positive, indexAndWal: positive });

/** Medians of one run. */
const figures = z.object({
  /** From nothing to the first answer. */
  openMs: z.object({ plain: positive, own: positive }),
  /** At ten neighbours, one at a time. */
  queryMs: queryTimes,
  /** 10th percentiles: on a machine that does other things, what they were when it did nothing else. */
  quickQueryMs: queryTimes,
  /** Requests to store and table for a query at `index_and_wal`. */
  probes: z.number().nonnegative(),
  /** Of ten records, acknowledged, by eight clients. */
  addsPerSecond: z.object({ plain: positive, own: positive }),
});
export type Figures = z.infer<typeof figures>;

export const endpointDocument = z.object({
  run: runDescription.extend({ isQuick: z.boolean() }),
  records: z.int().positive(),
  snapshotBytes: z.int().positive(),
  networks: z.array(figures.extend({ network: z.enum(['local', 'aws']), storeReadMs: z.number().nonnegative() })),
});
export type EndpointDocument = z.infer<typeof endpointDocument>;

const MOST_QUERY = 1.3;
const LEAST_ADDS = 2;

export function endpointTable({ networks }: EndpointDocument): string {
  const rows = networks.flatMap((figures) => {
    const { openMs, queryMs, quickQueryMs, probes, addsPerSecond } = figures;
    const added = ratio(addsPerSecond.own, addsPerSecond.plain);
    const lines = [
      [
        '`add` of ten records, 8 clients, per s',
        fixed(addsPerSecond.plain),
        fixed(addsPerSecond.own),
        added,
        `>= ${LEAST_ADDS}`,
      ],
      ...queryLines('p50', queryMs, figures.storeReadMs),
      ...queryLines('p10', quickQueryMs, figures.storeReadMs),
      ['requests to store and table at `index_and_wal`', '', fixed(probes), '', ''],
      ['cold open, ms', fixed(openMs.plain), fixed(openMs.own), ratio(openMs.own, openMs.plain), ''],
    ];
    return lines.map((line) => [figures.network, ...line]);
  });
  return markdown([['network', 'what', 'plain', 'endpoint', 'ratio', 'bound'], ...rows]);
}

function queryLines(which: string, { plain, indexOnly, indexAndWal }: Figures['queryMs'], storeReadMs: number) {
  const later = storeReadMs === 0 ? '' : `${fixed((indexAndWal - indexOnly) / storeReadMs)} probes later`;
  return [
    [
      `query at \`index_only\`, ${which} ms`,
      fixed(plain),
      fixed(indexOnly),
      ratio(indexOnly, plain),
      `<= ${MOST_QUERY}`,
    ],
    [`query at \`index_and_wal\`, ${which} ms`, fixed(plain), fixed(indexAndWal), ratio(indexAndWal, plain), later],
  ];
}

function ratio(value: number, of: number): string {
  return (value / of).toFixed(2);
}

function fixed(value: number): string {
  return value.toFixed(value < 100 ? 1 : 0);
}
