/** A backlog drained to the end by real executions on a real Chroma server, behind the network model. */

import { mapLimit } from '../../lambdas/concurrency/map-limit.ts';
import { inboxPrefix } from '../../lambdas/snapshot/keys.ts';
import { walkVersions } from '../../lambdas/versions/walk-versions.ts';
import { COLLECTION } from '../fixture/build.ts';
import { countDuplicates } from '../scenarios/contention.ts';
import { delta, upserts } from '../scenarios/deltas.ts';
import type { Ours } from '../scenarios/ours.ts';
import { measureProcess } from '../usage.ts';
import type { Drain } from './document.ts';

const PARALLEL_SUBMITS = 16;
/** An execution ends after 50 rounds. */
const MAX_EXECUTIONS = 20;

export interface DrainOptions {
  deltas: number;
  /** Records of the snapshot before: each delta adds one of its own. */
  records: number;
  report: (text: string) => void;
}

export async function submitBacklog(ours: Ours, { deltas, records, report }: DrainOptions): Promise<void> {
  let done = 0;
  await mapLimit(
    Array.from({ length: deltas }, (_, n) => n),
    PARALLEL_SUBMITS,
    async (n) => {
      await ours.submit(delta(idOf(n), upserts(records + n, 1)));
      if (++done % 500 === 0) report(`${done} of ${deltas} deltas submitted`);
    },
  );
}

/** @throws Error (the backlog is not drained) */
export async function drain(ours: Ours, { deltas, records, report }: DrainOptions): Promise<Drain> {
  ours.meter.reset();
  const stateMs: Record<string, number> = {};
  let [commits, executions, seen] = [0, 0, 0];
  const end = measureProcess();
  for (let ending = ''; ending !== 'Compacted' || (await left(ours)) > 0; executions++) {
    if (executions === MAX_EXECUTIONS) throw new Error(`${executions} executions have not drained the inbox.`);
    const run = await ours.compact(async (state) => {
      if (state === 'FinishCompaction') report(`${++seen} commits`);
    });
    ending = run.ending;
    commits += run.state.totals.commits;
    for (const [state, ms] of Object.entries(run.stateMs)) stateMs[state] = (stateMs[state] ?? 0) + ms;
  }
  const { wallMs, peakBytes } = end();
  const { storeLists, storeGets, storePuts, storeDeletes, tableReads, tableReadUnits } = ours.meter.counts;
  const applied: string[] = [];
  const perCommit: number[] = [];
  let last: number | undefined;
  for await (const { manifest } of walkVersions(ours.plain, COLLECTION)) {
    const own = manifest.ledger.filter(({ version }) => version === manifest.version).map(({ deltaId }) => deltaId);
    applied.push(...own);
    if (own.length > 0) perCommit.push(own.length);
    // The walk begins with the last version, and the others have fewer.
    last ??= manifest.records;
    if (last !== records + deltas) {
      throw new Error(`The last version has ${last} records, not ${records + deltas}.`);
    }
  }
  const distinct = new Set(applied);
  return {
    ...{ deltas, executions, commits, wallMs, stateMs, peakBytes },
    maxDeltasPerCommit: ours.plain.settings.maxDeltasPerCommit,
    mostDeltas: Math.max(...perCommit),
    fewestDeltas: Math.min(...perCommit),
    pages: storeLists,
    storeRequests: storeGets + storePuts + storeDeletes,
    tableReads: tableReads,
    readUnits: tableReadUnits,
    lost: Array.from({ length: deltas }, (_, n) => idOf(n)).filter((id) => !distinct.has(id)).length,
    duplicated: countDuplicates(applied),
    left: await left(ours),
  };
}

async function left(ours: Ours): Promise<number> {
  let count = 0;
  for await (const page of ours.plain.store.list(inboxPrefix(COLLECTION))) count += page.length;
  return count;
}

function idOf(n: number): string {
  return `drain-${String(n).padStart(6, '0')}`;
}
