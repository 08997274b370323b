/** What the suite runs against: plain Chroma, and endpoints over a local stack in several situations. */
import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { DELTAS_PREFIX, parseDeltaKey } from '../../lambdas/snapshot/keys.ts';
import { type LocalStack, startStack } from '../../local/stack.ts';
import { freePort } from './free-port.ts';

const CLI = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
/** Between two looks at what waits. */
const PERIOD_MS = 250;

export interface Running {
  port: number;
  close(): Promise<void>;
}

export const MODES = ['quiet', 'compacting', 'two'] as const;
export type Mode = (typeof MODES)[number];

/** @param chroma The server's program. */
export async function startPlain(chroma: string): Promise<Running> {
  const folder = await mkdtemp(join(tmpdir(), 'chroma-plain-'));
  const port = await freePort();
  const config = {
    ...{ port, listen_address: '127.0.0.1', allow_reset: true, persist_path: join(folder, 'data') },
    // Without a cache of collections, since tests change them behind its back.
    collections_with_segments_provider: {
      cache: { nop: null },
      cache_ttl_secs: 60,
      permitted_parallelism: 32,
      cache_invalidation_retry_policy: { delay_ms: 0, max_retries: 0 },
    },
  };
  // JSON is YAML.
  await writeFile(join(folder, 'config.yaml'), JSON.stringify(config));
  const child = spawn(chroma, ['run', join(folder, 'config.yaml')], { stdio: 'ignore' });
  await ready(child, port);
  const close = async () => {
    // It does not end on SIGTERM.
    await end(child, 'SIGKILL');
    await rm(folder, { recursive: true, force: true });
  };
  return { port, close };
}

/**
 * - `quiet`: nothing compacts;
 * - `compacting`: whatever waits is compacted at once, all the time;
 * - `two`: two endpoints over one store take turns, request by request.
 */
export async function startEndpoints(mode: Mode, chroma: string): Promise<Running> {
  process.env.CHROMA_BIN = chroma;
  const data = await mkdtemp(join(tmpdir(), 'chroma-endpoint-'));
  const stack = await startStack({ dataDirectory: data });
  const endpoints = await Promise.all(Array.from({ length: mode === 'two' ? 2 : 1 }, () => startEndpoint(data)));
  const [first] = endpoints;
  if (first === undefined) throw new Error('No endpoint was started.');
  const stopCompacting = mode === 'compacting' ? compactAlways(stack) : async () => {};
  const proxy = mode === 'two' ? await takeTurns(endpoints.map(({ port }) => port)) : undefined;
  const close = async () => {
    await stopCompacting();
    proxy?.closeAllConnections();
    proxy?.close();
    for (const endpoint of endpoints) await endpoint.close();
    await stack.close();
    await rm(data, { recursive: true, force: true });
  };
  return { port: proxy === undefined ? first.port : (proxy.address() as AddressInfo).port, close };
}

async function startEndpoint(data: string): Promise<Running> {
  const args = [CLI, '--data', data, 'serve', '--port', '0', '--allow-reset'];
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
    stdio: ['ignore', 'pipe', process.env.CHROMA_SUITE_LOG === undefined ? 'ignore' : 'inherit'],
  });
  const port = await portOf(child);
  await ready(child, port);
  return { port, close: () => end(child, 'SIGTERM') };
}

function compactAlways({ ports, stepFunctions, stateMachineArn }: LocalStack): () => Promise<void> {
  let isOver = false;
  const round = async () => {
    const waiting = new Set<string>();
    for await (const page of ports.store.list(DELTAS_PREFIX)) {
      for (const { key } of page) waiting.add(parseDeltaKey(key)?.collection ?? '');
    }
    for (const collection of waiting) {
      if (collection === '' || isOver) continue;
      stepFunctions.start({ stateMachineArn, input: JSON.stringify({ collection }) });
      await stepFunctions.idle();
    }
  };
  const rounds = (async () => {
    while (!isOver) {
      await round().catch((error: unknown) => process.stderr.write(`Compacting: ${String(error)}\n`));
      await delay(PERIOD_MS);
    }
  })();
  return async () => {
    isOver = true;
    await rounds;
  };
}

async function takeTurns(portsInTurn: readonly number[]): Promise<Server> {
  let turn = 0;
  const server = createServer((incoming, answer) => {
    const { method, url: path, headers } = incoming;
    const port = portsInTurn[turn++ % portsInTurn.length];
    const onward = request({ host: '127.0.0.1', port, method, path, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    onward.once('error', () => answer.destroy());
    incoming.pipe(onward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** As it says by itself. */
async function portOf({ stdout }: ChildProcessByStdio<null, Readable, Readable | null>): Promise<number> {
  let said = '';
  for await (const part of stdout.iterator({ destroyOnReturn: false })) {
    said += part;
    const port = /http:\/\/\S+:(\d+)/.exec(said)?.[1];
    if (port === undefined) continue;
    stdout.resume();
    return Number(port);
  }
  throw new Error(`The endpoint ended before it served: ${said}`);
}

async function ready(child: ChildProcess, port: number): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`The server ended with ${child.exitCode} before it answered.`);
    const isUp = await fetch(`http://127.0.0.1:${port}/api/v2/heartbeat`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isUp) return;
    await delay(50);
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}
