/** What happens in a world: all actors at work, with faults, until they are done; then no more faults; then all is quiet. */
import { collect, goBack, produce, spoil, vacuum } from './actors.ts';
import { runEndpoints } from './endpoints/run.ts';
import { adopt } from './importer.ts';
import { intrude } from './intruder.ts';
import { read } from './readers.ts';
import type { World } from './world.ts';

export async function live(world: World): Promise<void> {
  const { random, profile, scheduler } = world;
  const producers = random.int(1, Math.min(3, profile.deltas));
  const numbers = Array.from({ length: profile.deltas }, (_, n) => n + 1);
  const shareOf = (p: number) => numbers.filter((n) => n % producers === p);
  const actors = [
    ...Array.from({ length: producers }, (_, p) => produce(world, `producer-${p}`, shareOf(p))),
    ...Array.from({ length: profile.readers }, (_, r) => read(world, `reader-${r}`)),
    runEndpoints(world),
    spoil(world),
    collect(world),
    goBack(world),
    vacuum(world),
    adopt(world),
    intrude(world),
  ];
  if (profile.isOld) world.wakeAll();
  let isDone = false;
  Promise.all(actors).then(() => {
    scheduler.after(random.logarithmic(10, 1_000_000), () => {
      isDone = true;
    });
  });
  await scheduler.drain(() => isDone || world.isOver());
  world.endFaults();
  await scheduler.drain(() => world.isOver());
  if (world.isRestless()) world.violate('the world does not come to rest');
}
