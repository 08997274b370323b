/** Laws of execution names: legal, repeatable, and never shared by accident. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { executionName, successorName, timeSlotName } from '../../lambdas/protocol/execution-name.ts';
import { collection } from '../support/arbitraries.ts';

const ARN = 'arn:aws:states:eu-central-1:123456789012:execution:compaction:docs-1';
const identity = fc.oneof(fc.uuid(), fc.string({ unit: 'grapheme-ascii' }), fc.constant(ARN));
const what = fc.constantFrom('next', 'wake', 'at-2031-12-31-23-59');
const instant = fc.integer({ min: 0, max: Date.UTC(2100, 0, 1) });

describe('the name of an execution', () => {
  it('has at most 80 characters, all of them legal in Step Functions', () => {
    const legal = /^[A-Za-z0-9_-]{1,80}$/;
    fc.assert(
      fc.property(collection, what, identity, instant, (collection, what, identity, instant) => {
        expect(executionName(collection, what, identity)).toMatch(legal);
        expect(successorName(collection, identity)).toMatch(legal);
        expect(timeSlotName(collection, instant)).toMatch(legal);
      }),
    );
  });

  it('is the same for the same input', () => {
    fc.assert(
      fc.property(collection, what, identity, (collection, what, identity) => {
        expect(executionName(collection, what, identity)).toBe(executionName(collection, what, identity));
      }),
    );
  });

  it('is another one for any other input', () => {
    const input = fc.tuple(collection, what, identity);
    fc.assert(
      fc.property(input, input, (a, b) => {
        expect(executionName(...a) === executionName(...b)).toBe(a.every((part, index) => part === b[index]));
      }),
    );
  });

  it('tells collections apart that differ only in what is cut off or replaced', () => {
    const long = 'x'.repeat(127);
    const names = [`${long}a`, `${long}b`, 'a.b', 'a-b', 'a_b'].map((collection) => successorName(collection, ARN));
    expect(new Set(names).size).toBe(names.length);
  });

  it('begins with the collection, as far as it fits', () => {
    expect(successorName('my.docs', ARN)).toMatch(/^my-docs-next-[0-9a-f]{16}$/);
    expect(timeSlotName('x'.repeat(128), 0)).toMatch(/^x{43}-at-1970-01-01-00-00-[0-9a-f]{16}$/);
  });

  it('of a time slot is the same throughout a minute, and another one in every other minute', () => {
    fc.assert(
      fc.property(collection, instant, instant, (collection, a, b) => {
        const sameMinute = Math.floor(a / 60_000) === Math.floor(b / 60_000);
        expect(timeSlotName(collection, a) === timeSlotName(collection, b)).toBe(sameMinute);
        const start = a - (a % 60_000);
        expect(timeSlotName(collection, start + 59_999)).toBe(timeSlotName(collection, start));
      }),
    );
  });
});
