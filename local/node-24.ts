/**
 * Starts an installed command: in this process if it runs on Node 24; an older Node hands over to the Node 24 of the
 * package `node-<platform>-<arch>`, if that is installed. So this file must use only syntax that an older Node
 * understands.
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';

const NEEDED = 24;

/** @param program imports the module that does the work */
export async function onNode24(program: () => Promise<unknown>): Promise<void> {
  if (Number(process.versions.node.split('.')[0]) >= NEEDED) await program();
  else process.exitCode = handOver(`node-${process.platform}-${process.arch}`);
}

/** @returns The exit code of the command. */
function handOver(packageName: string): number {
  let node: string;
  try {
    node = join(dirname(createRequire(import.meta.url).resolve(`${packageName}/package.json`)), 'bin', 'node');
  } catch {
    process.stderr.write(
      `Error: compactor needs Node ${NEEDED}; this is ${process.version}. Install it, or add it to this project: ` +
        `npm install ${packageName}@${NEEDED}\n`,
    );
    return 2;
  }
  const { status, signal } = spawnSync(node, process.argv.slice(1), { stdio: 'inherit' });
  // The exit code that a shell reports for a command ended by a signal.
  return status ?? 128 + constants.signals[signal ?? 'SIGTERM'];
}
