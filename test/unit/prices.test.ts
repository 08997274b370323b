/** Prices are stated once: in bench/prices.ts, of which docs/cost.md shows the table. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { dollarsOf, PRICES, PRICES_AS_OF, type Price } from '../../bench/prices.ts';

const document = readFileSync(new URL('../../docs/cost.md', import.meta.url), 'utf8');

/** The table as docs/cost.md shows it, in Markdown. */
function priceTable(): string {
  const rows = Object.values<Price>(PRICES).map(
    ({ name, usd, per, unit, source, date }) =>
      `| ${name} | $${usd} / ${per === 1 ? '' : `${per.toLocaleString('en-US')} `}${unit.replace(/^(GB-month|metric-month|key-month)s$/, '$1')} | ${source} | ${date} |`,
  );
  return ['| what | price | source | of |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

it('are those of docs/cost.md, with the day', () => {
  expect(document).toContain(`\n\n${priceTable()}\n\n`);
  expect(document).toContain(`as of ${PRICES_AS_OF}`);
});

it('are positive, and say where they come from and when', () => {
  for (const [name, { usd, per, source, date }] of Object.entries<Price>(PRICES)) {
    expect([usd > 0, per > 0, source.length > 0], name).toEqual([true, true, true]);
    expect(date, name).toMatch(/^(\d{4}-\d{2}|undated)$/);
  }
});

it('add up to dollars', () => {
  expect(dollarsOf({})).toBe(0);
  expect(dollarsOf({ stateTransitions: 213_740 })).toBeCloseTo(5.3435, 4);
  expect(dollarsOf({ cacheGbRead: 224, cacheGbWritten: 224 })).toBeCloseTo(20.16, 4);
  expect(dollarsOf({ lambdaGbSeconds: 28, lambdaRequests: 14, storeWrites: 5, storeReads: 15 })).toBeCloseTo(
    0.000_373_3 + 0.000_002_8 + 0.000_025 + 0.000_006,
    6,
  );
});
