/**
 * `npm run bench:drain -- [--deltas 10000] [--json] [--save]`: what it takes to plan and to drain a backlog. Exits with
 * 1 when a delta is lost, doubled or left.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { startTable } from '../local/table.ts';
import { commandOf, describeRun } from './describe-run.ts';
import { type Drain, drainDocument, type PlanRow } from './drain/document.ts';
import { measurePlan } from './drain/plans.ts';
import { drainTables, saveDrain } from './drain/report.ts';
import { drain, submitBacklog } from './drain/run.ts';
import { fixture } from './fixture/build.ts';
import { PRESETS, type Preset } from './network/model.ts';
import { runTasks, task } from './progress.ts';
import { Ours } from './scenarios/ours.ts';

interface Options {
  deltas: number;
  network: Preset;
  json?: boolean;
  save?: boolean;
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDER = join(ROOT, '.work', 'bench');
const RECORDS = 20_000;
const DEFAULT_DELTAS = 10_000;
const PLANS = [0, 1_000, 10_000, 100_000, 500_000];

const options = new Command('npm run bench:drain --')
  .description(
    'Plans with up to 500,000 waiting deltas, and drains a backlog into the 66 MB snapshot: several minutes.',
  )
  .option('--deltas <n>', 'deltas of one upsert each', countOf, DEFAULT_DELTAS)
  .addOption(new Option('--network <model>', 'network model').choices(['aws', 'local']).default('aws'))
  .option('--json', 'print one JSON document')
  .option('--save', 'write results to bench/results/')
  .addHelpText('after', '\nExample:\n  npm run bench:drain -- --deltas 1000')
  .parse()
  .opts<Options>();

const started = Date.now();
const table = await startTable();
try {
  const { deltas, network } = options;
  const plans: PlanRow[] = [];
  const found: { ours?: Ours; drain?: Drain; root?: string } = {};
  const load = { deltas, records: RECORDS };
  await runTasks(
    [
      task('The snapshot of 20,000 records', async (report) => {
        const built = await fixture(FOLDER, RECORDS, table.clientConfig, report);
        found.root = await mkdtemp(join(FOLDER, 'drain-'));
        found.ours = new Ours(found.root, table.clientConfig, PRESETS[network]);
        await found.ours.place(built);
      }),
      task(`Plans with up to ${Math.max(...PLANS).toLocaleString('en')} waiting deltas`, async (report) => {
        // The first one is of a process that has not planned yet, and does not count.
        for (const waiting of [1_000, ...PLANS]) {
          report(`${waiting} deltas`);
          plans.push(await measurePlan(found.ours as Ours, waiting));
        }
        plans.shift();
      }),
      task(`Submit ${deltas.toLocaleString('en')} deltas`, (report) =>
        submitBacklog(found.ours as Ours, { ...load, report }),
      ),
      task('Drain', async (report) => {
        found.drain = await drain(found.ours as Ours, { ...load, report });
      }),
    ],
    options,
  ).finally(async () => {
    found.ours?.close();
    if (found.root !== undefined) await rm(found.root, { recursive: true, force: true });
  });
  const flags = [
    deltas !== DEFAULT_DELTAS && `--deltas ${deltas}`,
    network !== 'aws' && `--network ${network}`,
    options.save && '--save',
  ];
  const document = drainDocument.parse({
    run: {
      ...(await describeRun(ROOT, started)),
      command: commandOf('bench:drain', flags),
      network,
      seconds: (Date.now() - started) / 1_000,
    },
    plans,
    drain: found.drain,
  });
  if (options.save) await saveDrain(join(ROOT, 'bench', 'results'), document);
  process.stdout.write(options.json ? `${JSON.stringify(document, null, 2)}\n` : `\n${drainTables(document)}\n`);
  const { lost, duplicated, left } = document.drain;
  process.exitCode = lost + duplicated + left === 0 ? 0 : 1;
} finally {
  await table.close();
}

function countOf(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number from 1 to 99999.');
}
