/** What the campaigns call left behind. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { lingeringServers } from './processes.ts';

it.skipIf(process.platform !== 'linux')('a server is left behind once its owner is dead, and not before', async () => {
  // Prepare: a shell that owns what stands for a server, and says when it is there.
  const root = join(tmpdir(), `lingering-${process.pid}`);
  const script = 'sh -c "echo; read -r _ <&3" server --path "$0" & wait';
  const owner = spawn('sh', ['-c', script, root], { stdio: ['ignore', 'pipe', 'ignore', 'pipe'] });
  await once(owner.stdout as Readable, 'data');

  // Act
  const whileOwned = await lingeringServers(root, process.pid, 0);
  const whoever = await lingeringServers(root, undefined, 0);
  owner.kill('SIGKILL');
  await once(owner, 'exit');
  const orphaned = await lingeringServers(root, process.pid, 0);
  (owner.stdio[3] as Writable).end();

  // Assess
  expect(whileOwned).toEqual([]);
  expect(whoever).not.toEqual([]);
  expect(orphaned).toEqual([expect.objectContaining({ command: expect.stringContaining(`--path ${root}`) })]);
  expect(await lingeringServers(root, process.pid)).toEqual([]);
});
