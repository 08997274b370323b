/** versitygw: S3 over a directory, in Go, Apache-2.0. The version is that of `../runtimes/versitygw/go.mod`. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installOnce, type Runtime, run, whyNot } from '../install.ts';

const MODULE = fileURLToPath(new URL('../runtimes/versitygw', import.meta.url));
const TOOL = 'github.com/versity/versitygw/cmd/versitygw';

/** Path of the program. @throws when Go is here and cannot build it */
export async function versitygwRuntime(): Promise<Runtime> {
  const missing = await whyNot('go', ['version']);
  if (missing !== undefined) return { missing: `${missing}; Go 1.25 or newer is needed` };
  const directory = await installOnce({
    name: 'versitygw',
    pinned: await readFile(join(MODULE, 'go.sum'), 'utf8'),
    install: async (target) => {
      await run('go', ['build', '-o', join(target, 'versitygw'), TOOL], { cwd: MODULE });
    },
  });
  return { where: join(directory, 'versitygw') };
}
