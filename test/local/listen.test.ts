/** A port that cannot be had: said in one line, with nothing left open. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigurationError } from '../../lambdas/errors/errors.ts';
import { checkPort, listenOn } from '../../local/listen.ts';
import { isLoopback } from '../../local/loopback-guard.ts';
import { startStack } from '../../local/stack.ts';
import { startTable } from '../../local/table.ts';

let dataDirectory: string;
let other: Server;
let port: number;

beforeEach(async () => {
  dataDirectory = await mkdtemp(join(tmpdir(), 'compactor-listen-'));
  other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  port = (other.address() as AddressInfo).port;
});

afterEach(async () => {
  other.close();
  await rm(dataDirectory, { recursive: true, force: true });
});

it('names the busy port and the way out, and the same directory starts on another', async () => {
  const failure = await startStack({ dataDirectory, port }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ConfigurationError);
  expect((failure as Error).message).toMatch(new RegExp(`Step Functions.*127\\.0\\.0\\.1, port ${port}.*--port`));
  const stack = await startStack({ dataDirectory });
  await stack.close();
});

it.each([Number.NaN, 70_000, 1.5])('takes %d for no port', async (none) => {
  await expect(startStack({ dataDirectory, port: none })).rejects.toThrow(/it is no port/);
});

it('names the busy port of the table', async () => {
  await expect(startTable({ port })).rejects.toThrow(new RegExp(`local table cannot listen on .*port ${port}`));
});

it('ends `npm run local` with code 2 and one line', async () => {
  const args = ['local/main.ts', '--data', dataDirectory, '--port', String(port)];
  const ended = await new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], (error, stdout, stderr) =>
      resolve({ code: error?.code, stdout, stderr }),
    );
  });
  expect(ended).toMatchObject({ code: 2, stdout: '' });
  expect(ended.stderr.trim().split('\n')).toHaveLength(1);
  // The table comes first, on the port below, which somebody else may have by chance.
  expect(ended.stderr).toMatch(new RegExp(`^ConfigurationError: .*port (${port}|${port - 1})\\b`));
});

describe("an address of one's own choice", () => {
  it.each([
    ['127.0.0.1', 403],
    ['127.0.0.2', 403],
    ['localhost', 403],
    ['0.0.0.0', 200],
  ])('%s answers a foreign page with %i, and what is no page', async (host, status) => {
    const server = createHttpServer((_request, response) => response.end('here'));
    const taken = await listenOn(host, server, 'It', 0, 'choose another');
    const url = `http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${taken}`;

    const foreign = await fetch(url, { headers: { origin: 'http://elsewhere.example' } });
    const own = await fetch(url);

    expect([foreign.status, own.status]).toEqual([status, 200]);
    server.closeAllConnections();
    server.close();
  });

  it('that this machine does not have is named', async () => {
    const listening = listenOn('192.0.2.1', createHttpServer(), 'It', 0, 'choose another');

    await expect(listening).rejects.toThrow(
      /It cannot listen on 192\.0\.2\.1, port 0: this machine has no such address/,
    );
  });

  it('is one of loopback or not', () => {
    const addresses = [
      '127.0.0.1',
      '127.255.0.9',
      '::1',
      '::ffff:127.0.0.1',
      '128.0.0.1',
      '0.0.0.0',
      '::',
      'localhost',
      '',
    ];

    expect(addresses.filter(isLoopback)).toEqual(['127.0.0.1', '127.255.0.9', '::1', '::ffff:127.0.0.1']);
  });

  it.each([-1, 65_536, 1.5, Number.NaN])('takes %d for no port, by the name of the option', (none) => {
    expect(() => checkPort(none, '--port')).toThrow('--port must be a whole number from 0 to 65535.');
  });
});
