/**
 * Starts an installed command: on Node 24 here and now; an older one hands over to the Node 24 of the package
 * `node-<platform>-<arch>`, where that is installed. So this file says nothing that an older Node cannot read.
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';

const NEEDED = 24;

/** @param program Imports the module that does the work. */
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
  // As a shell says it of a command that a signal has ended.
  return status ?? 128 + constants.signals[signal ?? 'SIGTERM'];
}
