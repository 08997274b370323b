/** Processes in the image's files: chroot stands for the container, a mount namespace keeps its mounts to itself. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import type { Start } from './dockerfile.ts';

/** Why no image can be made here; `undefined` when it can. */
export function whyNot(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'the image is checked on Linux x86-64 only';
  if (process.getuid?.() !== 0) return 'chroot and mounts need root';
  if (!existsSync('/usr/sbin/debootstrap')) return 'debootstrap is not installed';
  try {
    execFileSync('unshare', ['--mount', 'sh', '-c', 'mount -t tmpfs none /mnt'], { stdio: 'pipe' });
  } catch {
    return 'this system allows no mounts';
  }
  return undefined;
}

export interface Running {
  /** All that it printed. */
  output(): string;
  exited: Promise<number | null>;
  /** Kill it with everything that it started. */
  stop(): Promise<void>;
}

/**
 * `command` as the image's user, in its directory, with nothing in the environment but what is given. The
 * shell stays: it dies with `unshare`, which a process that changes its user is not asked to do, and all others with it.
 */
export function run(root: string, { user, directory }: Start, command: string[], env: Record<string, string>): Running {
  const inside = `/bin/mount -t proc proc "$0/proc" && /bin/mount --rbind /dev "$0/dev" && \
    /usr/sbin/chroot --userspec=${user} "$0" sh -c 'cd ${directory} && exec "$0" "$@"' "$@"; exit $?`;
  const args = ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', inside, root, ...command];
  const child = spawn('/usr/bin/unshare', args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const exited = once(child, 'close').then(([code]) => code as number | null);
  return { output: () => output, exited, stop: () => kill(child, exited) };
}

/** The first process of a process namespace takes all others with it. */
async function kill(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  child.kill('SIGKILL');
  await exited;
}
