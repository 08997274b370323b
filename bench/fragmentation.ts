/**
 * `npm run bench:fragmentation -- [--compactions 1000] [--json] [--save]`: what many small compactions make of a
 * snapshot. Exits with 1 when a bound does not hold.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { startTable } from '../local/table.ts';
import { commandOf, commitOf, describeRun } from './describe-run.ts';
import { fixture } from './fixture/build.ts';
import { fragmentationDocument } from './fragmentation/document.ts';
import type { History } from './fragmentation/history.ts';
import { fragmentationTables, saveFragmentation } from './fragmentation/report.ts';
import { type Measured, makeHistory, measureHistory } from './fragmentation/run.ts';
import { mostDeltas } from './fragmentation/small-delta.ts';
import { runTasks, task } from './progress.ts';

interface Options {
  compactions: number;
  fresh?: boolean;
  json?: boolean;
  save?: boolean;
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const RECORDS = 20_000;
const FOLDER = join(ROOT, '.work', 'bench');

const options = new Command('npm run bench:fragmentation --')
  .description(
    'Compacts the 66 MB snapshot again and again by small deltas, and compares what it has become with a fresh one. ' +
      'About a second per compaction. What is there is kept in .work/bench/fragmentation, and the next run goes on from it.',
  )
  .option('--compactions <n>', 'small compactions in all', countOf, 1_000)
  .option('--fresh', 'begin anew, whatever is there')
  .option('--json', 'print one JSON document')
  .option('--save', 'write results and plot to bench/results/')
  .addHelpText('after', '\nExample:\n  npm run bench:fragmentation -- --compactions 50')
  .parse()
  .opts<Options>();

const started = Date.now();
const table = await startTable();
try {
  const folder = join(FOLDER, 'fragmentation');
  if (options.fresh) await rm(folder, { recursive: true, force: true });
  const commit = commitOf(ROOT);
  const { compactions } = options;
  const common = { table: table.clientConfig, folder, compactions, commit, preset: 'aws', hydrates: 5 } as const;
  const found: { history?: History; measured?: Measured } = {};
  await runTasks(
    [
      task(`${compactions.toLocaleString('en')} small compactions`, async (report) => {
        const built = await fixture(FOLDER, RECORDS, table.clientConfig, report);
        found.history = await makeHistory({ ...common, fixture: built, report });
      }),
      task('Cold hydrates of the last version, and of the same content freshly written', async (report) => {
        found.measured = await measureHistory(found.history as History, { ...common, report });
      }),
    ],
    options,
  );
  found.history?.close();
  const { history, ...measured } = found.measured as Measured;
  const flags = [
    compactions !== 1_000 && `--compactions ${compactions}`,
    options.fresh && '--fresh',
    options.save && '--save',
  ];
  const document = fragmentationDocument.parse({
    run: {
      ...(await describeRun(ROOT, started)),
      commit,
      historyCommits: [...history.commits],
      command: commandOf('bench:fragmentation', flags),
      network: common.preset,
      historySeconds: history.seconds,
      seconds: (Date.now() - started) / 1_000,
    },
    ...measured,
  });
  if (options.save) await saveFragmentation(join(ROOT, 'bench', 'results'), document);
  process.stdout.write(
    options.json ? `${JSON.stringify(document, null, 2)}\n` : `\n${fragmentationTables(document)}\n`,
  );
  process.exitCode = document.bounds.every(({ holds }) => holds) ? 0 : 1;
} finally {
  await table.close();
}

function countOf(text: string): number {
  const most = mostDeltas(RECORDS);
  if (/^[1-9]\d{0,3}$/.test(text) && Number(text) <= most) return Number(text);
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${most}: each takes other records.`);
}
