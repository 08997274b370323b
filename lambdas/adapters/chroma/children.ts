/**
 * Ensures that no child outlives this process, however it ends. A server that kept writing after its owner died could
 * write into a directory that has a new owner by then.
 */
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Arguments for `/bin/sh` that run the command given after them in a process group with a watchdog: a second process
 * that waits for the end of standard input, which comes when this process ends, and then kills the group. SIGKILL runs
 * no handler here, so only another process can notice, and it must exist before the command starts.
 * @param before Shell commands that run first.
 */
export function launcher(before = ''): readonly string[] {
  const watch = 'exec 3<&0; (trap "" TERM; read -r _ <&3; kill -9 -"$$") >/dev/null 2>&1 & ';
  return ['-c', `${before}${watch}exec "$@" </dev/null 3<&-`, 'sh'];
}

/** POSIX counts in blocks of this many bytes, and so does every shell that is run as `sh`. */
const LIMIT_BLOCK_BYTES = 512;

/**
 * As `launcher`, with a limit on the size of every file that the command or its children write, in bytes, rounded up to
 * 512. A process that exceeds it gets SIGXFSZ and dies unless it ignores the signal; no core dump is written.
 */
export function limitedLauncher(maxFileBytes: number): readonly string[] {
  const blocks = Math.ceil(maxFileBytes / LIMIT_BLOCK_BYTES);
  // A lower limit that is already set stays in force.
  return launcher(`ulimit -c 0; ulimit -f ${blocks} 2>/dev/null; `);
}

/**
 * Kill a process group when this process ends in any way that it can notice itself. Returns a function that cancels
 * this.
 */
export function guard(pid: number): () => void {
  watch(pid);
  return () => unwatch(pid);
}

export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // ESRCH: no process of the group is left.
  }
}

const GONE_CHECKS = 100;
const GONE_CHECK_MS = 5;

/**
 * Resolves once no process of a killed group is left, or after half a second if one does not die. A dead process that
 * has not been reaped can do no harm; init in a container may never reap it.
 */
export async function groupGone(pid: number): Promise<void> {
  for (let check = 0; check < GONE_CHECKS; check++) {
    try {
      process.kill(-pid, 0);
    } catch {
      return;
    }
    if (await areAllDead(pid)) return;
    await delay(GONE_CHECK_MS);
  }
}

/** Are all processes of the group zombies? False if the system does not tell. */
async function areAllDead(group: number): Promise<boolean> {
  const names = await readdir('/proc').catch(() => []);
  const stats = await Promise.all(
    names.filter((name) => /^\d+$/.test(name)).map((name) => readFile(`/proc/${name}/stat`, 'utf8').catch(() => '')),
  );
  // pid (command) state parent group ...; the command may contain anything, even parentheses.
  const members = stats
    .map((stat) => stat.slice(stat.lastIndexOf(')') + 2).split(' '))
    .filter(([, , member]) => Number(member) === group);
  return members.length > 0 && members.every(([state]) => state === 'Z' || state === 'X');
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

/** By default Node dies of a signal without an `exit` event; if there is another listener, ending is left to it. */
function onSignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  killLive();
  process.off(signal, onSignal);
  process.kill(process.pid, signal);
}
