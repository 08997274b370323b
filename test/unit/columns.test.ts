/** Records cut into requests: no part is larger than one line of a delta may be, and together they say the same. */
import { describe, expect, it } from 'vitest';
import { groups } from '../../lambdas/adapters/chroma/columns.ts';
import type { EngineRecord } from '../../lambdas/ports.ts';
import { MAX_TEXT_LENGTH } from '../../lambdas/snapshot/metadata.ts';

const KEYS = ['a', 'b', 'c', 'd', 'e'];
const folded: EngineRecord = {
  id: 'hot',
  embedding: [1, 2],
  document: 'once',
  metadata: Object.fromEntries(KEYS.map((key) => [key, key.repeat(MAX_TEXT_LENGTH / 2)])),
};

describe('a record whose metadata hold more text than one line can', () => {
  const parts = groups([folded]).flat();

  it('goes in parts that a line could bring', () => {
    const lengths = parts.map(({ metadata = {} }) => Object.values(metadata).join('').length);

    expect(Math.max(...lengths)).toBeLessThanOrEqual(MAX_TEXT_LENGTH);
    expect(parts).toHaveLength(KEYS.length);
  });

  it('says the same in all of them together, its document once, its embedding in each', () => {
    expect(Object.assign({}, ...parts.map(({ metadata }) => metadata))).toEqual(folded.metadata);
    expect(parts.flatMap(({ document }) => document ?? [])).toEqual(['once']);
    expect(parts.map(({ embedding }) => embedding)).toEqual(KEYS.map(() => [1, 2]));
  });
});
