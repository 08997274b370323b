/**
 * `npm run bench -- [--quick] [--json]`: both protocols, the same work, in one run. Exits with 1 when a bound does not
 * hold.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { Listr, type ListrTask } from 'listr2';
import { checkBounds } from './bounds.ts';
import { commandOf, describeRun } from './describe-run.ts';
import { type BenchDocument, benchDocument } from './document.ts';
import type { Preset } from './network/model.ts';
import { FULL, type Plan, QUICK } from './plan.ts';
import { PRICES_AS_OF } from './prices.ts';
import { saveResults } from './report/save.ts';
import { tables } from './report/table.ts';
import { BenchRun } from './run.ts';

interface Options {
  quick?: boolean;
  json?: boolean;
  save?: boolean;
  network: Preset;
  only?: string;
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const program = new Command('npm run bench --')
  .description("Measures the compactor beside its predecessor's protocol, on the same stores behind the same network.")
  .option('--quick', 'the smaller snapshot and fewer scenarios, in under three minutes')
  .option('--json', 'print one JSON document')
  .option('--save', 'write results and plots to bench/results/')
  .addOption(new Option('--network <model>', 'network model').choices(['aws', 'local']).default('aws'))
  .option('--only <text>', 'only scenarios whose name contains this; "contention" for the writers')
  .addHelpText('after', '\nExample:\n  npm run bench -- --quick\n  npm run bench -- --only lost-race-66mb')
  .parse();
const options = program.opts<Options>();
const flags = [
  options.quick && '--quick',
  options.save && '--save',
  options.network !== 'aws' && `--network ${options.network}`,
  options.only && `--only ${options.only}`,
];
const started = Date.now();
const plan = options.quick ? QUICK : FULL;
const run = new BenchRun(join(ROOT, '.work', 'bench'), options.network);
await new Listr(tasksOf(plan, run, options.only), {
  renderer: options.json ? 'silent' : 'default',
  fallbackRenderer: options.json ? 'silent' : 'simple',
}).run();

const { scenarios, contention } = run;
const document: BenchDocument = benchDocument.parse({
  run: {
    ...(await describeRun(ROOT, started)),
    command: commandOf('bench', flags),
    network: options.network,
    pricesAsOf: PRICES_AS_OF,
    seconds: (Date.now() - started) / 1_000,
  },
  scenarios,
  contention,
  bounds: options.network === 'aws' ? checkBounds({ scenarios, contention }) : [],
});
if (options.save) await saveResults(join(ROOT, 'bench', 'results'), options.quick ? 'quick' : 'full', document);
process.stdout.write(options.json ? `${JSON.stringify(document, null, 2)}\n` : `\n${tables(document)}\n`);
process.exitCode = document.bounds.every(({ holds }) => holds) ? 0 : 1;

function tasksOf({ sizes, contention, ...rest }: Plan, bench: BenchRun, only = ''): ListrTask[] {
  const wanted = (name: string) => name.includes(only);
  const writers = contention.filter(({ writers }) => wanted(`contention-${writers}`));
  const chosen = sizes.map((size) => ({
    ...size,
    scenarios: size.scenarios.filter((scenario) => wanted(`${scenario}-${size.name}`)),
  }));
  const needed = chosen.filter(({ scenarios }, i) => scenarios.length > 0 || (i === 0 && writers.length > 0));
  return [
    ...needed.map(
      (size): ListrTask => ({
        title: `Build the snapshot of ${size.records.toLocaleString('en')} records (kept in .work/bench)`,
        task: (_context, task) => bench.build(size, (text) => (task.output = text)),
      }),
    ),
    ...chosen.flatMap((size) =>
      size.scenarios.map(
        (scenario): ListrTask => ({
          title: `${scenario}, ${size.name}`,
          task: () => bench.measure(size, scenario),
        }),
      ),
    ),
    ...writers.map(
      (load): ListrTask => ({
        title: `${load.writers} writers on one collection`,
        task: () => bench.contend({ sizes, contention, ...rest }, load),
      }),
    ),
  ];
}
