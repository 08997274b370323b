/** Who reads: by checkouts, or by the reader of a service. Whatever they get must be one committed version, whole. */
import type { Engine, EngineRecord, EngineSession, Ports } from '../../lambdas/ports.ts';
import { type OpenSnapshot, SnapshotReader } from '../../lambdas/reader/snapshot-reader.ts';
import { withCheckout } from '../../lambdas/versions/checkout.ts';
import { loadManifest } from '../../lambdas/versions/load-manifest.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import { MemoryDirectories } from '../support/memory-directories.ts';
import { DIMENSION } from '../support/memory-ports.ts';
import { ModelDatabase } from '../support/model-database.ts';
import type { Random } from './random.ts';
import { difference, type Records } from './truth.ts';
import type { World } from './world.ts';

const ORIGIN = new Array<number>(DIMENSION).fill(0);

/** Again and again into a directory of its own. */
export async function read(world: World, who: string): Promise<void> {
  const { random, scheduler } = world;
  const ports = world.client(who, new MemoryDirectories());
  const isService = random.chance(0.5);
  for (let n = random.int(2, 4); n > 0; n--) {
    await scheduler.wait(random.logarithmic(10, 60_000));
    const collection = random.pick(world.profile.collections);
    try {
      await (isService ? serve(world, who, ports, collection) : checkOut(world, who, ports, collection));
    } catch (error) {
      // An error is an honest answer; that nothing reachable is missing, the oracle sees for itself.
      scheduler.note(`${who} gets ${(error as Error).name}`);
    }
  }
}

async function checkOut(world: World, who: string, ports: Ports, collection: string): Promise<void> {
  const { pointer } = await readPointer(ports, collection);
  const loaded = await loadManifest(ports, pointer.manifest);
  const records = await withCheckout(ports, loaded, async (directory) => {
    const database = await ModelDatabase.load(directory);
    return byId(database.all());
  });
  judge(world, who, collection, loaded.manifest.version, records);
}

/** One reader that follows the commits for a while. */
async function serve(world: World, who: string, ports: Ports, collection: string): Promise<void> {
  const { random, scheduler, profile, counts } = world;
  const engine = shortSighted(ports.engine, random, () => {
    const isShort = !world.faultsAreOver && random.chance(profile.shortOpens);
    if (isShort) counts.shortOpens++;
    return isShort;
  });
  const reader = await SnapshotReader.open({ ...ports, engine }, collection);
  try {
    for (let n = random.int(1, 3); n > 0; n--) {
      await reader.use(async (snapshot) => judge(world, who, collection, snapshot.version, await readAll(snapshot)));
      await scheduler.wait(random.logarithmic(10, 60_000));
      await reader.refresh();
    }
  } finally {
    await reader.close();
  }
}

async function readAll(snapshot: OpenSnapshot): Promise<Records> {
  const found = await snapshot.query(ORIGIN, Number.MAX_SAFE_INTEGER);
  return byId(found.map(({ distance: _distance, ...record }) => record));
}

function judge({ oracle, counts }: World, who: string, collection: string, version: number, records: Records): void {
  if (oracle.unreached.isTaken(collection)) return;
  const truth = oracle.truth(collection).versions.get(version)?.records;
  if (truth === undefined) oracle.violate(`${who} read version ${version}, which nobody committed`);
  else {
    const wrong = difference(truth, records);
    if (wrong !== undefined) oracle.violate(`${who} read version ${version} wrongly: ${wrong}`);
  }
  counts.reads++;
}

/** An engine that sometimes opens a directory and finds one record fewer than there are, as with a damaged index. */
function shortSighted(engine: Engine, random: Random, isShort: () => boolean): Engine {
  return {
    writtenAtStart: engine.writtenAtStart,
    identify: () => engine.identify(),
    inspect: (directory, collection, options) => engine.inspect(directory, collection, options),
    measureWaste: (directory, collection) => engine.measureWaste(directory, collection),
    vacuum: (directory, collection, shape) => engine.vacuum(directory, collection, shape),
    isAsNew: (directory, collection, shape) => engine.isAsNew(directory, collection, shape),
    open: async (directory, options) => {
      const session = await engine.open(directory, options);
      const all = isShort() ? (await ModelDatabase.load(directory)).all() : [];
      return all.length === 0 ? session : without(session, random.pick(all).id);
    },
  };
}

function without(session: EngineSession, lost: string): EngineSession {
  return {
    useCollection: (name, options) => session.useCollection(name, options),
    measureSpace: (name) => session.measureSpace(name),
    count: async () => (await session.count()) - 1,
    existing: async (ids) => session.existing(ids.filter((id) => id !== lost)),
    upsert: (records) => session.upsert(records),
    update: (records) => session.update(records),
    remove: (ids) => session.remove(ids),
    replay: (request) => session.replay(request),
    get: (ids) => session.get(ids.filter((id) => id !== lost)),
    visitEmbeddings: (visit) => session.visitEmbeddings((batch) => visit(batch.filter(({ id }) => id !== lost))),
    query: async (embedding, limit, filter) =>
      (await session.query(embedding, limit, filter)).filter(({ id }) => id !== lost),
    find: async (page) => (await session.find(page)).filter(({ id }) => id !== lost),
    get isRunning() {
      return session.isRunning;
    },
    close: () => session.close(),
  };
}

function byId(records: readonly EngineRecord[]): Records {
  return new Map(records.map((record) => [record.id, record]));
}
