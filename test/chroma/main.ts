/**
 * `npm run test:chroma`: Chroma's own Python tests against plain Chroma, and against endpoints of the same version. Fails
 * when a test ends otherwise than with plain Chroma, and when none passes.
 *
 *   npm run test:chroma -- [--full | --cluster] [--mode quiet|compacting|two]... [--no-plain] [-- <more for pytest>]
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Option } from 'commander';
import { script } from '../../local/script.ts';
import { compare } from './compare.ts';
import type { SuiteResult } from './pytest.ts';
import { MODES, type Mode, type Running, startEndpoints, startPlain } from './servers.ts';
import { runSuite } from './suite.ts';

const program = script('npm run test:chroma --', "Chroma's own tests, against plain Chroma and against endpoints.", [
  'npm run test:chroma -- --no-plain',
  'npm run test:chroma -- --full --mode two -- -k test_add',
])
  .argument('[pytest...]', 'more for pytest, after --')
  .addOption(new Option('--full', 'all tests, not the short form').conflicts('cluster'))
  .option('--cluster', "the tests of Chroma's distributed form")
  .addOption(new Option('--mode <modes...>', 'of the endpoints').choices(MODES))
  .option('--no-plain', 'without plain Chroma to compare with')
  .parse();
const values = program.opts<{ full?: boolean; cluster?: boolean; mode?: Mode[]; plain: boolean }>();
const { args } = program;
const modes: Mode[] = values.mode ?? [values.cluster ? 'compacting' : 'quiet'];

const folder = execFileSync(fileURLToPath(new URL('python.sh', import.meta.url)), { encoding: 'utf8' }).trim();
const python = join(folder, 'bin/python');
const chroma = join(folder, 'chroma');

const extent = values.cluster ? 'cluster' : values.full ? 'full' : 'short';
const results = new Map<Mode | 'plain', SuiteResult>();
// Plain Chroma's versions never rise.
if (values.plain && !values.cluster) results.set('plain', await against('plain', () => startPlain(chroma)));
for (const mode of modes) results.set(mode, await against(mode, () => startEndpoints(mode, chroma)));
const { lines, differences } = compare(results);
process.stdout.write(`\n${lines.join('\n')}\n`);
process.exitCode = differences === 0 ? 0 : 1;

async function against(name: string, start: () => Promise<Running>): Promise<SuiteResult> {
  process.stdout.write(`\n== ${name}\n`);
  const server = await start();
  try {
    return await runSuite({ python, port: server.port, extent, args });
  } finally {
    await server.close();
  }
}
