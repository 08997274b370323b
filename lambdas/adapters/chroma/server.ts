/** One Chroma server process on one directory: started on a free local port, watched, and never left behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type ListenOptions, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { EngineUnavailableError } from '../../protocol/errors.ts';
import { refuseJournals } from './inspect.ts';
import { engineEnvironment, type LocatedEngine } from './locator.ts';

export const HOST = '127.0.0.1';
const START_ATTEMPTS = 3;
const POLL_MS = 20;
const KEPT_OUTPUT = 4096;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface ServerTimes {
  /** Longest wait for the first heartbeat, in milliseconds. */
  startMs: number;
  /** How long SIGTERM is given before SIGKILL, in milliseconds: newer servers do not exit on SIGTERM. */
  graceMs: number;
}

export class ChromaServer {
  readonly port: number;
  readonly pid: number;
  /** Resolves, never rejects, once the process and everything it started are gone. */
  readonly exited: Promise<void>;
  readonly #child: ChildProcess;
  readonly #graceMs: number;
  #output = '';
  #running = true;
  #stopped: Promise<void> | undefined;

  private constructor(child: ChildProcess, pid: number, port: number, graceMs: number) {
    this.#child = child;
    this.pid = pid;
    this.port = port;
    this.#graceMs = graceMs;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-KEPT_OUTPUT);
      });
    }
    watch(pid);
    // A wrapper script may die before the server that it started; whoever is left of the group is killed, and `close`
    // (unlike `exit`) waits until nobody holds the output any more.
    child.once('exit', () => signalGroup(pid, 'SIGKILL'));
    this.exited = new Promise((resolve) => {
      child.once('close', () => {
        this.#running = false;
        unwatch(pid);
        resolve();
      });
    });
  }

  /**
   * Start a server and wait for its first heartbeat.
   * @throws DirtyDirectoryError (a journal is present), EngineUnavailableError
   */
  static async start(engine: LocatedEngine, path: string, times: ServerTimes): Promise<ChromaServer> {
    await refuseJournals(path);
    for (let attempt = 1; ; attempt++) {
      const { port, free } = await reservePort();
      try {
        const server = await ChromaServer.#spawn(engine, path, port, times.graceMs);
        const failure = await server.#whyNotReady(times.startMs);
        if (failure === undefined) return server;
        await server.stop();
        const taken = /is not available|address (already )?in use/i.test(server.#output);
        if (!taken || attempt === START_ATTEMPTS) throw unavailable(engine, path, failure, server.output);
      } finally {
        free();
      }
    }
  }

  /** The last few KiB of what the process printed. */
  get output(): string {
    return stripVTControlCharacters(this.#output).trim();
  }

  get running(): boolean {
    return this.#running;
  }

  /** SIGTERM, then SIGKILL, then wait for the exit. Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    if (!this.#running) return;
    signalGroup(this.pid, 'SIGTERM');
    const kill = setTimeout(() => signalGroup(this.pid, 'SIGKILL'), this.#graceMs);
    await this.exited;
    clearTimeout(kill);
  }

  static async #spawn(engine: LocatedEngine, path: string, port: number, graceMs: number): Promise<ChromaServer> {
    const args = [...engine.args, 'run', '--path', path, '--host', HOST, '--port', String(port)];
    try {
      const child = spawn(engine.command, args, {
        cwd: tmpdir(),
        env: engineEnvironment(),
        stdio: ['ignore', 'pipe', 'pipe'],
        // Its own process group, so that one signal reaches what a wrapper script starts.
        detached: true,
      });
      if (child.pid !== undefined) return new ChromaServer(child, child.pid, port, graceMs);
      throw await new Promise((resolve) => child.once('error', resolve));
    } catch (cause) {
      throw unavailable(engine, path, `it cannot be run (${(cause as Error).message})`, '', cause);
    }
  }

  /** `undefined` once the server answers. */
  async #whyNotReady(startMs: number): Promise<string | undefined> {
    const deadline = performance.now() + startMs;
    while (performance.now() < deadline) {
      if (!this.#running) return `it exited with ${this.#child.exitCode ?? this.#child.signalCode}`;
      if (await beats(this.port)) return undefined;
      await Promise.race([delay(POLL_MS), this.exited]);
    }
    return `it did not answer within ${startMs} ms`;
  }
}

async function beats(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://${HOST}:${port}/api/v2/heartbeat`, { signal: AbortSignal.timeout(1000) });
    const body = (await response.json()) as Record<string, unknown>;
    return 'nanosecond heartbeat' in body;
  } catch {
    return false;
  }
}

/**
 * A port that is free now, and that no other process of ours takes before `free`. Without the reservation two servers
 * that start together could draw the same port, and one would take the other's heartbeat for its own server's.
 */
async function reservePort(): Promise<{ port: number; free: () => void }> {
  for (;;) {
    const probe = await listen({ host: HOST, port: 0 });
    const address = probe?.address();
    if (probe === undefined || address === null || typeof address !== 'object') {
      throw new EngineUnavailableError(`No free port on ${HOST} for a Chroma server. Free some ports, then retry.`);
    }
    const port = address.port;
    await new Promise((resolve) => probe.close(resolve));
    // Linux frees an abstract socket together with its owner, however that one dies.
    if (process.platform !== 'linux') return { port, free: () => {} };
    const reservation = await listen({ path: `\0chroma-compactor-port-${port}` });
    if (reservation !== undefined) return { port, free: () => reservation.close() };
  }
}

function listen(options: ListenOptions): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer().unref();
    server.once('error', () => resolve(undefined));
    server.listen({ ...options, exclusive: true }, () => resolve(server));
  });
}

// ---- nothing is left behind when this process ends ----------------------------------------------------------------

const live = new Set<number>();

function watch(pid: number): void {
  if (live.size === 0) {
    process.on('exit', killLive);
    for (const signal of SIGNALS) process.on(signal, onSignal);
  }
  live.add(pid);
}

function unwatch(pid: number): void {
  if (!live.delete(pid) || live.size > 0) return;
  process.off('exit', killLive);
  for (const signal of SIGNALS) process.off(signal, onSignal);
}

function killLive(): void {
  for (const pid of live) signalGroup(pid, 'SIGKILL');
}

/** Node's own reaction to a signal is to die without an `exit` event; another listener means to end in its own way. */
function onSignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  killLive();
  process.off(signal, onSignal);
  process.kill(process.pid, signal);
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // ESRCH: nobody of the group is left.
  }
}

function unavailable(
  engine: LocatedEngine,
  path: string,
  what: string,
  output: string,
  cause?: unknown,
): EngineUnavailableError {
  const { name, version, source } = engine.identity;
  const printed = output === '' ? '' : ` It printed last: ${output}`;
  return new EngineUnavailableError(
    `The server of ${name} ${version} (${source}) did not start on "${path}": ${what}. Check disk space, memory and ` +
      `the rights on that directory, then retry.${printed}`,
    { cause },
  );
}
