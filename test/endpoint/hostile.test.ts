/** Nothing that a client does ends the endpoint, or leaves a server behind; what the store fails at is not acknowledged. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { StoreUnavailableError } from '../../lambdas/errors/errors.ts';
import { serveEndpoint } from '../../lambdas/runtime/serve.ts';
import { withStack } from '../e2e/support.ts';
import { faulty, throws } from '../support/faulty.ts';
import { processesWhere } from '../support/processes.ts';
import { create, DATABASE, HAS_ENGINE, withEndpoint } from './support.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const OPTIONS = { readLevel: 'index_and_wal', allowReset: true } as const;
const RECORD = '{"ids":["a"],"embeddings":[[1,2]]}';

describe.skipIf(!HAS_ENGINE)('an endpoint', () => {
  it('goes on after requests that are cut off, too large, or no HTTP', () =>
    withStack(async ({ ports }) => {
      const { server, close } = await serveEndpoint(ports, OPTIONS);
      try {
        server.listen(0, '127.0.0.1');
        await once(server, 'listening');
        const add = `POST ${DATABASE}/collections HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;

        for (const sent of [
          'nonsense\r\n\r\n',
          `${add}Content-Length: 1000\r\n\r\n{"name":"pe`,
          `${add}Content-Length: -1\r\n\r\n`,
          `${add}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
          `${add}Content-Length: 60000000\r\n\r\n{"name":"pets"}`,
          `GET /api/v2/${'x'.repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
          `GET //%00%ff/../ HTTP/1.1\r\nHost: localhost\r\n\r\n`,
        ]) {
          await sendAndLeave(server, sent);
          expect(await heartbeat(server)).toBe(200);
        }
        const { port } = server.address() as AddressInfo;
        const large = await fetch(`http://127.0.0.1:${port}${DATABASE}/collections`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: `{"name":"${'x'.repeat(41 * 1024 * 1024)}"}`,
        });
        expect(large.status).toBe(413);
      } finally {
        await close();
      }
    }));

  it('acknowledges no write that the store did not take, and takes its retry', () =>
    withEndpoint(async ({ stack, ours, another }) => {
      const pets = await create(ours, 'pets');
      await ours('POST', `${pets}/add`, RECORD);
      const unavailable = throws(new StoreUnavailableError('The store answers 503.'));
      const isDelta = ({ args }: { args: unknown[] }) => String(args[0]).startsWith('deltas/');
      let n = 0;
      // Down for all attempts of one write, and for some of the next.
      const isDown = (call: { args: unknown[] }) => isDelta(call) && n++ % 15 < 10;
      const faults = [{ on: 'store.putIfAbsent', when: isDown, before: unavailable }];
      const { ask } = await another({}, faulty(stack.ports, faults));

      const answers = [];
      for (let sent = 0; sent < 40; sent++) {
        const body = `{"ids":["pet ${sent}"],"embeddings":[[3,4]]}`;
        answers.push({ id: `pet ${sent}`, status: (await ask('POST', `${pets}/add`, body)).status });
      }

      expect([...new Set(answers.map(({ status }) => status))].sort()).toEqual([201, 503]);
      const taken = answers.filter(({ status }) => status === 201).map(({ id }) => id);
      const { ids } = JSON.parse((await ours('POST', `${pets}/get`, '{"include":[]}')).text) as { ids: string[] };
      expect(ids.sort()).toEqual(['a', ...taken].sort());
      // A write that was not acknowledged is taken when it is sent again.
      const { id } = answers.find(({ status }) => status === 503) ?? { id: '' };
      expect((await ours('POST', `${pets}/add`, `{"ids":["${id}"],"embeddings":[[3,4]]}`)).status).toBe(201);
      expect((await ask('GET', `${pets}/count`)).text).toBe(String(taken.length + 2));
    }));

  it('refuses what it could not keep of a collection, and goes on', () =>
    withEndpoint(async ({ ours }) => {
      const body = JSON.stringify({ name: 'pets', metadata: { note: 'x'.repeat(600 * 1024) } });

      const refused = await ours('POST', `${DATABASE}/collections`, body);

      expect(refused.status).toBe(400);
      expect(refused.text).toContain('Say less');
      await create(ours, 'pets');
      expect((await ours('GET', `${DATABASE}/collections_count`)).text).toBe('1');
    }));

  it('writes nothing to a collection that is gone, and nothing of it to its successor', () =>
    withEndpoint(async ({ ours, another }) => {
      const { ask: theirs } = await another();
      const first = await create(ours, 'pets');
      await ours('POST', `${first}/add`, RECORD);
      await theirs('POST', `${first}/add`, '{"ids":["b"],"embeddings":[[1,2]]}');

      await theirs('DELETE', `${DATABASE}/collections/pets`);
      const second = await create(theirs, 'pets');

      expect((await ours('POST', `${first}/add`, RECORD)).status).toBe(404);
      expect((await ours('POST', `${first}/get`, '{}')).status).toBe(404);
      expect((await ours('GET', `${second}/count`)).text).toBe('0');
      expect(second).not.toBe(first);
    }));

  it('refuses reset unless it is allowed, and forgets everything when it is', () =>
    withEndpoint(async ({ ours, another }) => {
      const { ask: strict } = await another({ allowReset: false });
      await create(ours, 'pets');

      expect(await strict('POST', '/api/v2/reset')).toMatchObject({ status: 403 });
      expect((await ours('GET', `${DATABASE}/collections_count`)).text).toBe('1');
      expect(await ours('POST', '/api/v2/reset')).toMatchObject({ status: 200, text: 'true' });
      expect((await ours('GET', `${DATABASE}/collections_count`)).text).toBe('0');
    }));

  it.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)(
    'of the command line leaves no server behind at %s',
    async (signal) => {
      const data = await mkdtemp(join(tmpdir(), 'compactor-serve-'));
      const args = [
        '--disable-warning=ExperimentalWarning',
        join(ROOT, 'cli/main.ts'),
        '--data',
        data,
        'serve',
        '--port',
        '0',
      ];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      try {
        const url = /http:\/\/\S+:\d+/.exec(String((await once(child.stdout, 'data'))[0]))?.[0] ?? '';
        expect((await fetch(`${url}/api/v2/heartbeat`)).status).toBe(200);
        const servers = await serversOf(child.pid ?? 0);
        expect(servers).not.toEqual([]);

        child.kill(signal);
        const [code] = await once(child, 'exit');

        if (signal !== 'SIGKILL') expect(code).toBe(0);
        await expect.poll(() => serversOf(child.pid ?? 0), { timeout: 300_000 }).toEqual([]);
      } finally {
        child.kill('SIGKILL');
        await rm(data, { recursive: true, force: true });
      }
    },
  );
});

async function sendAndLeave(server: Server, text: string): Promise<void> {
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(text);
  // Whatever comes back, or nothing: then the client goes away.
  await Promise.race([once(socket, 'data').catch(() => {}), delay(100)]);
  socket.destroy();
}

async function heartbeat(server: Server): Promise<number> {
  const { port } = server.address() as AddressInfo;
  return (await fetch(`http://127.0.0.1:${port}/api/v2/heartbeat`)).status;
}

/** Chroma servers on the scratch directories of a process. */
async function serversOf(pid: number): Promise<string[]> {
  const found = await processesWhere((words) => words.some((word) => word.includes(`compactor-scratch-${pid}-`)));
  return found.map(({ words }) => words.join(' '));
}
