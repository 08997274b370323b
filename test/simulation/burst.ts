/**
 * An operator who goes back and forth, more often than an ancestry is long, as soon as a commit has landed, and a
 * collection behind it: whoever has just sent that commit finds a pointer from which no walk leads back to it.
 */
import { collectGarbage } from '../../lambdas/upkeep/collect-garbage.ts';
import { rollback } from '../../lambdas/upkeep/rollback.ts';
import { calmPorts } from './backend.ts';
import type { World } from './world.ts';

const ACTOR = 'burst';

/** Once in a world, some time after a commit; the rollbacks happen in one moment. */
export function burst(world: World, collection: string): void {
  const { profile, random, scheduler, faultsAreOver } = world;
  const { burst: length } = profile;
  if (length === 0 || faultsAreOver || !random.chance(0.5)) return;
  profile.burst = 0;
  scheduler.after(random.logarithmic(1, 20_000), () => goBackAndForth(world, collection, length));
}

async function goBackAndForth(world: World, collection: string, length: number): Promise<void> {
  const ports = calmPorts(world);
  world.scheduler.note(`${length} rollbacks of ${collection} in a row, and a collection`);
  try {
    for (let n = 0; n < length; n++) {
      // The last two contents take turns, so that what the newest commit has uploaded stays in use.
      const version = world.oracle.truth(collection).pointer.version - 1;
      world.oracle.rollbacks.set(ACTOR, version);
      await rollback(ports, { collection, version, actor: ACTOR });
    }
    world.counts.bursts++;
  } catch (error) {
    world.scheduler.note(`the burst ends: ${String(error)}`);
  }
  // A moment later: what is sealed this very moment has no age, and would be kept.
  world.scheduler.after(2, () => collect(world, collection));
}

async function collect(world: World, collection: string): Promise<void> {
  const ports = calmPorts(world);
  await collectGarbage(ports, { collection, runId: ports.ids.ulid() }).catch((error: unknown) => {
    world.scheduler.note(`the collection behind the burst ends: ${String(error)}`);
  });
}
