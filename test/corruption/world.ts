/**
 * A collection with a history, and another one to exchange objects with, in memory or on files. The engine is the model
 * of `test/support`; the files, packs, manifests and caches are what they are in production.
 */
import { join } from 'node:path';
import { FileCache } from '../../lambdas/adapters/files/file-cache.ts';
import { FileWorkingDirectories } from '../../lambdas/adapters/files/working-directories.ts';
import { FileStore } from '../../lambdas/adapters/store/file-store.ts';
import { SystemClock } from '../../lambdas/adapters/system.ts';
import type { Engine, EngineRecord, ObjectStore } from '../../lambdas/ports.ts';
import type { Operation } from '../../lambdas/snapshot/operation.ts';
import { systemTime } from '../../local/sfn/time.ts';
import { MemoryDirectories } from '../support/memory-directories.ts';
import type { MemoryEngineOptions } from '../support/memory-engine.ts';
import {
  COLLECTION,
  createCollection,
  type MemoryPorts,
  memoryPorts,
  records,
  submit,
} from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';

export const OTHER = 'films';

class RealClock extends SystemClock {
  readonly time = systemTime;
  constructor() {
    super(() => {});
  }
}

/** In memory, but for what an engine works with: real time, and working directories below `root`. */
export function realPorts(root: string, engine: Engine): MemoryPorts {
  const ports = memoryPorts();
  // The interfaces are the same; only the memory's own extras are missing, and no test that has these ports uses them.
  return Object.assign(ports, {
    clock: new RealClock(),
    directories: new FileWorkingDirectories({ root: join(root, 'work') }),
    engine,
  }) as unknown as MemoryPorts;
}

/** `count` upserts of records `<prefix>-<n>`. */
export function upserts(prefix: string, count: number, value = 0): Operation[] {
  return Array.from({ length: count }, (_, n) => ({
    op: 'upsert',
    id: `${prefix}-${n}`,
    embedding: [n, value, -1.5, 0.25],
    metadata: { n, prefix },
    document: `${prefix} number ${n} of value ${value} `.repeat(6),
  }));
}

/** Three versions of `COLLECTION`, each with a pack that the last one needs, and two of `OTHER`. */
export async function storedWorld(root?: string, engine: MemoryEngineOptions = {}): Promise<MemoryPorts> {
  const ports = memoryPorts({ engine });
  if (root !== undefined) {
    // The interfaces are the same; only the memory's own extras are missing, and no test here uses them.
    ports.store = new FileStore(`${root}/store`) as unknown as MemoryPorts['store'];
    ports.cache = new FileCache({ root: `${root}/cache` }) as unknown as MemoryPorts['cache'];
    // Virtual time would pass while a file is being written.
    ports.clock = new RealClock() as unknown as MemoryPorts['clock'];
  }
  for (const collection of [COLLECTION, OTHER]) {
    await createCollection(ports, collection);
    await commit(ports, 'first', upserts('a', 60), collection);
    await commit(ports, 'second', [...upserts('b', 20), { op: 'delete', id: 'a-3' }], collection);
  }
  await commit(ports, 'third', upserts('a', 2, 7));
  return ports;
}

export async function commit(
  ports: MemoryPorts,
  deltaId: string,
  operations: readonly Operation[],
  collection = COLLECTION,
): Promise<void> {
  await submit(ports, deltaId, operations, collection);
  const { status, error, cause } = await run(ports, { collection });
  if (status !== 'SUCCEEDED') throw new Error(`${status}: ${error}: ${cause}`);
}

/** As a new Lambda container would be: no warm directory, and, unless it is kept, no cache. */
export function cold(ports: MemoryPorts, keep: 'cache' | 'nothing' = 'nothing'): MemoryPorts {
  const forgetful = { read: async () => undefined, evict: async () => {} };
  const cache = Object.assign(Object.create(ports.cache) as MemoryPorts['cache'], forgetful);
  const bound = bind(ports.cache, cache);
  return { ...ports, directories: new MemoryDirectories(), cache: keep === 'cache' ? ports.cache : bound };
}

/** Everything but reading and evicting goes to the cache itself. */
function bind(cache: MemoryPorts['cache'], over: MemoryPorts['cache']): MemoryPorts['cache'] {
  return new Proxy(cache, {
    get(target, property) {
      if (Object.hasOwn(over, property)) return Reflect.get(over, property);
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

export async function listKeys(store: ObjectStore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const page of store.list(prefix)) keys.push(...page.map(({ key }) => key));
  return keys;
}

/** Put other bytes in the place of an object, as no writer of ours would. Returns how to put the old ones back. */
export async function replaceObject(store: ObjectStore, key: string, bytes: Uint8Array): Promise<() => Promise<void>> {
  const { body } = await store.get(key);
  const put = async (content: Uint8Array) => {
    await store.delete(key);
    await store.putIfAbsent(key, content);
  };
  await put(bytes);
  return () => put(body);
}

/** What a reader without any cache gets. */
export function read(ports: MemoryPorts, collection = COLLECTION): Promise<Map<string, EngineRecord>> {
  return records(ports, collection);
}
