/** Who does something in a world besides compacting: producers and their waiters, and whoever spoils things. */

import { KeyCollisionError } from '../../lambdas/errors/errors.ts';
import type { Ports } from '../../lambdas/ports.ts';
import { findStatus, putDelta } from '../../lambdas/producer/put-delta.ts';
import { deltaKey } from '../../lambdas/snapshot/keys.ts';
import { makeContent, twinOf } from './contents.ts';
import type { Content } from './truth.ts';
import type { World } from './world.ts';

const SEND_ATTEMPTS = 6;
const POLLS = 60;
/** Until something is sent again. */
const LATEST_MS = 120_000;

/** Sends its share of the deltas, some of them again, changed, or under an id that was used. */
export async function produce(world: World, who: string, share: readonly number[]): Promise<void> {
  await produceFor(world, who, undefined, share);
}

/** The same for one collection; without a name, for any. */
export async function produceFor(
  world: World,
  who: string,
  only: string | undefined,
  share: readonly number[],
): Promise<void> {
  const { random, profile, scheduler } = world;
  const ports = world.client(who);
  const waiters: Promise<void>[] = [];
  for (const n of share) {
    await scheduler.wait(random.next() * profile.paceMs);
    const collection = only ?? random.pick(profile.collections);
    const deltaId = `d-${n}`;
    const send = async (content: Content) => {
      world.oracle.contents.set(content.sha256, content);
      if (await deliver(world, ports, collection, deltaId, content)) {
        world.waiters.push({ collection, deltaId, sha256: content.sha256 });
        waitFor(world, collection, deltaId, content.sha256);
      }
    };
    const content = makeContent(random, profile, n);
    const later = async (probability: number, what: () => Promise<void>) => {
      if (!random.chance(probability)) return;
      await scheduler.wait(random.chance(0.5) ? random.logarithmic(1, LATEST_MS) : random.int(1, LATEST_MS));
      await what();
    };
    await send(content);
    waiters.push(
      later(profile.duplicate, () => send(content)),
      later(profile.resend, async () => {
        for (let poll = 0; poll < 20 && world.oracle.truths.get(collection)?.statuses.has(deltaId) === false; poll++) {
          await scheduler.wait(5_000);
        }
        await send(content);
      }),
      later(profile.reuse, async () => {
        world.counts.reusedIds++;
        const hasTwin = random.chance(0.5) && content.operations[0]?.op === 'upsert';
        await send(hasTwin ? twinOf(content) : makeContent(random, profile, n + 100));
      }),
      later(profile.overwrite, () => overwrite(world, collection, deltaId, makeContent(random, profile, n + 200))),
    );
  }
  await Promise.all(waiters);
}

async function deliver(
  world: World,
  ports: Ports,
  collection: string,
  deltaId: string,
  content: Content,
): Promise<boolean> {
  for (let attempt = 0; attempt < SEND_ATTEMPTS; attempt++) {
    try {
      await putDelta(ports, { collection, deltaId, body: content.body });
      world.oracle.sent(collection, deltaId, content.sha256);
      return true;
    } catch (error) {
      // Other content waits under this id: the producer is told, and has sent nothing.
      if (error instanceof KeyCollisionError) return false;
      await world.scheduler.wait(world.random.int(100, 3_000));
    }
  }
  return false;
}

/** A producer that breaks the rules: straight into the store, whatever is there. */
async function overwrite(world: World, collection: string, deltaId: string, content: Content): Promise<void> {
  world.oracle.contents.set(content.sha256, content);
  try {
    const key = deltaKey(collection, deltaId);
    const store = world.storeOf('overwriter');
    const { etag } = await store.head(key);
    await store.putIfMatch(key, content.body, etag);
    world.counts.overwrites++;
    world.scheduler.note(`${key} is written over`);
  } catch {
    // It has left the inbox.
  }
}

async function waitFor(world: World, collection: string, deltaId: string, sha256: string): Promise<void> {
  const ports = world.client(`waiter(${deltaId})`);
  for (let poll = 0; poll < POLLS; poll++) {
    await new Promise<void>((resolve) => world.scheduler.after(5_000, resolve, { isIdle: true }));
    if (await ask(world, ports, collection, deltaId, sha256)) return;
  }
}

