/** What is wrong with a value is said in our own words, whatever schema library finds it. */
import { expect, it } from 'vitest';
import { z } from 'zod';
import { describeIssues } from '../../lambdas/errors/describe-issues.ts';

const schema = z.strictObject({
  name: z.string().min(1).max(8),
  limit: z.number().int().min(1).max(10).optional(),
  ratio: z.number().gt(0).lt(1).optional(),
  tags: z.array(z.string()).min(1).max(2).optional(),
  mode: z.enum(['fast', 'safe']).optional(),
  digest: z
    .string()
    .regex(/^[0-9a-f]+$/)
    .optional(),
  shape: z
    .discriminatedUnion('kind', [z.object({ kind: z.literal('a') }), z.object({ kind: z.literal('b') })])
    .optional(),
  either: z.union([z.string(), z.boolean()]).optional(),
  own: z
    .string()
    .superRefine((_, { addIssue }) => addIssue('has a fault'))
    .optional(),
  inner: z.strictObject({ deep: z.boolean() }).optional(),
});

const CASES: Array<[given: unknown, described: string]> = [
  ['text', 'it must be an object, not "text"'],
  [null, 'it must be an object, not null'],
  [[], 'it must be an object, not a list'],
  [{}, '"name" is missing'],
  [{ name: 7 }, '"name" must be text, not 7'],
  [{ name: '' }, '"name" must not be empty'],
  [{ name: 'a long name' }, '"name" must have at most 8 characters'],
  [{ name: 'a', limit: 'ten' }, '"limit" must be a number, not "ten"'],
  [{ name: 'a', limit: 1.5 }, '"limit" must be a whole number, not 1.5'],
  [{ name: 'a', limit: 0 }, '"limit" must be at least 1'],
  [{ name: 'a', limit: 11 }, '"limit" must be at most 10'],
  [{ name: 'a', ratio: 0 }, '"ratio" must be above 0'],
  [{ name: 'a', ratio: 1 }, '"ratio" must be below 1'],
  [{ name: 'a', tags: [] }, '"tags" must have at least 1 element'],
  [{ name: 'a', tags: ['x', 'y', 'z'] }, '"tags" must have at most 2 elements'],
  [{ name: 'a', tags: ['x', {}] }, '"tags.1" must be text, not an object'],
  [{ name: 'a', mode: 'wild' }, '"mode" must be one of "fast", "safe"'],
  [{ name: 'a', digest: 'xyz' }, '"digest" has the wrong format'],
  [{ name: 'a', shape: { kind: 'c' } }, '"shape.kind" must be one of "a", "b"'],
  [{ name: 'a', either: 7 }, '"either" has the wrong type'],
  [{ name: 'a', own: 'x' }, '"own" has a fault'],
  [{ name: 'a', wher: {} }, '"wher" is unknown'],
  [{ name: 'a', wher: {}, limt: 1 }, '"wher", "limt" are unknown'],
  [{ name: 'a', inner: { deep: true, deeper: 1 } }, '"deeper" in "inner" is unknown'],
  [{ limit: 'ten' }, '"name" is missing; "limit" must be a number, not "ten"'],
];

it.each(CASES)('%j: %s', (given, described) => {
  const { error } = schema.safeParse(given);

  expect(error && describeIssues(error, given)).toBe(described);
});

it('is short, however much is wrong', () => {
  const given = { name: 'a', inner: { deep: 'x'.repeat(1_000_000) }, tags: ['x'] };
  const many = z.object(Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`field-${n}`, z.string()])));

  const long = schema.safeParse(given).error;
  const all = many.safeParse({}).error;

  expect(long && describeIssues(long, given).length).toBeLessThan(100);
  expect(all && describeIssues(all, {})).toMatch(/; and 95 more$/);
});
