/** Listing: complete, in UTF-8 order, page by page. */
import { beforeAll, describe, expect, test } from 'vitest';
import { InvalidInputError } from '../../lambdas/errors/errors.ts';
import type { ObjectInfo, ObjectStore } from '../../lambdas/ports.ts';
import { bytes } from './object-store-bodies.ts';
import type { Subject } from './object-store-suite.ts';

/** In the order of their UTF-8 bytes, which is neither that of a locale nor that of UTF-16. */
const ODD_KEYS = [
  'list/A',
  'list/Z',
  'list/a b',
  'list/a!',
  "list/a'(1)*",
  'list/a+b',
  'list/a-b',
  'list/a-c/d',
  'list/a.b',
  'list/a/b',
  'list/a/b-c',
  'list/a/b0',
  'list/a0',
  'list/a<&">',
  'list/a=b;c',
  'list/a?b#c%20d',
  'list/a_b',
  'list/b~c',
  'list/z',
  'list/é',
  'list/日本',
  'list/\u{ff5e}',
  'list/\u{1f426}',
];

export function describeListing(subject: Subject): void {
  describe('list', () => {
    test('gives odd keys in UTF-8 order, from any of them on', async () => {
      const store = subject().open();
      for (const key of [...ODD_KEYS].reverse()) await store.putIfAbsent(key, bytes(key));

      expect(keysOf(await pages(store, 'list/'))).toEqual(ODD_KEYS);
      expect(keysOf(await pages(store, 'list/', { pageSize: 3 }))).toEqual(ODD_KEYS);
      for (const [index, startAfter] of ODD_KEYS.entries()) {
        expect(keysOf(await pages(store, 'list/', { startAfter }))).toEqual(ODD_KEYS.slice(index + 1));
      }
      // `startAfter` need not exist: here between a file and a folder of like names.
      const rest = ODD_KEYS.slice(ODD_KEYS.indexOf('list/a/b'));
      expect(keysOf(await pages(store, 'list/', { startAfter: 'list/a/' }))).toEqual(rest);
      expect(keysOf(await pages(store, 'list/', { startAfter: 'list/a/b/' }))).toEqual(
        ODD_KEYS.slice(ODD_KEYS.indexOf('list/a/b0')),
      );
    });

    test('tells size, ETag and time as head does', async () => {
      const store = subject().open();
      const { etag } = await store.putIfAbsent('list/one', bytes('four'));

      const [info] = (await pages(store, 'list/')).flat();

      expect(info).toMatchObject({ key: 'list/one', size: 4, etag });
      const head = await store.head('list/one');
      // Some stores give fractions of a second in listings only.
      expect(Math.floor((info?.lastModified ?? 0) / 1000)).toBe(Math.floor(head.lastModified / 1000));
    });

    test.each([
      { prefix: '', expected: ['a/b/one', 'a/b/two', 'a/bc', 'b'] },
      { prefix: 'a/b', expected: ['a/b/one', 'a/b/two', 'a/bc'] },
      { prefix: 'a/b/', expected: ['a/b/one', 'a/b/two'] },
      { prefix: 'a/b/t', expected: ['a/b/two'] },
      { prefix: 'a/b/two', expected: ['a/b/two'] },
      { prefix: 'b/', expected: [] },
      { prefix: 'missing/', expected: [] },
      { prefix: '../', expected: [] },
      { prefix: '.', expected: [] },
    ])('takes "$prefix" as the start of keys, not as a folder', async ({ prefix, expected }) => {
      const store = subject().open();
      for (const key of ['b', 'a/bc', 'a/b/two', 'a/b/one']) await store.putIfAbsent(key, bytes(key));

      expect(keysOf(await pages(store, prefix))).toEqual(expected);
    });

    test('of an empty store has no page', async () => {
      expect(await pages(subject().open(), '')).toEqual([]);
    });

    test('forgets what was deleted', async () => {
      const store = subject().open();
      const { etag } = await store.putIfAbsent('list/one', bytes('1'));
      await store.putIfAbsent('list/two', bytes('2'));
      await store.deleteIfMatch('list/one', etag);

      expect(keysOf(await pages(store, 'list/'))).toEqual(['list/two']);
    });

    test('refuses what is no page size', async () => {
      const store = subject().open();
      for (const pageSize of [0, -1, 1.5]) {
        await expect(pages(store, '', { pageSize })).rejects.toThrow(InvalidInputError);
      }
    });

    describe('of more than 1,000 keys', () => {
      let store: ObjectStore;
      const keys = Array.from({ length: 1_003 }, (_, n) => `deltas/birds/${String(n).padStart(5, '0')}`);
      beforeAll(async () => {
        store = subject().open();
        for (let start = 0; start < keys.length; start += 50) {
          await Promise.all(keys.slice(start, start + 50).map((key) => store.putIfAbsent(key, bytes(key))));
        }
      });

      test.each([
        { pageSize: undefined, sizes: [1_000, 3] },
        { pageSize: 5_000, sizes: [1_000, 3] },
        { pageSize: 400, sizes: [400, 400, 203] },
      ])('is complete with page size $pageSize', async ({ pageSize, sizes }) => {
        const found = await pages(store, 'deltas/birds/', pageSize === undefined ? {} : { pageSize });

        expect(keysOf(found)).toEqual(keys);
        expect(found.map((page) => page.length)).toEqual(sizes);
      });

      test('starts after any of them, with pages of any size', async () => {
        const found = await pages(store, 'deltas/', { startAfter: keys[499] ?? '', pageSize: 100 });

        expect(keysOf(found)).toEqual(keys.slice(500));
      });

      test('can be left early', async () => {
        for await (const page of store.list('deltas/', { pageSize: 7 })) {
          expect(page.map(({ key }) => key)).toEqual(keys.slice(0, 7));
          break;
        }
      });
    });
  });
}

async function pages(
  store: ObjectStore,
  prefix: string,
  options: { startAfter?: string; pageSize?: number } = {},
): Promise<ObjectInfo[][]> {
  const found: ObjectInfo[][] = [];
  for await (const page of store.list(prefix, options)) found.push(page);
  return found;
}

function keysOf(found: ObjectInfo[][]): string[] {
  return found.flat().map(({ key }) => key);
}
