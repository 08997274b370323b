/** What `npm run test:chroma` and `npm run test:clients` call a difference. */
import { expect, it } from 'vitest';
import { compare } from '../chroma/compare.ts';
import { outcomesIn } from '../chroma/pytest.ts';

const result = (outcomes: Record<string, string>) => ({ summary: '', outcomes: new Map(Object.entries(outcomes)) });
const differences = (runs: Record<string, Record<string, string>>) =>
  compare(new Map(Object.entries(runs).map(([name, outcomes]) => [name, result(outcomes)]))).differences;

it.each([
  ['nothing ran', { quiet: {} }, 1],
  ['all was skipped', { quiet: { a: 'skipped', b: 'skipped' } }, 1],
  ['all was skipped with both', { plain: { a: 'skipped' }, quiet: { a: 'skipped' } }, 2],
  ['one failed', { quiet: { a: 'passed', b: 'failed' } }, 1],
  ['none failed', { quiet: { a: 'passed', b: 'skipped' } }, 0],
  [
    'one failed with plain Chroma alike',
    { plain: { a: 'passed', b: 'failed' }, quiet: { a: 'passed', b: 'failed' } },
    0,
  ],
  [
    'one failed with plain Chroma alone',
    { plain: { a: 'passed', b: 'failed' }, quiet: { a: 'passed', b: 'passed' } },
    1,
  ],
  ['one was skipped', { plain: { a: 'passed', b: 'passed' }, quiet: { a: 'passed', b: 'skipped' } }, 1],
  ['one is missing', { plain: { a: 'passed', b: 'passed' }, quiet: { a: 'passed' } }, 1],
  ['one is new', { plain: { a: 'passed' }, quiet: { a: 'passed', b: 'passed' } }, 1],
])('counts differences when %s', (_what, runs, expected) => {
  const found = differences(runs);

  expect(found).toBe(expected);
});

it('reads outcomes out of a report', () => {
  const xml = `<testsuite><testcase classname="x.chromadb.test.a" name="one" /><testcase classname="b" name="two"><skipped
    message="" /></testcase><testcase classname="b" name="three"><failure>...</failure></testcase></testsuite>`;

  const outcomes = outcomesIn(xml);

  expect([...outcomes]).toEqual([
    ['test.a::one', 'passed'],
    ['b::two', 'skipped'],
    ['b::three', 'failed'],
  ]);
});
