/** One Chroma server process on one directory: started on a free local port, watched, and never left behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { EngineUnavailableError } from '../../errors/errors.ts';
import { groupGone, guard, limitedLauncher, signalGroup } from './children.ts';
import { HOST, reservePort } from './free-port.ts';
import { refuseJournals } from './inspect.ts';
import { lastWords } from './last-words.ts';
import { engineEnvironment, type LocatedEngine } from './locator.ts';
import { fileLimit, refuseRunaway } from './write-limit.ts';

const START_ATTEMPTS = 3;
const POLL_MS = 20;
/** Enough for a panic and its stack, which is long. */
const KEPT_OUTPUT = 64 * 1024;
/** How a shell reports that its command died of SIGXFSZ. */
const EXIT_OF_TOO_LARGE = 128 + 25;

export interface ServerTimes {
  /** Longest wait for the first heartbeat, in milliseconds. */
  startMs: number;
  /** Wait between SIGTERM and SIGKILL, in milliseconds: newer servers do not exit on SIGTERM. */
  graceMs: number;
  /**
   * Bytes of operations that it will be given; none by default. Together with the size of the directory, they limit
   * what it may write.
   */
  incomingBytes?: number;
}

export class ChromaServer {
  readonly port: number;
  readonly pid: number;
  /** Resolves, never rejects, once the process and everything it started are gone. */
  readonly exited: Promise<void>;
  readonly #child: ChildProcess;
  readonly #graceMs: number;
  readonly #path: string;
  readonly #maxFileBytes: number;
  #output = '';
  #running = true;
  #stopped: Promise<void> | undefined;

  private constructor(
    child: ChildProcess,
    pid: number,
    port: number,
    { path, graceMs, maxFileBytes }: { path: string; graceMs: number; maxFileBytes: number },
  ) {
    this.#child = child;
    this.pid = pid;
    this.port = port;
    this.#graceMs = graceMs;
    this.#path = path;
    this.#maxFileBytes = maxFileBytes;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output = (this.#output + text).slice(-KEPT_OUTPUT);
      });
    }
    const unguard = guard(pid);
    // A wrapper script may die before the server that it started; the rest of the group is killed, and `close` (unlike
    // `exit`) waits until no process holds the output any more.
    child.once('exit', () => signalGroup(pid, 'SIGKILL'));
    this.exited = new Promise((resolve) => {
      child.once('close', () => {
        this.#running = false;
        unguard();
        // The watchdog dies with the group.
        void groupGone(pid).then(resolve);
      });
    });
  }

  /**
   * Start a server and wait for its first heartbeat.
   * @throws DirtyDirectoryError (a journal is present), EngineUnavailableError, EngineRunawayError
   */
  static async start(engine: LocatedEngine, path: string, times: ServerTimes): Promise<ChromaServer> {
    await refuseJournals(path);
    const { graceMs, incomingBytes = 0 } = times;
    const bounds = { path, graceMs, maxFileBytes: await fileLimit(path, incomingBytes) };
    for (let attempt = 1; ; attempt++) {
      const { port, free } = await reservePort();
      try {
        const server = await ChromaServer.#spawn(engine, port, bounds);
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

  /** The last output of the process, without what it prints at every start. */
  get output(): string {
    return lastWords(this.#output);
  }

  get running(): boolean {
    return this.#running;
  }

  /** SIGTERM, then SIGKILL, then wait for the exit. Idempotent. @throws EngineRunawayError */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    if (this.#running) {
      signalGroup(this.pid, 'SIGTERM');
      const kill = setTimeout(() => signalGroup(this.pid, 'SIGKILL'), this.#graceMs);
      await this.exited;
      clearTimeout(kill);
    }
    const { signalCode, exitCode } = this.#child;
    const wasStopped = signalCode === 'SIGXFSZ' || exitCode === EXIT_OF_TOO_LARGE;
    await refuseRunaway(this.#path, this.#maxFileBytes, wasStopped);
  }

  static async #spawn(
    engine: LocatedEngine,
    port: number,
    bounds: { path: string; graceMs: number; maxFileBytes: number },
  ): Promise<ChromaServer> {
    const { path, maxFileBytes } = bounds;
    const args = [...engine.args, 'run', '--path', path, '--host', HOST, '--port', String(port)];
    try {
      const child = spawn('/bin/sh', [...limitedLauncher(maxFileBytes), engine.command, ...args], {
        cwd: tmpdir(),
        // Otherwise newer servers print several lines for each request, and this process wakes up for each.
        env: { ...engineEnvironment(), RUST_LOG: 'warn' },
        stdio: ['pipe', 'pipe', 'pipe'],
        // A process group of its own, so that one signal also reaches what a wrapper script starts.
        detached: true,
      });
      child.stdin.once('error', () => {});
      (child.stdin as Socket).unref();
      if (child.pid !== undefined) return new ChromaServer(child, child.pid, port, bounds);
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
