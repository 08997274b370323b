/** Servers that others wrote, as child processes on this machine alone: started, watched, and never left behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { groupGone, guard, launcher, signalGroup } from '../../lambdas/adapters/chroma/children.ts';
import { HOST, reservePort } from '../../lambdas/adapters/chroma/free-port.ts';

const POLL_MS = 50;
const PROBE_MS = 2_000;
const GRACE_MS = 3_000;
const KEPT_OUTPUT = 16_384;

export interface ServerOptions {
  /** For errors. */
  name: string;
  /** The command line of a server that is to listen on 127.0.0.1 and this port. */
  command: (port: number) => readonly [string, ...string[]];
  cwd?: string;
  /** In addition to this process's own. */
  env?: Record<string, string>;
  /** Path that is asked until it answers, with any status unless `isReady` says otherwise. */
  readyPath?: string;
  isReady?: (response: Response) => boolean | Promise<boolean>;
  /** Longest wait for that, in milliseconds. */
  startMs?: number;
}

export interface PeerServer {
  port: number;
  /** e.g. `http://127.0.0.1:40001`. */
  url: string;
  pid: number;
  /** The last of what it printed. */
  output(): string;
  /** SIGTERM, then SIGKILL, then wait for the end. Idempotent. */
  stop(): Promise<void>;
}

/** @throws Error (it did not start, with what it printed) */
export async function startServer(options: ServerOptions): Promise<PeerServer> {
  const { port, free } = await reservePort();
  try {
    const server = launch(options, port);
    const failure = await whyNotReady(options, server);
    if (failure === undefined) return server;
    await server.stop();
    throw new Error(`${options.name} did not start on port ${port}: ${failure}. It printed last: ${server.output()}`);
  } finally {
    free();
  }
}

interface Launched extends PeerServer {
  child: ChildProcess;
  exited: Promise<void>;
}

function launch({ command, cwd, env = {} }: ServerOptions, port: number): Launched {
  const child = spawn('/bin/sh', [...launcher(), ...command(port)], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    // Its own process group, so that one signal reaches what a wrapper starts.
    detached: true,
  });
  const pid = child.pid as number;
  child.stdin.once('error', () => {});
  (child.stdin as Socket).unref();
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-KEPT_OUTPUT);
    });
  }
  const unguard = guard(pid);
  child.once('exit', () => signalGroup(pid, 'SIGKILL'));
  const exited = new Promise<void>((resolve) => {
    child.once('close', () => {
      unguard();
      void groupGone(pid).then(resolve);
    });
  });
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    signalGroup(pid, 'SIGTERM');
    const kill = setTimeout(() => signalGroup(pid, 'SIGKILL'), GRACE_MS);
    await exited;
    clearTimeout(kill);
  };
  return {
    child,
    exited,
    port,
    url: `http://${HOST}:${port}`,
    pid,
    output: () => output.trim(),
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

async function whyNotReady(options: ServerOptions, { child, exited, url }: Launched): Promise<string | undefined> {
  const { readyPath = '/', isReady = () => true, startMs = 60_000 } = options;
  const deadline = performance.now() + startMs;
  while (performance.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) {
      return `it exited with ${child.exitCode ?? child.signalCode}`;
    }
    try {
      const response = await fetch(`${url}${readyPath}`, { signal: AbortSignal.timeout(PROBE_MS) });
      if (await isReady(response)) return undefined;
    } catch {
      // Not yet.
    }
    await Promise.race([delay(POLL_MS), exited]);
  }
  return `it did not answer within ${startMs} ms`;
}
