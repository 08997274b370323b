/** Laws of the ledger: what a commit may forget about the deltas that it contains, and what it must not. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextLedger } from '../../lambdas/protocol/ledger.ts';
import { type DeltaStatus, type LedgerEntry, sameStatus, statusOf } from '../../lambdas/snapshot/ledger.ts';

const status: fc.Arbitrary<DeltaStatus> = fc.record({
  outcome: fc.constantFrom('applied', 'rejected'),
  version: fc.nat(3),
  sha256: fc.constantFrom('a'.repeat(64), 'b'.repeat(64)),
  rejectedOperations: fc.nat(2),
});
const rejection = fc.record({ line: fc.nat(9), error: fc.string(), reason: fc.string() });
const deltaId = fc.integer({ min: 1, max: 12 }).map((n) => `delta-${n}`);

function entryWith(id: fc.Arbitrary<string>): fc.Arbitrary<LedgerEntry> {
  return fc
    .tuple(id, status, fc.option(fc.array(rejection, { maxLength: 2 }), { nil: undefined }))
    .map(([deltaId, decided, rejections]) => ({ deltaId, ...decided, ...(rejections && { rejections }) }));
}

const world = fc.record({
  base: fc.uniqueArray(entryWith(deltaId), { selector: (entry) => entry.deltaId }),
  inbox: fc.uniqueArray(deltaId).map((ids) => new Set(ids)),
  statuses: fc.array(fc.tuple(deltaId, status)).map((entries) => new Map(entries)),
  applied: fc.uniqueArray(entryWith(deltaId.map((id) => `new-${id}`)), { selector: (entry) => entry.deltaId }),
});

describe('the next ledger', () => {
  it('keeps an entry exactly while its inbox object is present or its status absent', () => {
    fc.assert(
      fc.property(world, ({ base, inbox, statuses, applied }) => {
        const next = nextLedger(base, inbox, statuses, applied);
        for (const entry of base) {
          const settled = !inbox.has(entry.deltaId) && statuses.has(entry.deltaId);
          expect(next.includes(entry)).toBe(!settled);
        }
      }),
    );
  });

  it('has every newly applied delta, whatever the inbox and the statuses say', () => {
    fc.assert(
      fc.property(world, ({ base, inbox, statuses, applied }) => {
        expect(nextLedger(base, inbox, statuses, applied)).toEqual(expect.arrayContaining(applied));
      }),
    );
  });

  it('invents nothing, repeats nothing, and keeps the order: the base first, then the new', () => {
    fc.assert(
      fc.property(world, ({ base, inbox, statuses, applied }) => {
        const next = nextLedger(base, inbox, statuses, applied);
        expect(next).toEqual([...base, ...applied].filter((entry) => next.includes(entry)));
      }),
    );
  });

  it('leaves no delta without a trace: in the inbox, in the ledger, or with a status', () => {
    fc.assert(
      fc.property(world, ({ base, inbox, statuses, applied }) => {
        const listed = new Set(nextLedger(base, inbox, statuses, applied).map((entry) => entry.deltaId));
        for (const { deltaId } of base) expect(listed.has(deltaId) || statuses.has(deltaId)).toBe(true);
      }),
    );
  });

  it('still knows every delta that lies in the inbox and was applied: it cannot be applied twice', () => {
    fc.assert(
      fc.property(world, ({ base, inbox, statuses, applied }) => {
        const listed = new Set(nextLedger(base, inbox, statuses, applied).map((entry) => entry.deltaId));
        for (const { deltaId } of base) if (inbox.has(deltaId)) expect(listed.has(deltaId)).toBe(true);
      }),
    );
  });

  it('changes none of what it was given', () => {
    fc.assert(
      fc.property(world, (given) => {
        const before = structuredClone(given);
        nextLedger(given.base, given.inbox, given.statuses, given.applied);
        expect(given).toEqual(before);
      }),
    );
  });
});

describe('a status', () => {
  it('is the entry without its id and its rejections', () => {
    fc.assert(
      fc.property(entryWith(deltaId), (entry) => {
        const { deltaId: _deltaId, rejections: _rejections, ...rest } = entry;
        expect(statusOf(entry)).toEqual(rest);
      }),
    );
  });

  it('is the same as another exactly when all four parts are', () => {
    fc.assert(
      fc.property(status, status, (a, b) => {
        expect(sameStatus(a, { ...a })).toBe(true);
        expect(sameStatus(a, b)).toBe(JSON.stringify(statusOfParts(a)) === JSON.stringify(statusOfParts(b)));
        expect(sameStatus(a, b)).toBe(sameStatus(b, a));
      }),
    );
  });

  function statusOfParts({ outcome, version, sha256, rejectedOperations }: DeltaStatus) {
    return [outcome, version, sha256, rejectedOperations];
  }
});
