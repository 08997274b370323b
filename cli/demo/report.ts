/** What the demonstration prints about executions. */

import type { ExecutionReport } from '../executions.ts';
import { bytes, columns } from '../output.ts';
import type { CollectionName } from './corpus.ts';

export interface RoundReport {
  collection: CollectionName;
  execution: ExecutionReport;
}

/** One line per execution, followed by the path of each distinct kind through the states. */
export function executionTable(round: readonly RoundReport[]): string {
  const rows = round.map(({ collection, execution }) => {
    const { path, state } = execution;
    const ending = execution.status === 'SUCCEEDED' ? (path.at(-1) ?? '') : (execution.error ?? execution.status);
    if (state === undefined || state.totals.commits === 0) return [collection, ending, '', '', '', '', '', '', ''];
    const { totals, committed, held } = state;
    return [
      collection,
      ending,
      totals.deltas,
      committed?.records ?? 0,
      held.validationMs,
      held.swapMs,
      held.claimMs,
      `${bytes(totals.uploadedBytes)} / ${bytes(totals.changedBytes)}`,
      bytes(committed?.snapshotBytes ?? 0),
    ];
  });
  const heading = ['collection', 'ended as', 'deltas', 'records', 'validate ms', 'swap ms', 'claim ms'];
  return columns([[...heading, 'uploaded / changed', 'snapshot'], ...rows]);
}

/** The distinct paths, with how many executions took each. */
export function pathList(round: readonly RoundReport[]): string {
  const counts = new Map<string, number>();
  for (const { execution } of round) {
    const path = execution.path.filter((state) => !state.endsWith('?')).join(' > ');
    counts.set(path, (counts.get(path) ?? 0) + 1);
  }
  return [...counts].map(([path, count]) => wrap(`${count} x  ${path}`)).join('\n');
}

function wrap(text: string): string {
  const lines: string[] = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? '';
    if (last.length + word.length > 110) lines.push(`       ${word}`);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines.map((line) => `  ${line}`).join('\n');
}

/** Time for which each compaction that committed held the lock, over both phases: median and worst, in milliseconds. */
export function lockHeld(rounds: readonly RoundReport[]): { median: number; worst: number } {
  const held = rounds
    .flatMap(({ execution: { state } }) =>
      state === undefined || state.totals.commits === 0
        ? []
        : [(state.held.validationMs + state.held.swapMs) / state.totals.commits],
    )
    .sort((a, b) => a - b);
  return { median: held[Math.floor(held.length / 2)] ?? 0, worst: held.at(-1) ?? 0 };
}
