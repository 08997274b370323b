/**
 * `npm run test:chroma`: Chroma's own Python tests against plain Chroma, and against endpoints of the same version. Fails
 * when a test ends otherwise than with plain Chroma, and when none passes.
 *
 *   npm run test:chroma -- [--full] [--mode quiet|compacting|two]... [--no-plain] [-- <more for pytest>]
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compare } from './compare.ts';
import type { SuiteResult } from './pytest.ts';
import { MODES, type Mode, type Running, startEndpoints, startPlain } from './servers.ts';
import { runSuite } from './suite.ts';

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
const { lines, differences } = compare(results);
process.stdout.write(`\n${lines.join('\n')}\n`);
process.exitCode = differences === 0 ? 0 : 1;

async function against(name: string, start: () => Promise<Running>): Promise<SuiteResult> {
  process.stdout.write(`\n== ${name}\n`);
  const server = await start();
  try {
    return await runSuite({ python, port: server.port, isFull: values.full, args });
  } finally {
    await server.close();
  }
}
