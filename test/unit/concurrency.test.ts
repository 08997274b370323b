/** Waiting for several things at once: a step that has failed leaves nothing going on behind it. */
import { describe, expect, it } from 'vitest';
import { both } from '../../lambdas/concurrency/both.ts';
import { mapLimit } from '../../lambdas/concurrency/map-limit.ts';

describe('both', () => {
  it('fails only when the other one has ended, too', async () => {
    const { promise: other, resolve: end } = Promise.withResolvers<string>();
    const seen: string[] = [];
    const failing = both(Promise.reject(new Error('first')), other).catch((error: Error) => seen.push(error.message));
    await new Promise(setImmediate);

    seen.push('the other one ends');
    end('late');
    await failing;

    expect(seen).toEqual(['the other one ends', 'first']);
  });

  it('gives the failure of the first when both fail', async () => {
    const failing = both(Promise.reject(new Error('first')), Promise.reject(new Error('second')));

    await expect(failing).rejects.toThrow('first');
  });

  it('gives both results', async () => {
    const results = await both(Promise.resolve(1), Promise.resolve('two'));

    expect(results).toEqual([1, 'two']);
  });
});

describe('mapLimit', () => {
  it('fails only when all that has begun has ended, and begins nothing more', async () => {
    const { promise: other, resolve: end } = Promise.withResolvers<void>();
    const seen: string[] = [];
    const failing = mapLimit(['fails', 'slow', 'never'], 2, async (item) => {
      seen.push(item);
      if (item === 'fails') throw new Error('failed');
      await other;
    }).catch((error: Error) => seen.push(error.message));
    await new Promise(setImmediate);

    seen.push('the slow one ends');
    end();
    await failing;

    expect(seen).toEqual(['fails', 'slow', 'the slow one ends', 'failed']);
  });
});
