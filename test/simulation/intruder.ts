/**
 * Another stack on the same store, whose table has the same name: what two local stacks are, or a table that was deleted
 * and made anew. Whatever it tries must come to nothing.
 */
import { CollectionsFailedError, ForeignStoreError } from '../../lambdas/errors/errors.ts';
import { MemoryCache } from '../support/memory-cache.ts';
import { MemoryDirectories } from '../support/memory-directories.ts';
import type { Stack } from './stack.ts';
import { SimulatedStepFunctions } from './step-functions.ts';
import { SimulatedTable, type TableObserver } from './table.ts';
import type { World } from './world.ts';

export function intruder(world: World): Stack {
  const { scheduler } = world;
  const observer: TableObserver = {
    lockChanged: ({ by }) => world.violate(`another stack gets as far as ${by}`),
    statusWritten: (_, deltaId) => world.violate(`another stack writes a status of ${deltaId}`),
    statusRefused: () => {},
    collectionForgotten: () => {},
  };
  const table = new SimulatedTable(observer);
  table.identity = 'another';
  const stack: Stack = {
    table,
    cache: new MemoryCache({ now: () => scheduler.now() }),
    directories: new MemoryDirectories(),
    isForeign: true,
    machines: new SimulatedStepFunctions(
      world,
      (handler, who, execution, input, timeoutMs) => world.invoke(handler, who, input, timeoutMs, execution, stack),
      {
        ended: ({ name, status }) => {
          if (status === 'SUCCEEDED') world.violate(`${name}, of another stack, succeeds`);
        },
        excuse: () => {},
      },
    ),
  };
  return stack;
}

/** Now and then it compacts, sweeps, collects garbage or rolls back. */
export async function intrude(world: World): Promise<void> {
  const { random, profile, scheduler, counts } = world;
  if (profile.intrusions === 0) return;
  const stack = intruder(world);
  for (let n = 1; n <= profile.intrusions; n++) {
    await scheduler.wait(random.logarithmic(50, Math.max(5_000, profile.paceMs * profile.deltas)));
    const collection = random.pick(profile.collections);
    counts.intrusions++;
    const input = { collection, version: 0, actor: `intruder-${n}` };
    const deeds = [
      () => stack.machines.start(`intruder-${n}`, { collection }),
      () => world.invoke('Sweep', 'intruder sweep', {}, undefined, '', stack),
      () => world.invoke('CollectGarbage', 'intruder gc', {}, undefined, '', stack),
      () => world.invoke('Rollback', 'intruder rollback', input, undefined, '', stack),
    ];
    await random
      .pick([deeds[0], ...deeds] as Array<() => Promise<unknown>>)()
      .catch((error: unknown) => {
        if (error instanceof ForeignStoreError || error instanceof CollectionsFailedError) counts.refusedIntrusions++;
      });
  }
}
