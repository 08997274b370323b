/** The formulas by which a measured distance tells its space. What a server answers is compared with them in test/engine. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { declaredSpace, fittingSpaces, type Measurement } from '../../lambdas/adapters/chroma/space.ts';
import { SPACES, type Space } from '../../lambdas/ports.ts';

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, n) => sum + x * (b[n] ?? 0), 0);

/** By Chroma's documents, written anew. */
function distance(space: Space, a: readonly number[], b: readonly number[]): number {
  if (space === 'l2') return a.reduce((sum, x, n) => sum + (x - (b[n] ?? 0)) ** 2, 0);
  if (space === 'ip') return 1 - dot(a, b);
  return 1 - dot(a, b) / (Math.sqrt(dot(a, a)) * Math.sqrt(dot(b, b)));
}

/** The vectors that are asked for, along one that is stored, and the answer that finds that one. */
function measurements(space: Space, stored: readonly number[]): Measurement[] {
  const size = Math.sqrt(dot(stored, stored));
  return [1, 3].map((length) => {
    const query = stored.map((value) => (value / size) * length);
    return { query, neighbour: stored, distance: Math.fround(distance(space, query, stored)) };
  });
}

describe('distances of a vector of any length', () => {
  const length = fc.double({ min: 1e-3, max: 1e4, noNaN: true });
  const direction = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 1, maxLength: 50 });

  it.each(SPACES)('in %s fit no other space', (space) => {
    fc.assert(
      fc.property(direction, length, (vector, size) => {
        const now = Math.sqrt(dot(vector, vector));
        fc.pre(now > 1e-3);
        const stored = vector.map((value) => (value / now) * size);

        expect(fittingSpaces(measurements(space, stored))).toEqual([space]);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([1, 3, 1 / 3, Math.sqrt(2)])(
    'of length %d, where two formulas meet, are told apart by the other query',
    (size) => {
      for (const space of SPACES) expect(fittingSpaces(measurements(space, [0, size, 0]))).toEqual([space]);
    },
  );
});

it('nothing fits the distances of other vectors', () => {
  const [first, second] = measurements('l2', [1, 2, 3]);
  expect(fittingSpaces([first, { ...second, distance: 0.5 }] as Measurement[])).toEqual([]);
  expect(fittingSpaces([{ ...first, distance: Number.NaN }] as Measurement[])).toEqual([]);
});

it('a vector without length leaves cosine and ip open', () => {
  expect(fittingSpaces([{ query: [1, 0], neighbour: [0, 0], distance: 1 }])).toEqual(['l2', 'cosine', 'ip']);
  expect(fittingSpaces([{ query: [3, 0], neighbour: [0, 0], distance: 1 }])).toEqual(['cosine', 'ip']);
});

it.each([
  ['l2', undefined, 'l2'],
  ['l2', 'cosine', 'cosine'],
  ['cosine', 'l2', 'cosine'],
  ['ip', undefined, 'ip'],
  ['l2', 'nonsense', 'l2'],
  [undefined, undefined, undefined],
])('configuration %s and metadata %s declare %s', (configured, said, expected) => {
  const configuration = { hnsw: configured === undefined ? null : { space: configured as Space } };
  const metadata = said === undefined ? {} : { 'hnsw:space': said };
  expect(declaredSpace({ configuration, metadata } as Parameters<typeof declaredSpace>[0])).toBe(expected);
});
