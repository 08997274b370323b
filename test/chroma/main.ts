/**
 * `npm run test:chroma`: Chroma's own Python tests against plain Chroma, and against endpoints of the same version. Fails
 * when a test ends otherwise than with plain Chroma.
 *
 *   npm run test:chroma -- [--full] [--mode quiet|compacting|two]... [--no-plain] [-- <more for pytest>]
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { differencesIn } from './differences.ts';
import { MODES, type Mode, type Running, startEndpoints, startPlain } from './servers.ts';
import { runSuite, type SuiteResult } from './suite.ts';

const { values, positionals: args } = parseArgs({
  options: {
    full: { type: 'boolean', default: false },
    mode: { type: 'string', multiple: true, default: ['quiet'] },
    plain: { type: 'boolean', default: true },
  },
  allowNegative: true,
  allowPositionals: true,
});
const modes = values.mode.map((mode) => {
  const found = MODES.find((known) => known === mode);
  if (found === undefined) throw new Error(`There is no mode "${mode}": give ${MODES.join(', ')}.`);
  return found;
});

const folder = execFileSync(fileURLToPath(new URL('python.sh', import.meta.url)), { encoding: 'utf8' }).trim();
const python = join(folder, 'bin/python');
const chroma = join(folder, 'chroma');

const results = new Map<Mode | 'plain', SuiteResult>();
if (values.plain) results.set('plain', await against('plain', () => startPlain(chroma)));
for (const mode of modes) results.set(mode, await against(mode, () => startEndpoints(mode, chroma)));
process.exitCode = report(results);

async function against(name: string, start: () => Promise<Running>): Promise<SuiteResult> {
  process.stdout.write(`\n== ${name}\n`);
  const server = await start();
  try {
    return await runSuite({ python, port: server.port, isFull: values.full, args });
  } finally {
    await server.close();
  }
}

/** @returns the exit code */
function report(found: ReadonlyMap<string, SuiteResult>): number {
  const differences = differencesIn(found);
  process.stdout.write('\n');
  for (const [name, { summary }] of found) {
    process.stdout.write(`${name.padEnd(12)}${summary.replaceAll('=', '').trim()}\n`);
    for (const difference of differences.get(name) ?? []) process.stdout.write(`  ${difference}\n`);
  }
  return [...differences.values()].flat().length === 0 ? 0 : 1;
}
