/** A stored collection that nobody has named, given its record and its entry by a process that dies between the two. */
import { expect, it } from 'vitest';
import { listUnnamed } from '../../lambdas/names/look-up.ts';
import type { ObjectStore } from '../../lambdas/ports.ts';
import { createCollection, memoryPorts } from '../support/memory-ports.ts';
import { directoryOver, shortly } from './support.ts';

/** A store that takes no entries of names. */
function withoutEntries(store: ObjectStore): ObjectStore {
  return new Proxy(store, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        const isEntry = property === 'putIfAbsent' && String(args[0]).startsWith('names/');
        return isEntry ? Promise.reject(new Error('the process died')) : value.apply(target, args);
      };
    },
  });
}

it('is listed all the same', async () => {
  const ports = memoryPorts();
  await createCollection(ports, 'books');
  await shortly(directoryOver(withoutEntries(ports.store)))
    .find('books')
    .catch(() => {});

  const unnamed = await listUnnamed(ports);
  const names = await shortly(directoryOver(ports.store, 2)).names();

  expect(unnamed).toEqual(['books']);
  expect(names).toEqual(['books']);
  expect(await listUnnamed(ports)).toEqual([]);
});
