/**
 * `npm run bench -- [--quick] [--json]`: both protocols, the same work, in one run. Exits with 1 when a scenario failed
 * or a bound does not hold, with 130 when it was interrupted.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, Option } from 'commander';
import { isGood, runBench } from './bench.ts';
import { commandOf, describeRun } from './describe-run.ts';
import type { Preset } from './network/model.ts';
import { FULL, QUICK } from './plan.ts';
import { PRICES_AS_OF } from './prices.ts';
import { saveResults } from './report/save.ts';
import { tables } from './report/table.ts';

interface Options {
  quick?: boolean;
  json?: boolean;
  save?: boolean;
  network: Preset;
  only?: string;
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const FOLDER = join(ROOT, '.work', 'bench');
const INTERRUPTED = 130;

const program = new Command('npm run bench --')
  .description("Measures the compactor beside its predecessor's protocol, on the same stores behind the same network.")
  .option('--quick', 'the smaller snapshot and fewer scenarios, in under three minutes')
  .option('--json', 'print one JSON document')
  .addOption(new Option('--save', 'write results and plots to bench/results/').conflicts(['only', 'network']))
  .addOption(new Option('--network <model>', 'network model').choices(['aws', 'local']).default('aws'))
  .option('--only <text>', 'only scenarios whose name contains this; "contention" for the writers')
  .addHelpText('after', '\nExample:\n  npm run bench -- --quick\n  npm run bench -- --only lost-race-66mb')
  .parse();
const { quick, json = false, save = false, network, only } = program.opts<Options>();
const plan = quick ? QUICK : FULL;
const flags = [
  quick && '--quick',
  save && '--save',
  network !== 'aws' && `--network ${network}`,
  only && `--only ${only}`,
];
const started = Date.now();
const description = await describeRun(ROOT, started);

const interruption = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interruption.abort());
const stacks: string[] = [];
const document = await runBench(plan, {
  folder: FOLDER,
  preset: network,
  ...(only === undefined ? {} : { only }),
  signal: interruption.signal,
  silent: json,
  onFailure: (name, { stack }) => stacks.push(`${name}: ${stack}`),
  describe: () => ({
    ...description,
    command: commandOf('bench', flags),
    network,
    pricesAsOf: PRICES_AS_OF,
    failsOnTiming: plan.failsOnTiming,
    seconds: (Date.now() - started) / 1_000,
  }),
});
process.stdout.write(json ? `${JSON.stringify(document, null, 2)}\n` : `\n${tables(document)}\n`);
for (const stack of stacks) process.stderr.write(`\n${stack}\n`);
if (save && document.failures.length === 0) await saveResults(join(ROOT, 'bench', 'results'), plan.name, document);
else if (save)
  process.stderr.write('\nNot saved, since not everything was measured; the rest is .work/bench/last.json.\n');
if (interruption.signal.aborted) process.exitCode = INTERRUPTED;
else process.exitCode = isGood(document) ? 0 : 1;
