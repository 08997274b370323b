/**
 * Endpoints of ours, and what clients of ours need. Nothing here may load the Lambdas' handlers: with them comes the
 * tracer, which hooks into every promise of a process, and no `compactor serve` has it.
 */
import { FileWorkingDirectories } from '../../lambdas/adapters/files/working-directories.ts';
import { serveEndpoint } from '../../lambdas/runtime/serve.ts';
import { inboxPrefix } from '../../lambdas/snapshot/keys.ts';
import { listen } from '../../local/listen.ts';
import { COLLECTION } from '../fixture/build.ts';
import { PRESETS } from '../network/model.ts';
import { Placed } from '../scenarios/placed.ts';
import type { World } from './peer.ts';

export function openOurs({ folder, table, preset }: World): Placed {
  return new Placed(folder, table, PRESETS[preset]);
}

/** Writes that wait for a commit. */
export async function countWaiting(ours: Placed): Promise<number> {
  let waiting = 0;
  for await (const page of ours.plain.store.list(inboxPrefix(COLLECTION))) waiting += page.length;
  return waiting;
}

export interface StartedEndpoint {
  url: string;
  /** Requests to store and table since it was last asked. */
  probes: () => number;
  close: () => Promise<void>;
}

export async function startOwnEndpoint(world: World): Promise<StartedEndpoint> {
  const ours = openOurs(world);
  const directories = new FileWorkingDirectories({ root: `${world.folder}/endpoint-${process.pid}` });
  const ports = { ...ours.ports(ours.network()), directories };
  const { server, close } = await serveEndpoint(ports, { readLevel: 'index_and_wal', allowReset: false });
  const port = await listen(server, 'The endpoint', 0, 'free some ports');
  return {
    url: `http://127.0.0.1:${port}`,
    probes: () => {
      const { storeGets, storePuts, storeLists, storeDeletes, tableReads, tableWrites } = ours.meter.counts;
      ours.meter.reset();
      return storeGets + storePuts + storeLists + storeDeletes + tableReads + tableWrites;
    },
    close: async () => {
      await close();
      ours.close();
    },
  };
}
