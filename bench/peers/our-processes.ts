/** What of ours runs beside clients: a compactor, which stands for Step Functions and Lambda, and endpoints. */
import { setTimeout as sleep } from 'node:timers/promises';
import { FileWorkingDirectories } from '../../lambdas/adapters/files/working-directories.ts';
import { serveEndpoint } from '../../lambdas/runtime/serve.ts';
import { inboxPrefix } from '../../lambdas/snapshot/keys.ts';
import { listen } from '../../local/listen.ts';
import { COLLECTION } from '../fixture/build.ts';
import { PRESETS } from '../network/model.ts';
import { Ours } from '../scenarios/ours.ts';
import type { World } from './peer.ts';

/** Looked whether something waits, for nothing: on AWS a notification says so. */
const LOOK_MS = 50;

export function openOurs({ folder, table, preset }: World): Ours {
  return new Ours(folder, table, PRESETS[preset]);
}

/** Writes that wait for a commit. */
export async function countWaiting(ours: Ours): Promise<number> {
  let waiting = 0;
  for await (const page of ours.plain.store.list(inboxPrefix(COLLECTION))) waiting += page.length;
  return waiting;
}

/** One execution after the other as long as something waits: no batching window. @returns how it is ended */
export async function startCompactor(world: World): Promise<() => Promise<void>> {
  const ours = openOurs(world);
  let isEnding = false;
  const loop = async () => {
    while (!isEnding) {
      if ((await countWaiting(ours)) === 0) await sleep(LOOK_MS);
      else await ours.compact();
    }
  };
  const ended = loop().finally(() => ours.close());
  ended.catch((error: Error) => {
    process.stderr.write(`A compactor failed: ${error.stack}\n`);
    process.exit(1);
  });
  return async () => {
    isEnding = true;
    await ended;
  };
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
