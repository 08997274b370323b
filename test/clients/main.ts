/**
 * `npm run test:clients`: what is built on Chroma, against plain Chroma and against endpoints of the same version: the
 * JavaScript client, LangChain's standard tests and its own, LlamaIndex's store. Fails when a test ends otherwise than with
 * plain Chroma, or answers otherwise.
 *
 *   npm run test:clients -- [--mode quiet|compacting|two]... [--suite javascript|langchain-standard|...]...
 *
 * CHROMA_SOURCES: a checkout of Chroma's repository. Then the JavaScript client's own tests run, too, which no package has.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Option } from 'commander';
import { script } from '../../local/script.ts';
import { compare } from '../chroma/compare.ts';
import type { SuiteResult } from '../chroma/pytest.ts';
import { MODES, type Mode, type Running, startEndpoints, startPlain } from '../chroma/servers.ts';
import { differingAnswers, runCases } from './javascript.ts';
import { runSources } from './javascript-sources.ts';
import { PYTHON_SUITES, runPython } from './python-suites.ts';

const SUITES = ['javascript', 'javascript-own', ...PYTHON_SUITES] as const;
type Suite = (typeof SUITES)[number];

const sources = process.env.CHROMA_SOURCES;
const { mode: modes, suite: suites } = script(
  'npm run test:clients --',
  'What is built on Chroma, against plain Chroma and against endpoints.',
  ['npm run test:clients -- --suite javascript', 'npm run test:clients -- --mode quiet two'],
)
  .addOption(new Option('--mode <modes...>', 'of the endpoints').choices(MODES).default(['quiet']))
  .addOption(
    new Option('--suite <suites...>', 'what runs; javascript-own takes CHROMA_SOURCES')
      .choices(SUITES)
      .default(SUITES.filter((name) => name !== 'javascript-own' || sources !== undefined)),
  )
  .parse()
  .opts<{ mode: Mode[]; suite: Suite[] }>();

const python = execFileSync(fileURLToPath(new URL('../chroma/python.sh', import.meta.url)), { encoding: 'utf8' });
const chroma = join(python.trim(), 'chroma');
const results = new Map<Suite, Map<string, SuiteResult>>(suites.map((suite) => [suite, new Map()]));
const answers = new Map<string, Map<string, string>>();
await against('plain', () => startPlain(chroma));
for (const mode of modes) await against(mode, () => startEndpoints(mode, chroma));

let differences = 0;
for (const [suite, runs] of results) {
  const comparison = compare(runs, true);
  differences += comparison.differences;
  process.stdout.write(`\n${suite}\n${comparison.lines.join('\n')}\n`);
}
for (const mode of modes) {
  const differing = differingAnswers(answers.get('plain') ?? new Map(), answers.get(mode) ?? new Map());
  differences += differing.length;
  for (const text of differing) process.stdout.write(`  ${mode}: ${text}\n`);
}
process.exitCode = differences === 0 ? 0 : 1;

async function against(name: string, start: () => Promise<Running>): Promise<void> {
  const server = await start();
  try {
    for (const [suite, runs] of results) {
      process.stdout.write(`\n== ${suite}, ${name}\n`);
      runs.set(name, await run(suite, name, server.port));
    }
  } finally {
    await server.close();
  }
}

async function run(suite: Suite, name: string, port: number): Promise<SuiteResult> {
  if (suite === 'javascript-own') return runSources(sources, port);
  if (suite !== 'javascript') return runPython(suite, port);
  const found = await runCases(port);
  answers.set(name, found.answers);
  return found.result;
}
