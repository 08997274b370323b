/** Finds what a killed worker may have left running. Linux only: elsewhere nothing is found. */
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';

const PATIENCE_MS = 5_000;
const POLL_MS = 20;

export interface Lingering {
  pid: number;
  command: string;
}

/** Chroma servers on directories below `root`, once those that are about to die have had the time. */
export async function lingeringServers(root: string): Promise<Lingering[]> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await serversOn(root);
    if (found.length === 0 || performance.now() > deadline) return found;
    await wait(POLL_MS);
  }
}

async function serversOn(root: string): Promise<Lingering[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      return { pid: Number(pid), command: line.replaceAll('\0', ' ').trim() };
    }),
  );
  return found.filter(({ command }) => command.includes(`--path ${root}`));
}
