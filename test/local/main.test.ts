/** `npm run local` as people run it: a process with an endpoint that starts compactions by itself. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { HAS_ENGINE } from '../endpoint/support.ts';
import { COLLECTIONS } from '../support/chroma-api.ts';

let data: string;
let running: { child: ChildProcess; exited: Promise<unknown> } | undefined;

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'compactor-main-'));
});
afterEach(async () => {
  running?.child.kill('SIGTERM');
  const exit = await running?.exited;
  running = undefined;
  await rm(data, { recursive: true, force: true });
  // Also of one that ended before it was told to.
  expect(exit).toEqual([0, null]);
});

/** @returns what it prints until it says that it runs */
async function start(args: string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const all = ['--disable-warning=ExperimentalWarning', 'local/main.ts', '--data', data, '--port', '0', ...args];
  const child = spawn(process.execPath, all, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  running = { child, exited: once(child, 'exit') };
  let printed = '';
  await new Promise<void>((resolve) => {
    // Read to the end: who closed the pipe earlier would break the process when it prints again.
    child.stdout.on('data', (part) => {
      printed += part;
      if (printed.includes('another terminal')) resolve();
    });
    child.stdout.once('end', resolve);
  });
  return printed;
}

it.skipIf(!HAS_ENGINE)('serves the API, and compacts what is written to it', async () => {
  const url = /Chroma's API +(http:\S+)/.exec(await start(['--endpoint-port', '0']))?.[1];
  const ask = async (path: string, body?: object) => {
    const init = body && {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    };
    return (await fetch(`${url}${COLLECTIONS}${path}`, init)).json();
  };
  const { id } = (await ask('', { name: 'pets' })) as { id: string };

  await ask(`/${id}/add`, { ids: ['cat'], embeddings: [[1, 0, 0]] });

  expect(await ask(`/${id}/count`)).toBe(1);
  while (((await ask('/pets')) as { version: number }).version === 0) await pause(100);
  expect(await ask(`/${id}/count`)).toBe(1);
});

it.skipIf(!HAS_ENGINE)('says that the port is busy, and runs', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;

  const printed = await start(['--endpoint-port', String(port)]);

  other.close();
  expect(printed).toMatch(new RegExp(`Chroma's API +not served: .*port ${port}.*--endpoint-port`));
});

it('says in one line what to install when there is no server, and runs', async () => {
  const printed = await start(['--endpoint-port', '0'], { CHROMA_BIN: join(data, 'none') });

  expect(printed).toMatch(/Chroma's API +not served: .*CHROMA_BIN.*\n {2}Step Functions/);
});
