/** Finds what a killed worker may have left running. Linux only: elsewhere nothing is found. */
import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { processesWhere } from '../support/processes.ts';

/** Only what stays is waited for so long: on a busy machine a killed server takes its time. */
const PATIENCE_MS = 60_000;
const POLL_MS = 20;

export interface Lingering {
  pid: number;
  command: string;
}

/**
 * Chroma servers on directories below `root`, once those that are about to die have had the time.
 * @param owner Servers that descend from this process are in use: whoever started them lives. Without it every server counts.
 */
export async function lingeringServers(root: string, owner?: number, patienceMs = PATIENCE_MS): Promise<Lingering[]> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const servers = await serversOn(root);
    const isOwned = await Promise.all(servers.map(({ pid }) => descends(pid, owner)));
    const found = servers.filter((_, nth) => !isOwned[nth]);
    if (found.length === 0 || performance.now() > deadline) return found;
    await wait(POLL_MS);
  }
}

async function serversOn(root: string): Promise<Lingering[]> {
  const found = await processesWhere((words) => words.join(' ').includes(`--path ${root}`));
  return found.map(({ pid, words }) => ({ pid, command: words.join(' ') }));
}

/** A process whose parent has died descends from it no longer, but from whoever takes orphans. */
async function descends(pid: number, owner: number | undefined): Promise<boolean> {
  let ancestor = pid;
  while (ancestor > 1 && ancestor !== owner) {
    const stat = await readFile(`/proc/${ancestor}/stat`, 'utf8').catch(() => '');
    // pid (command) state parent ...; the command may contain anything, even parentheses. Whatever has ended owns nothing.
    ancestor = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0);
  }
  return ancestor === owner;
}
