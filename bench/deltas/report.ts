/** Forms of a delta as a table, and as they are kept in `bench/results/`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { markdown } from '../report/table.ts';
import type { DeltasDocument } from './document.ts';
import { BEFORE } from './forms.ts';

export function deltasTable({ records, forms, timesFaster, timesSmaller }: DeltasDocument): string {
  const before = forms.find(({ name }) => name === BEFORE);
  const rows = forms.map(({ name, bytes, parseMs, fastestParseMs, encodeMs }) => [
    name,
    Math.round(bytes / records).toLocaleString('en'),
    `${((before?.bytes ?? 0) / bytes).toFixed(1)} x`,
    ((parseMs / records) * 1_000).toFixed(1),
    ((fastestParseMs / records) * 1_000).toFixed(1),
    `${((before?.parseMs ?? 0) / parseMs).toFixed(1)} x`,
    ((encodeMs / records) * 1_000).toFixed(1),
  ]);
  const head = ['form', 'bytes', 'smaller', 'parse µs', 'fastest', 'faster', 'write µs'];
  return `Per record, medians; "fastest" is the best round.\n\n${markdown([head, ...rows])}\n\nWritten by default, against numbers: **${timesFaster.toFixed(1)} x faster to parse, ${timesSmaller.toFixed(1)} x smaller**.`;
}

/** Writes `deltas.json` and `deltas.md`. */
export async function saveDeltas(folder: string, document: DeltasDocument): Promise<void> {
  const { date, commit, command, machine, node } = document.run;
  const { records, dimension, rounds, data } = document;
  const heading =
    `# \`${command}\`\n\nCommit ${commit}, ${date}, on ${machine}; Node.js ${node}. ${records} upserts of ${dimension} ` +
    `numbers, ${rounds} rounds. ${data} What is measured, and how: [README.md](README.md).`;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'deltas.json'), `${JSON.stringify(document, null, 2)}\n`);
  await writeFile(join(folder, 'deltas.md'), `${heading}\n\n${deltasTable(document)}\n`);
}
