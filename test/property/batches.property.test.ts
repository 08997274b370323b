/** Laws of cutting what is sent to Chroma into requests. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { batches, patienceMs } from '../../lambdas/adapters/chroma/batches.ts';

const items = fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 30 });
const limits = fc.record({ maxItems: fc.integer({ min: 1, max: 5 }), maxBytes: fc.integer({ min: 1, max: 20 }) });

it('puts every item into one request, in order, within both limits unless it is alone', () => {
  fc.assert(
    fc.property(items, limits, (items, limits) => {
      const found = [...batches(items, (bytes) => bytes, limits)];

      expect(found.flatMap((batch) => batch.items)).toEqual(items);
      for (const batch of found) {
        expect(batch.bytes).toBe(batch.items.reduce((sum, bytes) => sum + bytes, 0));
        expect(batch.items.length).toBeGreaterThan(0);
        expect(batch.items.length).toBeLessThanOrEqual(limits.maxItems);
        expect(batch.items.length === 1 || batch.bytes <= limits.maxBytes).toBe(true);
      }
    }),
  );
});

it('starts no request as long as the next item fits into the last one', () => {
  fc.assert(
    fc.property(items, limits, (items, limits) => {
      const found = [...batches(items, (bytes) => bytes, limits)];

      for (const [
        n,
        {
          items: [first = 0],
        },
      ] of found.entries()) {
        const before = found[n - 1];
        if (before === undefined) continue;
        const isFull = before.items.length === limits.maxItems || before.bytes + first > limits.maxBytes;
        expect(isFull).toBe(true);
      }
    }),
  );
});

it('waits longer for a request that sends more', () => {
  expect(patienceMs(60_000, 0)).toBe(60_000);
  expect(patienceMs(60_000, 4 * 1024 * 1024)).toBe(120_000);
});
