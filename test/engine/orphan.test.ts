/** A server must not outlive its owner, whoever kills that one. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const OWNER = `
import { locateEngine } from './lambdas/adapters/chroma/locator.ts';
import { ChromaServer } from './lambdas/adapters/chroma/server.ts';
const server = await ChromaServer.start(await locateEngine(), process.argv[1], { startMs: 300_000, graceMs: 2_000 });
process.stdout.write(String(server.pid));
setInterval(() => {}, 1_000);
`;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('a server dies with an owner that is killed by SIGKILL', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'orphan-'));
  const owner = spawn(process.execPath, ['--input-type=module', '-e', OWNER, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [text] = (await once(owner.stdout, 'data')) as [Buffer];
  const server = Number(text.toString());
  expect(isAlive(server)).toBe(true);

  owner.kill('SIGKILL');
  await once(owner, 'exit');

  await expect.poll(() => isAlive(server), { timeout: 300_000 }).toBe(false);
  await rm(directory, { recursive: true, force: true });
});
