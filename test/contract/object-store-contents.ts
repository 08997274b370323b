/** Bodies in and out: ranges, digests, streams, keys. */
import { describe, expect, test } from 'vitest';
import {
  CorruptObjectError,
  InvalidInputError,
  ObjectNotFoundError,
  PreconditionFailedError,
} from '../../lambdas/errors/errors.ts';
import { brokenStream, bytes, noise, sha256, streamOf, text } from './object-store-bodies.ts';
import type { Subject } from './object-store-suite.ts';

const KEY = 'packs/birds/one.pack';
const MIB = 1024 * 1024;

export function describeContents(subject: Subject): void {
  describe('get and head', () => {
    test('give back what was put', async () => {
      const store = subject().open();
      const before = Date.now();
      const { etag } = await store.putIfAbsent(KEY, bytes('0123456789'));

      const stored = await store.get(KEY);
      const info = await store.head(KEY);

      expect(stored).toMatchObject({ key: KEY, size: 10, etag });
      expect(text(stored.body)).toBe('0123456789');
      expect(info).toMatchObject({ key: KEY, size: 10, etag });
      expect('body' in info).toBe(false);
      // Some stores keep whole seconds only, and clocks differ.
      expect(Math.abs(info.lastModified - before)).toBeLessThan(60_000);
    });

    test('find nothing under a missing key, nor under what is only a folder of one', async () => {
      const store = subject().open();
      await store.putIfAbsent(KEY, bytes('x'));

      for (const key of ['missing', 'packs/birds', `${KEY}/below`]) {
        await expect(store.get(key)).rejects.toThrow(ObjectNotFoundError);
        await expect(store.get(key, { range: { start: 0, end: 1 } })).rejects.toThrow(ObjectNotFoundError);
        await expect(store.head(key)).rejects.toThrow(ObjectNotFoundError);
      }
    });

    test.each([
      { name: 'inside', start: 2, end: 5, expected: '234' },
      { name: 'one byte', start: 9, end: 10, expected: '9' },
      { name: 'everything', start: 0, end: 10, expected: '0123456789' },
      { name: 'cut at the end', start: 8, end: 99, expected: '89' },
      { name: 'empty', start: 4, end: 4, expected: '' },
      { name: 'at the end', start: 10, end: 12, expected: '' },
      { name: 'past the end', start: 50, end: 60, expected: '' },
    ])('read a range $name', async ({ start, end, expected }) => {
      const store = subject().open();
      const { etag } = await store.putIfAbsent(KEY, bytes('0123456789'));

      const stored = await store.get(KEY, { range: { start, end } });

      expect(text(stored.body)).toBe(expected);
      expect(stored).toMatchObject({ size: 10, etag });
    });

    test('read an empty object, with and without a range', async () => {
      const store = subject().open();
      await store.putIfAbsent(KEY, new Uint8Array());
      await store.putIfAbsent('streamed', streamOf(new Uint8Array()));

      const stored = [await store.get(KEY), await store.get(KEY, { range: { start: 0, end: 4 } })];

      for (const { body, size } of stored) expect([body.length, size]).toEqual([0, 0]);
      expect((await store.head('streamed')).size).toBe(0);
    });

    test('refuse what is no range', async () => {
      const store = subject().open();
      await store.putIfAbsent(KEY, bytes('x'));

      for (const range of [
        { start: -1, end: 4 },
        { start: 5, end: 4 },
        { start: 0, end: 0.5 },
        { start: 0, end: Number.NaN },
      ]) {
        await expect(store.get(KEY, { range })).rejects.toThrow(InvalidInputError);
      }
    });

    test('refuse another version than asked for, whatever the range', async () => {
      const store = subject().open();
      const first = await store.putIfAbsent(KEY, bytes('one'));
      const second = await store.putIfMatch(KEY, bytes('two'), first.etag);

      for (const range of [undefined, { start: 0, end: 1 }, { start: 1, end: 1 }, { start: 9, end: 10 }]) {
        const options = range === undefined ? {} : { range };
        const stale = store.get(KEY, { ...options, ifMatch: first.etag });
        await expect(stale).rejects.toThrow(PreconditionFailedError);
        expect((await store.get(KEY, { ...options, ifMatch: second.etag })).size).toBe(3);
      }
    });

    test('hand out copies', async () => {
      const store = subject().open();
      const body = bytes('kept');
      await store.putIfAbsent(KEY, body);
      body.fill(0);
      (await store.get(KEY)).body.fill(0);

      expect(text((await store.get(KEY)).body)).toBe('kept');
    });
  });

  describe('bodies', () => {
    test.each([
      { name: 'bytes', size: 3 * MIB, stream: false },
      { name: 'a stream that fits one request', size: 3 * MIB, stream: true },
      { name: 'a stream of exactly one part', size: 8 * MIB, stream: true },
      { name: 'a stream of several parts, more than are on their way at once', size: 52 * MIB + 17, stream: true },
    ])('$name arrive whole, with the right digest', async ({ size, stream }) => {
      const store = subject().open();
      const body = noise(size);
      const digest = sha256(body);

      const { etag } = await store.putIfAbsent(KEY, stream ? streamOf(body) : body, { sha256: digest });

      const stored = await store.get(KEY);
      expect(stored).toMatchObject({ size, etag });
      expect(sha256(stored.body)).toBe(digest);
      expect([digest, undefined]).toContain((await store.head(KEY)).sha256);
    });

    test('of several parts are create-only too', async () => {
      const store = subject().open();
      await store.putIfAbsent(KEY, bytes('first'));

      const second = store.putIfAbsent(KEY, streamOf(noise(17 * MIB)));

      await expect(second).rejects.toThrow(PreconditionFailedError);
      expect(text((await store.get(KEY)).body)).toBe('first');
    });

    test.each([
      { name: 'bytes', body: bytes('x'), digest: sha256(bytes('y')) },
      { name: 'a stream', body: streamOf(bytes('x')), digest: sha256(bytes('y')) },
      { name: 'a stream of several parts', body: streamOf(noise(17 * MIB)), digest: sha256(bytes('y')) },
      { name: 'a stream shorter than announced', body: streamOf(bytes('x'), 2), digest: undefined },
      { name: 'a stream longer than announced', body: streamOf(bytes('xyz'), 2), digest: undefined },
      { name: 'parts fewer than announced', body: streamOf(noise(17 * MIB), 18 * MIB), digest: undefined },
    ])('that are not what was announced are refused: $name', async ({ body, digest }) => {
      const store = subject().open();

      const write = store.putIfAbsent(KEY, body, digest === undefined ? {} : { sha256: digest });

      await expect(write).rejects.toThrow(CorruptObjectError);
      await expect(store.head(KEY)).rejects.toThrow(ObjectNotFoundError);
    });

    test.each([{ size: 2 * MIB }, { size: 20 * MIB }])(
      'that break off leave nothing ($size bytes)',
      async ({ size }) => {
        const store = subject().open();
        const broken = new Error('the source broke');

        const write = store.putIfAbsent(KEY, brokenStream(size, broken));

        // The source's own error, not one of the store: the caller must know which of them to mend.
        await expect(write).rejects.toBe(broken);
        await expect(store.head(KEY)).rejects.toThrow(ObjectNotFoundError);
      },
    );
  });

  test('what is no key is refused by every method', async () => {
    const store = subject().open();
    for (const key of ['', '/a', 'a/', 'a//b', '..', 'a/../b', '.hidden', 'a/.b', 'a\0b', '\ud800', 'x'.repeat(1025)]) {
      await expect(store.get(key)).rejects.toThrow(InvalidInputError);
      await expect(store.head(key)).rejects.toThrow(InvalidInputError);
      await expect(store.putIfAbsent(key, bytes('x'))).rejects.toThrow(InvalidInputError);
      await expect(store.putIfMatch(key, bytes('x'), '"1"')).rejects.toThrow(InvalidInputError);
      await expect(store.deleteIfMatch(key, '"1"')).rejects.toThrow(InvalidInputError);
      await expect(store.delete(key)).rejects.toThrow(InvalidInputError);
    }
  });
}
