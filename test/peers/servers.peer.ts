/** What every peer test stands on: an installed runtime, and servers that never outlive whoever started them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { run } from './install.ts';
import { describeWith, pythonRuntime, REQUIREMENTS } from './runtimes.ts';
import { startServer } from './servers.ts';

const python = await pythonRuntime();
const pinned = readFileSync(REQUIREMENTS, 'utf8')
  .split('\n')
  .filter((line) => line.includes('=='));
const OWNER = fileURLToPath(new URL('server-owner.ts', import.meta.url));

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describeWith('a server', python, (bin) => {
  const command = (port: number) => [join(bin, 'moto_server'), '-H', '127.0.0.1', '-p', String(port)] as const;

  it('answers, and is gone once stopped', async () => {
    const server = await startServer({ name: 'moto', command });

    const answer = await fetch(`${server.url}/moto-api/data.json`);
    await server.stop();

    expect(answer.status).toBe(200);
    await expect(fetch(server.url)).rejects.toThrow();
  });

  it('says what it printed when it does not start', async () => {
    const broken = () => ['/bin/sh', '-c', 'echo out of luck; exit 3'] as const;

    const attempt = startServer({ name: 'nobody', command: broken });

    await expect(attempt).rejects.toThrow(/nobody did not start on port \d+: it exited with 3\..*out of luck/);
  });

  it('dies with its owner, even one that was killed', async () => {
    const owner = spawn(process.execPath, [OWNER, ...command(0)], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = await once(owner.stdout, 'data');
    const pid = Number(line);
    const before = isAlive(pid);

    owner.kill('SIGKILL');
    await once(owner, 'close');

    expect(before).toBe(true);
    await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
  });

  it('has the versions that are pinned', async () => {
    const frozen = await run(join(bin, 'pip'), ['freeze', '--disable-pip-version-check']);

    expect(frozen.split('\n').filter(Boolean)).toEqual(pinned);
  });
});
