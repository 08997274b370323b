/** A drained backlog as tables, and as it is kept in `bench/results/`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bytes } from '../../cli/output.ts';
import { markdown } from '../report/table.ts';
import type { DrainDocument } from './document.ts';

const number = (value: number) => value.toLocaleString('en', { maximumFractionDigits: 1 });
const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;

export function drainTables({ plans, drain }: DrainDocument): string {
  const states = Object.entries(drain.stateMs).sort(([, a], [, b]) => b - a);
  return [
    `### One plan\n\n${markdown([
      ['deltas that wait', 'wall', 'CPU', 'heap at most', 'pages of the inbox', 'reads of the table', 'read units'],
      ...plans.map((row) => [
        number(row.deltas),
        seconds(row.wallMs),
        seconds(row.cpuMs),
        bytes(row.heapBytes),
        row.pages,
        row.tableReads,
        number(row.readUnits),
      ]),
    ])}`,
    `### The whole backlog\n\n${markdown([
      ['what', 'measured'],
      ['deltas, of one upsert each', number(drain.deltas)],
      ['executions, commits', `${drain.executions}, ${drain.commits}`],
      ['deltas per commit, the fewest and the most', `${drain.fewestDeltas}, ${drain.mostDeltas}`],
      ['time in all', seconds(drain.wallMs)],
      ['deltas per second', number((drain.deltas / drain.wallMs) * 1_000)],
      ['peak memory (resident; bench and table server included, Chroma not)', bytes(drain.peakBytes)],
      ['pages of LIST', number(drain.pages)],
      ['other requests to the store, per delta', number(drain.storeRequests / drain.deltas)],
      ['read units of the table per delta', number(drain.readUnits / drain.deltas)],
      ['requests for them', number(drain.tableReads)],
      ['lost, duplicated, left in the inbox', `${drain.lost}, ${drain.duplicated}, ${drain.left}`],
    ])}`,
    `### Time by state, all rounds\n\n${markdown([
      ['state', 'in all'],
      ...states.map(([state, ms]) => [state, seconds(ms)]),
    ])}`,
  ].join('\n\n');
}

/** Writes `drain.json` and `drain.md`. */
export async function saveDrain(folder: string, document: DrainDocument): Promise<void> {
  const { date, commit, command, machine, node, engine, network } = document.run;
  const heading =
    `# \`${command}\`\n\nCommit ${commit}, ${date}, on ${machine}; Node.js ${node}, ${engine}; behind the network model \`${network}\`. ` +
    'What is measured, and how: [README.md](README.md).';
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'drain.json'), `${JSON.stringify(document, null, 2)}\n`);
  await writeFile(join(folder, 'drain.md'), `${heading}\n\n${drainTables(document)}\n`);
}
