/** When a merge makes a vacuum that nobody asked for. */
import { describe, expect, test } from 'vitest';
import { adviseVacuum, MAX_AUTOMATIC_BYTES, NO_WASTE } from '../../lambdas/protocol/vacuum.ts';

const MIB = 1024 * 1024;

describe('a vacuum is advised', () => {
  test.each([
    ['of nothing', {}, 'none'],
    ['with little free, however large its share', { databaseBytes: 8 * MIB, freeBytes: 8 * MIB - 1 }, 'none'],
    ['with much free that is less than a half', { databaseBytes: 90 * MIB, freeBytes: 44 * MIB }, 'none'],
    ['with half of the pages free', { databaseBytes: 90 * MIB, freeBytes: 45 * MIB }, 'vacuum'],
    [
      'with dead words beside free pages',
      { databaseBytes: 90 * MIB, freeBytes: 25 * MIB, wordBytes: 20 * MIB },
      'vacuum',
    ],
    ['with as many words as texts have', { databaseBytes: 90 * MIB, wordBytes: 80 * MIB, trigrams: 10 * MIB }, 'none'],
    ['with few dead elements', { elements: 2_000, deadElements: 1_999 }, 'none'],
    ['with many that are less than a half', { elements: 9_000, deadElements: 4_499 }, 'none'],
    ['with half of the elements dead', { elements: 9_000, deadElements: 4_500 }, 'vacuum'],
  ] as const)('%s', (_, waste, advice) => {
    expect(adviseVacuum({ ...NO_WASTE, ...waste }, 50 * MIB)).toBe(advice);
  });

  test('but not made in passing when the snapshot is large', () => {
    const waste = { ...NO_WASTE, elements: 9_000, deadElements: 9_000 };
    expect(adviseVacuum(waste, MAX_AUTOMATIC_BYTES)).toBe('vacuum');
    expect(adviseVacuum(waste, MAX_AUTOMATIC_BYTES + 1)).toBe('too-large');
    expect(adviseVacuum(NO_WASTE, MAX_AUTOMATIC_BYTES + 1)).toBe('none');
  });
});
