/** dynoxide: DynamoDB over SQLite, in Rust, MIT or Apache-2.0, with the dependencies of its own lock file. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { installOnce, type Runtime, run, whyNot } from '../install.ts';

const VERSION = '3.2.0';
// Not optimised: it is built in a third of the time, and fast enough.
const HOW = ['--locked', '--debug', '--no-default-features', '--features', 'native-sqlite,http-server,cli'];

/** Path of the program. @throws when Cargo is here and cannot build it */
export async function dynoxideRuntime(): Promise<Runtime> {
  const missing = await whyNot('cargo');
  if (missing !== undefined) return { missing: `${missing}; Rust 1.88 or newer is needed` };
  const directory = await installOnce({
    name: 'dynoxide',
    pinned: [VERSION, ...HOW].join(' '),
    install: async (target) => {
      const build = join(target, 'target');
      await run('cargo', [
        'install',
        'dynoxide-rs',
        '--version',
        VERSION,
        ...HOW,
        '--root',
        target,
        '--target-dir',
        build,
      ]);
      await rm(build, { recursive: true });
    },
  });
  return { where: join(directory, 'bin', 'dynoxide') };
}
