/** A temporary folder for the duration of one command. */
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Scratch {
  path: string;
  remove(): Promise<void>;
}

/** Removed when the process exits, at the latest: an interrupted command has no time to remove it. */
export async function makeScratch(): Promise<Scratch> {
  const path = await mkdtemp(join(tmpdir(), 'compactor-'));
  const leave = () => rmSync(path, { recursive: true, force: true });
  process.once('exit', leave);
  return {
    path,
    remove: async () => {
      await rm(path, { recursive: true, force: true });
      process.off('exit', leave);
    },
  };
}
