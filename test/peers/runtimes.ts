/** The runtimes that peers need, and what is pinned for them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { installOnce, type Runtime, run, whyNot } from './install.ts';

export const REQUIREMENTS = new URL('runtimes/requirements.txt', import.meta.url);
const VERSION = 'import sys; print(sys.version)';
/** moto's newest needs it. */
const AT_LEAST_PYTHON = 'import sys; sys.exit(sys.version_info < (3, 10))';

/** Directory of the programs of a Python environment that has moto, boto3 and cfn-lint. */
export async function pythonRuntime(): Promise<Runtime> {
  const missing =
    (await whyNot('python3', ['-c', AT_LEAST_PYTHON])) ?? (await whyNot('python3', ['-c', 'import venv, ensurepip']));
  if (missing !== undefined) return { missing: `${missing}; Python 3.10 or newer with venv is needed` };
  const requirements = readFileSync(REQUIREMENTS, 'utf8');
  const directory = await installOnce({
    name: 'python',
    pinned: `${await run('python3', ['-c', VERSION])}\n${requirements}`,
    install: async (target) => {
      await run('python3', ['-m', 'venv', target]);
      const args = ['install', '--quiet', '--disable-pip-version-check', '--requirement', REQUIREMENTS.pathname];
      await run(join(target, 'bin', 'pip'), args);
    },
  });
  return { where: join(directory, 'bin') };
}

/** `describe`, or one skipped test that says why. */
export function describeWith(name: string, runtime: Runtime, body: (where: string) => void): void {
  if ('where' in runtime) describe(name, () => body(runtime.where));
  else describe(name, () => it.skip(`is skipped: ${runtime.missing}`, () => {}));
}
