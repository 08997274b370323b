/**
 * Nothing is left behind when this process ends, however it ends. A server that went on writing after its owner had died
 * would write into a directory that somebody else may own by then.
 */
import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** Waits for the end of its input, which comes with the end of this process, and kills the group of the server. */
const WATCHDOG = 'read -r _; kill -9 -"$1"';

/** Tie a process group to this process. Returns how to untie it, once the group is gone. */
export function guard(pid: number): () => void {
  watch(pid);
  // SIGKILL runs no handler here; only another process can notice.
  const dog = spawn('/bin/sh', ['-c', WATCHDOG, 'sh', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  dog.once('error', () => {});
  dog.unref();
  (dog.stdin as Socket | null)?.unref();
  return () => {
    unwatch(pid);
    dog.kill('SIGKILL');
  };
}

export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // ESRCH: nobody of the group is left.
  }
}

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