/** Ask once; the oracle judges the answer. */
export async function ask(
  world: World,
  ports: Ports,
  collection: string,
  deltaId: string,
  sha256: string,
): Promise<boolean> {
  try {
    const status = await findStatus(ports, collection, deltaId, sha256);
    if (status === undefined) return false;
    world.oracle.answered(collection, deltaId, sha256, status);
  } catch (error) {
    if (!(error instanceof KeyCollisionError)) return false;
    world.oracle.answered(collection, deltaId, sha256, 'other-content');
  }
  world.counts.answers++;
  return true;
}

/** Deletes `LOCK` items, damages and empties the cache, damages directories that nobody uses, stops executions. */
export async function spoil(world: World): Promise<void> {
  const { random, profile, scheduler, counts, table, cache, machines } = world;
  const deeds: Array<() => void> = [];
  for (let n = 0; n < profile.lockDeletions; n++) {
    deeds.push(() => {
      const collection = random.pick(profile.collections);
      if (!table.locks.delete(collection)) return;
      counts.lockDeletions++;
      scheduler.note(`LOCK of ${collection} is deleted`);
    });
  }
  for (let n = 0; n < profile.vandalism; n++) {
    deeds.push(() => {
      const key = random.pick([...cache.objects.keys(), 'nothing']);
      const bytes = cache.objects.get(key);
      scheduler.note(`the cache is damaged: ${key}`);
      if (random.chance(0.4)) cache.forget(random.pick(['objects', 'staging', 'everything']));
      else if (bytes !== undefined && random.chance(0.5)) cache.objects.set(key, bytes.subarray(0, bytes.length >> 1));
      else if (bytes !== undefined) {
        const damaged = Buffer.from(bytes);
        const at = random.int(0, damaged.length - 1);
        damaged[at] = (damaged[at] ?? 0) ^ 0xff;
        cache.objects.set(key, damaged);
      }
    });
  }
  for (let n = 0; n < profile.rot; n++) {
    deeds.push(() => {
      const idle = world.directories.slots.filter(({ owner, files }) => owner === undefined && files.size > 0);
      if (idle.length === 0) return;
      const { files, collection } = random.pick(idle);
      const [path, bytes] = random.pick([...files]);
      if (bytes.length === 0) return;
      const damaged = Buffer.from(bytes);
      const at = random.int(0, damaged.length - 1);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << random.int(0, 7));
      files.set(path, damaged);
      counts.rottenBlocks++;
      scheduler.note(`a block of ${path} of ${collection} rots on the disk`);
    });
  }
  for (let n = 0; n < profile.badWrites; n++) {
    deeds.push(() => {
      world.badWrites++;
    });
  }
  for (let n = 0; n < profile.stops; n++) {
    deeds.push(() => {
      const running = [...machines.executions.values()].filter(({ status }) => status === 'RUNNING');
      if (running.length > 0) machines.stop(random.pick(running));
    });
  }
  const pauseMs = Math.max(2_000, (profile.paceMs * profile.deltas) / 4);
  while (deeds.length > 0) {
    await scheduler.wait(random.logarithmic(5, pauseMs));
    deeds.splice(random.int(0, deeds.length - 1), 1)[0]?.();
  }
}

export async function collect(world: World): Promise<void> {
  const { random, profile, scheduler } = world;
  for (let n = 0; n < profile.garbageRuns; n++) {
    await scheduler.wait(random.logarithmic(50, Math.max(5_000, profile.paceMs * profile.deltas)));
    await world.collectGarbage().catch(() => {});
  }
}

/** An operator goes back to some version, or tries to. */
export async function goBack(world: World): Promise<void> {
  const { random, profile, scheduler } = world;
  for (let n = 0; n < profile.rollbacks; n++) {
    await scheduler.wait(random.logarithmic(50, Math.max(5_000, profile.paceMs * profile.deltas)));
    const collection = random.pick(profile.collections);
    const version = world.oracle.truths.get(collection)?.pointer.version ?? 0;
    await world.rollBack(collection, random.int(0, Math.max(0, version - 1))).catch(() => {});
  }
}

/** An operator asks for vacuums, whoever is at work. */
export async function vacuum(world: World): Promise<void> {
  const { random, profile, scheduler, machines } = world;
  for (let n = 0; n < profile.vacuums; n++) {
    await scheduler.wait(random.logarithmic(50, Math.max(5_000, profile.paceMs * profile.deltas)));
    await machines.start(`vacuum-${n + 1}`, { collection: random.pick(profile.collections), vacuum: true });
  }
}
