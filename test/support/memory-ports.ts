/** All ports in memory. Equal seeds give equal runs. */
import { ulid } from 'ulid';
import type { EngineRecord, Ids, Ports, Settings } from '../../lambdas/ports.ts';
import { putDelta } from '../../lambdas/producer/put-delta.ts';
import { encodeDelta } from '../../lambdas/snapshot/delta.ts';
import type { Operation } from '../../lambdas/snapshot/operation.ts';
import { createCollection as createStep } from '../../lambdas/upkeep/create-collection.ts';
import { hydrate } from '../../lambdas/versions/hydrate.ts';
import { loadManifest } from '../../lambdas/versions/load-manifest.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import { MemoryCache } from './memory-cache.ts';
import { MEMORY_CODEC } from './memory-codec.ts';
import { MemoryDirectories } from './memory-directories.ts';
import { MemoryEngine, type MemoryEngineOptions } from './memory-engine.ts';
import { MemoryStore } from './memory-store.ts';
import { MemoryAnnouncer, MemoryExecutions, MemoryTelemetry } from './memory-surroundings.ts';
import { MemoryTable } from './memory-table.ts';
import { seededRandom } from './seeded-random.ts';
import { VirtualClock } from './virtual-clock.ts';

export const COLLECTION = 'books';
export const DIMENSION = 4;

export interface MemoryPorts extends Ports {
  store: MemoryStore;
  table: MemoryTable;
  engine: MemoryEngine;
  directories: MemoryDirectories;
  cache: MemoryCache;
  clock: VirtualClock;
  executions: MemoryExecutions;
  announcer: MemoryAnnouncer;
  telemetry: MemoryTelemetry;
}

export interface MemoryPortsOptions {
  seed?: number;
  engine?: MemoryEngineOptions;
  settings?: Partial<Settings>;
}

export function memoryPorts({ seed = 1, engine, settings }: MemoryPortsOptions = {}): MemoryPorts {
  const clock = new VirtualClock();
  const table = new MemoryTable();
  const random = seededRandom(seed);
  const ids: Ids = { ulid: () => ulid(clock.now(), random), random };
  return {
    store: new MemoryStore({ now: () => clock.now() }),
    table,
    locks: table,
    statuses: table,
    engine: new MemoryEngine(engine),
    directories: new MemoryDirectories(),
    cache: new MemoryCache({ now: () => clock.now() }),
    codec: MEMORY_CODEC,
    clock,
    ids,
    executions: new MemoryExecutions(),
    announcer: new MemoryAnnouncer(),
    telemetry: new MemoryTelemetry(),
    settings: {
      lockDurationMs: 60_000,
      claimDurationMs: 60_000,
      heartbeatIntervalMs: 30_000,
      maxDeltasPerCommit: 500,
      maxBytesPerCommit: 64 * 1024 * 1024,
      retainVersions: 10,
      retainDays: 7,
      ...settings,
    },
  };
}

export async function createCollection(ports: Ports, collection = COLLECTION): Promise<void> {
  await createStep(ports, { collection, dimension: DIMENSION, space: 'l2', creator: 'test' });
}

/** Put a delta into the inbox: operations, or raw bytes. */
export async function submit(
  ports: Ports,
  deltaId: string,
  content: readonly Operation[] | Uint8Array,
  collection = COLLECTION,
): Promise<{ deltaId: string; sha256: string }> {
  const body = content instanceof Uint8Array ? content : encodeDelta(content);
  return putDelta(ports, { collection, deltaId, body });
}

/** All records of the current version by id: hydrated from nothing into a directory of its own, and verified. */
export async function records(ports: Ports, collection = COLLECTION): Promise<Map<string, EngineRecord>> {
  const { pointer } = await readPointer(ports, collection);
  const target = await loadManifest(ports, pointer.manifest);
  const directory = await new MemoryDirectories().claim(collection);
  await hydrate({ ...ports, cache: new MemoryCache() }, directory, target);
  const { space, dimension } = target.manifest;
  const session = await new MemoryEngine().open(directory);
  await session.useCollection(collection, { space, dimension });
  const all = await session.query(new Array<number>(dimension).fill(0), Number.MAX_SAFE_INTEGER);
  return new Map(all.map(({ distance: _distance, ...record }) => [record.id, record]));
}
