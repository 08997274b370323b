/** The directory of names in tests: over a store of memory or of files, with calls that wait for their turn. */
import { setImmediate as tick } from 'node:timers/promises';
import { type Described, NamesDirectory } from '../../lambdas/names/directory.ts';
import type { ObjectStore } from '../../lambdas/ports.ts';
import { memoryPorts } from '../support/memory-ports.ts';
import { seededRandom } from '../support/seeded-random.ts';

export const TENANT = 'default_tenant';
export const DATABASE = 'default_database';
export const DESCRIBED: Described = { metadata: 'null', configuration: '{"hnsw":{"space":"l2"}}', schema: '{}' };

/** A directory, as one endpoint has it. */
export function directoryOver(store: ObjectStore, seed = 1): NamesDirectory {
  const { clock, ids } = memoryPorts({ seed });
  return new NamesDirectory({ store, clock, ids }, async () => DESCRIBED);
}

/** What a test uses most, in the default database. */
export function shortly(directory: NamesDirectory) {
  return {
    create: async (name: string) => {
      const made = await directory.create(TENANT, DATABASE, name, async () => DESCRIBED);
      if (typeof made === 'string') throw new Error(`There is no default database: ${made}.`);
      return made;
    },
    find: (name: string) => directory.findByName(TENANT, DATABASE, name),
    drop: (name: string) => directory.drop(TENANT, DATABASE, name),
    rename: (id: string, name: string) => directory.modify(id, async () => ({ name })),
    names: async () => (await directory.list(TENANT, DATABASE)).map(({ name }) => name).sort(),
  };
}

/**
 * Run tasks whose calls of the store come in an order that the seed draws. @param task Gets a store of its own; what it
 * throws is passed over, like the death of a process.
 */
export async function interleave(
  seed: number,
  store: ObjectStore,
  tasks: ReadonlyArray<(store: ObjectStore) => Promise<unknown>>,
): Promise<void> {
  const random = seededRandom(seed);
  const waiting: Array<() => void> = [];
  const gate = () => new Promise<void>((resolve) => waiting.push(resolve));
  let running = tasks.length;
  for (const task of tasks) {
    void task(gated(store, gate))
      .catch(() => {})
      .finally(() => running--);
  }
  while (running > 0) {
    await tick();
    waiting.splice(Math.floor(random() * waiting.length), 1)[0]?.();
  }
}

function gated(store: ObjectStore, gate: () => Promise<void>): ObjectStore {
  return new Proxy(store, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== 'function') return value;
      if (property === 'list') {
        return async function* (...args: unknown[]) {
          await gate();
          yield* value.apply(target, args);
        };
      }
      return async (...args: unknown[]) => {
        await gate();
        return value.apply(target, args);
      };
    },
  });
}
