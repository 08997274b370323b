/**
 * `npm run simulate -- [--seeds N]`: simulates the real protocol over N worlds. Exits with 1 when an invariant is violated,
 * when a planted bug is not caught, when the control does not fail, or when a seed does not repeat itself.
 */
import { availableParallelism } from 'node:os';
import { InvalidArgumentError, Option } from 'commander';
import { script, wholeNumber } from '../../local/script.ts';
import { CONTROL, HUNTED } from './bugs.ts';
import { type Campaign, campaign } from './campaign.ts';
import { COUNTED } from './counts.ts';
import { failingTests } from './planted/run-tests.ts';
import { TESTED } from './planted/source-bugs.ts';
import { explain } from './report.ts';

interface Values {
  seeds: number;
  seed: number;
  threads: number;
  planted?: boolean;
  control?: boolean;
  bug?: string;
  trace?: boolean;
  json?: boolean;
}

/** A planted bug must show within so many seeds. */
const PLANTED_SEEDS = 2_000;
/** A campaign of so many worlds must have met everything that is counted. */
const LARGE = 2_000;

Error.stackTraceLimit = 0;
const values = script('npm run simulate --', 'Simulates the real protocol, with every fault, over many worlds.', [
  'npm run simulate -- --seeds 5000',
  'npm run simulate -- --trace --seed 7',
  "npm run simulate -- --bug 'no If-Match'",
])
  .option('--seeds <n>', 'worlds', wholeNumber(1), 1_000)
  .option('--seed <n>', 'the first of them', wholeNumber(0), 1)
  .option('--threads <n>', 'that share the worlds', wholeNumber(1), Math.min(2, availableParallelism()))
  .option('--planted', 'hunt all planted bugs: each must be caught')
  .option('--control', "the predecessor's protocol, which must lose an update")
  .addOption(
    new Option('--bug <name>', 'with this bug planted, until it is caught').argParser((name: string) => {
      if ([CONTROL, ...HUNTED, ...Object.keys(TESTED)].includes(name)) return name;
      throw new InvalidArgumentError('There is no such bug: test/simulation/planted has them.');
    }),
  )
  .option('--trace', 'print all that happens in the world of --seed')
  .option('--json', 'print one JSON document')
  .parse()
  .opts<Values>();
const { seed, threads } = values;
const seeds = values.trace ? 1 : values.seeds;
const say = (text: string) => {
  if (!values.json) process.stdout.write(`${text}\n`);
};
const indented = (lines: readonly string[]) => lines.map((line) => `    ${line}`).join('\n');

/** Overwrites itself on a terminal. */
function showProgress({ worlds, ms, found }: Campaign): void {
  if (values.json || !process.stderr.isTTY) return;
  process.stderr.write(
    `\r${worlds} worlds, ${Math.round((worlds * 1_000) / ms)} a second, ${found.length} violations `,
  );
}

async function search(
  bug: string,
  limit: number,
): Promise<{ bug: string; seed: number | null; violation: string | null }> {
  const { found } = await campaign({ bug, seed, seeds: limit, threads, stopsAtViolation: true });
  const first = found[0];
  if (first === undefined) say(`NOT CAUGHT  ${bug}: nothing in ${limit} seeds`);
  else {
    say(`caught      ${bug}: seed ${first.seed}\n    ${first.violations[0]}`);
    say(indented(await explain(bug, first.seed, 14)));
  }
  return { bug, seed: first?.seed ?? null, violation: first?.violations[0] ?? null };
}

/** For what lies outside the simulator. */
async function searchTests(bug: string, file: string): Promise<{ bug: string; test: string | null }> {
  const failing = await failingTests(bug, file);
  say(failing.length === 0 ? `NOT CAUGHT  ${bug}: nothing in ${file}` : `caught      ${bug}: ${file}`);
  say(indented(failing));
  return { bug, test: failing[0] ?? null };
}

async function plain(): Promise<boolean> {
  const result = await campaign({ seed, seeds, threads, onProgress: showProgress });
  const { worlds, ms, found, unrepeatable, counts, events } = result;
  const missed = worlds < LARGE ? [] : COUNTED.filter((name) => counts[name] === 0);
  const perSecond = Math.round((worlds * 1_000) / ms);
  say(`\n${worlds} worlds from seed ${seed} on, ${events} events, ${perSecond} worlds a second`);
  say(COUNTED.map((name) => `  ${name.padEnd(18)} ${counts[name]}`).join('\n'));
  for (const { seed: bad, violations } of found) say(`VIOLATION  seed ${bad}\n${indented(violations)}`);
  if (found[0] !== undefined) say(indented(await explain(null, found[0].seed, 60)));
  for (const bad of unrepeatable) say(`seed ${bad} gave two different traces`);
  for (const name of missed) say(`nothing of this came up: ${name}`);
  say(`${found.length} violations`);
  if (values.json) process.stdout.write(`${JSON.stringify({ seed, perSecond, ...result })}\n`);
  return found.length === 0 && unrepeatable.length === 0 && missed.length === 0;
}

async function hunt(bugs: readonly string[]): Promise<boolean> {
  const results = [];
  let caught = 0;
  for (const bug of bugs) {
    const file = TESTED[bug]?.test;
    const result = await (file === undefined ? search(bug, PLANTED_SEEDS) : searchTests(bug, file));
    results.push(result);
    caught += Number('test' in result ? result.test !== null : result.seed !== null);
  }
  say(`${caught} of ${bugs.length} caught`);
  if (values.json) process.stdout.write(`${JSON.stringify(results)}\n`);
  return caught === bugs.length;
}

async function main(): Promise<boolean> {
  if (values.trace) {
    say((await explain(values.bug ?? null, seed, Number.POSITIVE_INFINITY)).join('\n'));
    return true;
  }
  if (values.bug !== undefined) return hunt([values.bug]);
  if (values.planted) return hunt([...HUNTED, ...Object.keys(TESTED)]);
  if (values.control) return hunt([CONTROL]);
  return plain();
}

process.exitCode = (await main()) ? 0 : 1;
