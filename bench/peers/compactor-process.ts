/** A compactor of ours beside clients: it stands for Step Functions and Lambda. */
import { setTimeout as sleep } from 'node:timers/promises';
import { PRESETS } from '../network/model.ts';
import { Ours } from '../scenarios/ours.ts';
import { countWaiting } from './our-processes.ts';
import type { World } from './peer.ts';

/** Looked whether something waits, for nothing: on AWS a notification says so. */
const LOOK_MS = 50;

/** One execution after the other as long as something waits: no batching window. @returns how it is ended */
export async function startCompactor(world: World): Promise<() => Promise<void>> {
  const ours = new Ours(world.folder, world.table, PRESETS[world.preset]);
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
