/** Conditional writes: one winner, no lost update, and the error that says which condition was lost. */
import { describe, expect, test } from 'vitest';
import { ObjectNotFoundError, PreconditionFailedError } from '../../lambdas/errors/errors.ts';
import { bytes, text } from './object-store-bodies.ts';
import { increment, isLost } from './object-store-increment.ts';
import type { Subject } from './object-store-suite.ts';

const KEY = 'pointers/birds.json';
const RACERS = 50;

export function describeConditions(subject: Subject): void {
  describe('putIfAbsent', () => {
    test(`has one winner among ${RACERS} at once`, async () => {
      const store = subject().open();

      const outcomes = await race((n) => store.putIfAbsent(KEY, bytes(`writer ${n}`)));

      const winner = soleWinner(outcomes);
      const stored = await store.get(KEY);
      expect(text(stored.body)).toBe(`writer ${winner.index}`);
      expect(stored.etag).toBe(winner.etag);
    });

    test('refuses its own repetition, whose size head tells', async () => {
      const store = subject().open();
      const { etag } = await store.putIfAbsent(KEY, bytes('same'));

      const repetition = store.putIfAbsent(KEY, bytes('same'));

      await expect(repetition).rejects.toThrow(PreconditionFailedError);
      expect(await store.head(KEY)).toMatchObject({ key: KEY, size: 4, etag });
    });

    test('may create again what was deleted', async () => {
      const store = subject().open();
      await store.putIfAbsent(KEY, bytes('first'));
      await store.delete(KEY);

      await store.putIfAbsent(KEY, bytes('second'));

      expect(text((await store.get(KEY)).body)).toBe('second');
    });
  });

  describe('putIfMatch', () => {
    test(`has one winner among ${RACERS} at once, over two handles`, async () => {
      const stores = [subject().open(), subject().reopen()];
      const { etag } = await at(stores, 0).putIfAbsent(KEY, bytes('base'));

      const outcomes = await race((n) => at(stores, n % 2).putIfMatch(KEY, bytes(`writer ${n}`), etag));

      const winner = soleWinner(outcomes);
      const stored = await at(stores, 1).get(KEY);
      expect(text(stored.body)).toBe(`writer ${winner.index}`);
      expect(stored.etag).toBe(winner.etag);
    });

    test('loses no update of 8 writers that read, add one and swap', async () => {
      const stores = [subject().open(), subject().reopen()];
      await at(stores, 0).putIfAbsent(KEY, bytes('0'));

      await Promise.all(Array.from({ length: 8 }, (_, n) => increment(at(stores, n % 2), KEY, 5)));

      expect(text((await at(stores, 0).get(KEY)).body)).toBe('40');
    });

    test('refuses an ETag of the past', async () => {
      const store = subject().open();
      const first = await store.putIfAbsent(KEY, bytes('one'));
      await store.putIfMatch(KEY, bytes('two'), first.etag);

      const stale = store.putIfMatch(KEY, bytes('three'), first.etag);

      await expect(stale).rejects.toThrow(PreconditionFailedError);
      expect(text((await store.get(KEY)).body)).toBe('two');
    });

    test('finds no object under a missing key', async () => {
      const store = subject().open();
      const { etag } = await store.putIfAbsent('other', bytes('one'));

      await expect(store.putIfMatch(KEY, bytes('two'), etag)).rejects.toThrow(ObjectNotFoundError);
      await expect(store.head(KEY)).rejects.toThrow(ObjectNotFoundError);
    });

    test('tells two equal bodies apart, where the store gives an ETag per write', async ({ skip }) => {
      skip(!subject().etagPerWrite, 'this store may give equal bodies one ETag');
      const store = subject().open();
      const etags = [(await store.putIfAbsent(KEY, bytes('same'))).etag];

      for (let n = 0; n < 20; n++) etags.push((await store.putIfMatch(KEY, bytes('same'), etags.at(-1) ?? '')).etag);

      expect(new Set(etags).size).toBe(etags.length);
    });
  });

  describe('deleteIfMatch', () => {
    test('deletes what was read', async () => {
      const store = subject().open();
      const { etag } = await store.putIfAbsent(KEY, bytes('one'));

      await store.deleteIfMatch(KEY, etag);

      await expect(store.get(KEY)).rejects.toThrow(ObjectNotFoundError);
    });

    test('spares other content', async () => {
      const store = subject().open();
      const { etag } = await store.putIfAbsent(KEY, bytes('one'));
      await store.putIfMatch(KEY, bytes('two'), etag);

      await expect(store.deleteIfMatch(KEY, etag)).rejects.toThrow(PreconditionFailedError);
      expect(text((await store.get(KEY)).body)).toBe('two');
    });

    test('is content with an absent key, in a folder or not', async () => {
      const store = subject().open();
      const { etag } = await store.putIfAbsent(KEY, bytes('one'));
      await store.deleteIfMatch(KEY, etag);

      await store.deleteIfMatch(KEY, etag);
      await store.deleteIfMatch('never/there', etag);
    });

    test('never lets a swap and a deletion of one version both succeed', async () => {
      const store = subject().open();
      for (let round = 0; round < 10; round++) {
        const key = `round-${round}`;
        const { etag } = await store.putIfAbsent(key, bytes('base'));

        const [swap, deletion] = await Promise.allSettled([
          store.putIfMatch(key, bytes('swapped'), etag),
          store.deleteIfMatch(key, etag),
        ]);

        const left = await store.head(key).then(
          () => true,
          () => false,
        );
        expect(left).toBe(swap.status === 'fulfilled');
        expect(deletion.status === 'fulfilled').toBe(!left);
      }
    });
  });

  test('delete is content with an absent key', async () => {
    const store = subject().open();
    await store.putIfAbsent(KEY, bytes('one'));

    await store.delete(KEY);
    await store.delete(KEY);

    await expect(store.head(KEY)).rejects.toThrow(ObjectNotFoundError);
  });
}

type Outcome = PromiseSettledResult<{ etag: string }>;

function race(write: (n: number) => Promise<{ etag: string }>): Promise<Outcome[]> {
  return Promise.allSettled(Array.from({ length: RACERS }, (_, n) => write(n)));
}

function soleWinner(outcomes: Outcome[]): { index: number; etag: string } {
  const winners = outcomes.flatMap((outcome, index) =>
    outcome.status === 'fulfilled' ? [{ index, etag: outcome.value.etag }] : [],
  );
  const others = outcomes.filter((outcome) => outcome.status === 'rejected' && !isLost(outcome.reason));
  expect(others).toEqual([]);
  expect(winners).toHaveLength(1);
  return winners[0] ?? { index: -1, etag: '' };
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new Error(`There is no item ${index}.`);
  return item;
}
