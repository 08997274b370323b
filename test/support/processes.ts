/** Processes of this machine, by their command lines. */
import { readdir, readFile } from 'node:fs/promises';

export interface Found {
  pid: number;
  /** Of its command line. */
  words: string[];
}

/** Zombies, which have no words, come only if `isMeant` says so. */
export async function processesWhere(isMeant: (words: readonly string[]) => boolean): Promise<Found[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => {
      const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      return { pid: Number(pid), words: line.split('\0').filter((word) => word !== '') };
    }),
  );
  return found.filter(({ words }) => isMeant(words));
}
