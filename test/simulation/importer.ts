/** An operator who imports a directory while producers already send deltas to the collection that it will be. */
import type { EngineRecord } from '../../lambdas/ports.ts';
import { importSnapshot } from '../../lambdas/upkeep/import-snapshot.ts';
import { MemoryDirectories } from '../support/memory-directories.ts';
import { MemoryEngine } from '../support/memory-engine.ts';
import { DIMENSION } from '../support/memory-ports.ts';
import { produceFor } from './actors.ts';
import type { World } from './world.ts';

const COLLECTION = 'adopted';
const RECORDS = 9;
const ATTEMPTS = 3;
/** Looks for the collection, and between them, in virtual milliseconds. */
const LOOKS = 20;
const LOOK_MS = 3_000;

export async function adopt(world: World): Promise<void> {
  const { random, profile, scheduler, oracle } = world;
  if (profile.imports === 0) return;
  await scheduler.wait(random.logarithmic(10, 60_000));
  const producing = sendAlready(world);
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const actor = `import-${attempt}`;
    const records = makeRecords(attempt);
    oracle.imports.set(actor, new Map(records.map((record) => [record.id, record])));
    try {
      await importOnce(world, actor, records);
      world.counts.imports++;
      break;
    } catch (error) {
      scheduler.note(`${actor} gets ${(error as Error).name}`);
      await scheduler.wait(random.logarithmic(100, 20_000));
    }
  }
  await producing;
}

/** From the moment in which the collection is there, imported or not. */
async function sendAlready(world: World): Promise<void> {
  for (let look = 0; look < LOOKS && !world.oracle.truths.has(COLLECTION); look++) await world.scheduler.wait(LOOK_MS);
  if (!world.oracle.truths.has(COLLECTION)) return;
  await produceFor(world, 'producer-of-adopted', COLLECTION, [301, 302]);
}

async function importOnce(world: World, actor: string, records: readonly EngineRecord[]): Promise<void> {
  const directories = new MemoryDirectories();
  const directory = await directories.claim(COLLECTION);
  const session = await new MemoryEngine().open(directory);
  await session.useCollection(COLLECTION, { space: 'l2', dimension: DIMENSION });
  await session.upsert(records);
  await session.close();
  const shape = { dimension: DIMENSION, records: records.length };
  const what = { collection: COLLECTION, directory, source: directory.path, ...shape };
  await importSnapshot(world.client(actor, directories), { ...what, actor });
}

/** Each attempt has its own: what an earlier one left must not be taken for it. */
function makeRecords(attempt: number): EngineRecord[] {
  return Array.from({ length: RECORDS + attempt }, (_, n) => ({
    id: `base-${n}`,
    embedding: new Array<number>(DIMENSION).fill(n),
    metadata: { by: 'import', attempt },
    document: `${n} imported `.repeat(120),
  }));
}
