/** Walks along a history as a table, and as they are kept in `bench/results/`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { markdown } from '../report/table.ts';
import type { HistoryDocument } from './document.ts';

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
const number = (value: number) => value.toLocaleString('en');

export function historyTable({ versions, rows }: HistoryDocument): string {
  const heading = [`${number(versions)} versions`, 'wall', 'CPU', 'GET', 'pages of LIST', 'PUT'];
  return markdown([
    heading,
    ...rows.map(({ name, wallMs, cpuMs, gets, lists, puts }) => [
      name,
      seconds(wallMs),
      seconds(cpuMs),
      number(gets),
      number(lists),
      number(puts),
    ]),
  ]);
}

/** Writes `history.json` and `history.md`. */
export async function saveHistory(folder: string, document: HistoryDocument): Promise<void> {
  const { date, commit, command, machine, node, network } = document.run;
  const heading =
    `# \`${command}\`\n\nCommit ${commit}, ${date}, on ${machine}; Node.js ${node}; behind the network model \`${network}\`. ` +
    'What is measured, and how: [README.md](README.md).';
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'history.json'), `${JSON.stringify(document, null, 2)}\n`);
  await writeFile(join(folder, 'history.md'), `${heading}\n\n${historyTable(document)}\n`);
}
