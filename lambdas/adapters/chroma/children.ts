/**
 * Nothing is left behind when this process ends, however it ends. A server that went on writing after its owner had died
 * would write into a directory that somebody else may own by then.
 */
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Arguments of `/bin/sh` that become the command given after them, in a process group of which a second process waits
 * for the end of standard input, which comes with the end of this process, and then kills the group. SIGKILL runs no
 * handler here: only another process can notice, and it must be there before the command is.
 * @param before Shell commands that run first.
 */
export function launcher(before = ''): readonly string[] {
  const watch = 'exec 3<&0; (trap "" TERM; read -r _ <&3; kill -9 -"$$") >/dev/null 2>&1 & ';
  return ['-c', `${before}${watch}exec "$@" </dev/null 3<&-`, 'sh'];
}

/** POSIX counts in blocks of this many bytes; shells that count otherwise elsewhere do so as `sh`, too. */
const LIMIT_BLOCK_BYTES = 512;

/**
 * As `launcher`, and no file that the command or its children write gets larger than this many bytes, rounded up to 512. Who
 * tries gets SIGXFSZ, of which a process dies that does not ignore it, and which leaves no memory image on the disk.
 */
export function limitedLauncher(maxFileBytes: number): readonly string[] {
  const blocks = Math.ceil(maxFileBytes / LIMIT_BLOCK_BYTES);
  // Where a lower limit is set already, that one stays.
  return launcher(`ulimit -c 0; ulimit -f ${blocks} 2>/dev/null; `);
}

/** Kill a process group when this process ends in any way that it can notice itself. Returns how to stop that. */
export function guard(pid: number): () => void {
  watch(pid);
  return () => unwatch(pid);
}

export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // ESRCH: nobody of the group is left.
  }
}

const GONE_CHECKS = 100;
const GONE_CHECK_MS = 5;

/**
 * Resolves once nobody is left of a group that was killed; after half a second at the latest, should a process not die.
 * A dead process that nobody has reaped yet can do nothing any more: init in a container may never reap.
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

/** Are all processes of the group zombies? False where the system does not say. */
async function areAllDead(group: number): Promise<boolean> {
  const names = await readdir('/proc').catch(() => []);
  const stats = await Promise.all(
    names.filter((name) => /^\d+$/.test(name)).map((name) => readFile(`/proc/${name}/stat`, 'utf8').catch(() => '')),
  );
  // pid (command) state parent group ...; the command may hold anything, parentheses too.
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

/** Node's own reaction to a signal is to die without an `exit` event; another listener means to end in its own way. */
function onSignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  killLive();
  process.off(signal, onSignal);
  process.kill(process.pid, signal);
}
