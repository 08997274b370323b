/** From a fixture to the document: the history, the comparison, the bounds. */
import { join } from 'node:path';
import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { bytes } from '../../cli/output.ts';
import type { Fixture } from '../fixture/build.ts';
import { PRESETS, type Preset } from '../network/model.ts';
import { fragmentationBounds, worstOf } from './bounds.ts';
import { compareHydrates } from './compare-hydrates.ts';
import type { FragmentationDocument, Row } from './document.ts';
import { History } from './history.ts';

export interface FragmentationOptions {
  table: DynamoDBClientConfig;
  /** Where the history is kept, and goes on from. */
  folder: string;
  compactions: number;
  /** Of this code. */
  commit: string;
  preset: Preset;
  hydrates: number;
  report: (text: string) => void;
}

export type Measured = Omit<FragmentationDocument, 'run'> & {
  history: { commits: readonly string[]; seconds: number };
};

/** Rows of the series, beside that of the beginning: of 1,000 compactions every fiftieth. */
const ROWS = 20;
/** Compactions by which the time that is left is estimated. */
const RECENT = 50;

/** @throws Error (a compaction did not do what its delta asks for); what is there by then stays */
export async function makeHistory(options: FragmentationOptions & { fixture: Fixture }): Promise<History> {
  const { fixture, table, folder, compactions, commit, report } = options;
  const history = await History.open(folder, fixture, { table, atMost: compactions, commit });
  try {
    const times: number[] = [];
    for (let done = await history.compactions(); done < compactions; done++) {
      const started = performance.now();
      const row = await history.compact();
      times.push(performance.now() - started);
      const recent = times.slice(-RECENT);
      const left = ((compactions - done - 1) * recent.reduce((sum, ms) => sum + ms, 0)) / recent.length;
      if (row.compactions % Math.ceil(compactions / 100) === 0) report(progress(row, compactions, left));
    }
    return history;
  } catch (error) {
    history.close();
    throw error;
  }
}

export async function measureHistory(history: History, options: FragmentationOptions): Promise<Measured> {
  const { table, folder, compactions, preset, hydrates: repetitions, report } = options;
  const { rows, commits, seconds } = history;
  const last = rows.at(-1);
  if (last?.compactions !== compactions) throw new Error(`The history has no row ${compactions}. Begin anew: --fresh.`);
  const model = PRESETS[preset];
  const hydrates = await compareHydrates(history.ours.plain, {
    folder: join(folder, 'comparison'),
    table,
    model,
    repetitions,
    report,
  });
  const worst = worstOf(rows);
  const every = Math.ceil(compactions / ROWS);
  return {
    compactions,
    worst,
    series: rows.filter((row) => row.compactions % every === 0 || row === last),
    hydrates,
    bounds: fragmentationBounds(worst, hydrates),
    history: { commits, seconds },
  };
}

/** `120 of 1,000; stored 1.31 x the snapshot, 14 packs, manifest 402.1 KiB; about 14 min left` */
export function progress(row: Row, compactions: number, leftMs: number): string {
  const ratio = (row.storedRawBytes / row.snapshotBytes).toFixed(2);
  const left = leftMs >= 90_000 ? `${Math.round(leftMs / 60_000)} min` : `${Math.round(leftMs / 1_000)} s`;
  const count = `${row.compactions.toLocaleString('en')} of ${compactions.toLocaleString('en')}`;
  return `${count}; stored ${ratio} x the snapshot, ${row.packs} packs, manifest ${bytes(row.manifestBytes)}; about ${left} left`;
}
