/** Finds what a killed worker may have left running. Linux only: elsewhere nothing is found. */
import { setTimeout as wait } from 'node:timers/promises';
import { processesWhere } from '../support/processes.ts';

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
  const found = await processesWhere((words) => words.join(' ').includes(`--path ${root}`));
  return found.map(({ pid, words }) => ({ pid, command: words.join(' ') }));
}
