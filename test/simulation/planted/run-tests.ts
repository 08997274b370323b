/** Runs the tests that must see a bug of the source, with the bug planted. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const CONFIG = 'test/simulation/planted/vitest.config.ts';

interface Report {
  testResults: Array<{ assertionResults: Array<{ status: string; fullName: string }> }>;
}

/** Names of the tests that fail. @throws Error (no test could be run) */
export async function failingTests(bug: string, file: string): Promise<string[]> {
  const vitest = fileURLToPath(new URL('./vitest.mjs', import.meta.resolve('vitest/package.json')));
  const args = [vitest, 'run', '--config', CONFIG, '--reporter', 'json', file];
  const child = spawn(process.execPath, args, { cwd: ROOT, env: { ...process.env, PLANTED_BUG: bug } });
  let output = '';
  for await (const chunk of child.stdout) output += chunk;
  const { testResults } = JSON.parse(output.slice(output.indexOf('{"numTotalTestSuites'))) as Report;
  const results = testResults.flatMap(({ assertionResults }) => assertionResults);
  if (results.length === 0) throw new Error(`No test of ${file} could be run with "${bug}" planted.`);
  return results.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName);
}
