/** Results as they are kept in `bench/results/`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BenchDocument } from '../document.ts';
import { plots } from './plots.ts';
import { tables } from './table.ts';

/** Writes `<name>.json`, `<name>.md` and, for the full plan, the plots. */
export async function saveResults(folder: string, name: string, document: BenchDocument): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${name}.json`), `${JSON.stringify(document, null, 2)}\n`);
  await writeFile(join(folder, `${name}.md`), `${heading(document)}\n\n${tables(document)}\n`);
  if (name !== 'full') return;
  for (const [file, svg] of await plots(document)) await writeFile(join(folder, file), svg);
}

export function heading({ run }: Pick<BenchDocument, 'run'>): string {
  const { date, commit, command, machine, node, engine, network, seconds } = run;
  return [
    `# \`${command}\``,
    '',
    `Commit ${commit}, ${date}, on ${machine}; Node.js ${node}, ${engine}. Network model \`${network}\`. It took ` +
      `${Math.round(seconds)} s. Prices as of ${run.pricesAsOf}. What is measured, and how: [README.md](README.md).`,
  ].join('\n');
}
