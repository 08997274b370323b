/**
 * `npm run bench:history -- [--versions 10000] [--json] [--save]`: what walks along a history take, and what they took one
 * version after the other.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { startTable } from '../local/table.ts';
import { commandOf, describeRun } from './describe-run.ts';
import { type HistoryRow, historyDocument } from './history/document.ts';
import { historyTable, saveHistory } from './history/report.ts';
import { measureHistory, placeHistory } from './history/run.ts';
import { PRESETS, type Preset } from './network/model.ts';
import { openPorts } from './ports.ts';
import { runTasks, task } from './progress.ts';

interface Options {
  versions: number;
  network: Preset;
  json?: boolean;
  save?: boolean;
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDER = join(ROOT, '.work', 'bench');
const DEFAULT_VERSIONS = 10_000;

const options = new Command('npm run bench:history --')
  .description('Walks along the versions of a collection: some six minutes, most of them for the comparison.')
  .option('--versions <n>', 'so many; 300 take seconds', countOf, DEFAULT_VERSIONS)
  .addOption(new Option('--network <model>', 'network model').choices(['aws', 'local']).default('aws'))
  .option('--json', 'print one JSON document')
  .option('--save', 'write results to bench/results/')
  .addHelpText('after', '\nExample:\n  npm run bench:history -- --versions 300')
  .parse()
  .opts<Options>();

const started = Date.now();
const { versions, network } = options;
const table = await startTable();
await mkdir(FOLDER, { recursive: true });
const root = await mkdtemp(join(FOLDER, 'history-'));
const ports = openPorts(root, table.clientConfig);
let rows: HistoryRow[] = [];
try {
  await runTasks(
    [
      task(`${versions.toLocaleString('en')} versions`, () => placeHistory(ports, versions)),
      task('Walks', async (report) => {
        rows = await measureHistory(ports, PRESETS[network], versions, report);
      }),
    ],
    options,
  );
  const flags = [
    versions !== DEFAULT_VERSIONS && `--versions ${versions}`,
    network !== 'aws' && `--network ${network}`,
    options.save && '--save',
  ];
  const document = historyDocument.parse({
    run: {
      ...(await describeRun(ROOT, started)),
      command: commandOf('bench:history', flags),
      network,
      seconds: (Date.now() - started) / 1_000,
    },
    versions,
    rows,
  });
  if (options.save) await saveHistory(join(ROOT, 'bench', 'results'), document);
  process.stdout.write(options.json ? `${JSON.stringify(document, null, 2)}\n` : `\n${historyTable(document)}\n`);
} finally {
  ports.close();
  await table.close();
  await rm(root, { recursive: true, force: true });
}

function countOf(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number from 1 to 99999.');
}
