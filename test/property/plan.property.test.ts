/** Laws of the plan: what is pending, what is decided already, and what fits into one commit. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byArrival, deltaCap, type InboxEntry, plan, selectBatch } from '../../lambdas/protocol/plan.ts';
import type { DeltaStatus, LedgerEntry } from '../../lambdas/snapshot/ledger.ts';

const STATUS: DeltaStatus = { outcome: 'applied', version: 1, sha256: 'a'.repeat(64), rejectedOperations: 0 };

const deltaId = fc.integer({ min: 1, max: 15 }).map((n) => `d${n}`);
/** Times collide often, as they do in a store that counts whole seconds. */
const inbox = fc.uniqueArray(
  fc.record({ deltaId, size: fc.nat(40), lastModified: fc.nat(4) }).map((entry): InboxEntry => {
    return { ...entry, key: `deltas/docs/${entry.deltaId}`, etag: `"${entry.deltaId}"` };
  }),
  { selector: (entry) => entry.deltaId },
);
const ledger = fc.uniqueArray(deltaId).map((ids) => ids.map((deltaId): LedgerEntry => ({ deltaId, ...STATUS })));
const statuses = fc.uniqueArray(deltaId).map((ids) => new Map(ids.map((id) => [id, STATUS] as const)));

describe('a plan', () => {
  it('counts every inbox object either as pending or as decided, and none as both', () => {
    fc.assert(
      fc.property(ledger, inbox, statuses, (ledger, inbox, statuses) => {
        const { pending, decided } = plan(ledger, inbox, statuses);
        expect([...pending, ...decided].sort(byId)).toEqual([...inbox].sort(byId));
      }),
    );
  });

  it('has as pending exactly what is neither in the ledger nor has a status', () => {
    fc.assert(
      fc.property(ledger, inbox, statuses, (ledger, inbox, statuses) => {
        const known = new Set([...ledger.map((entry) => entry.deltaId), ...statuses.keys()]);
        const { pending, decided } = plan(ledger, inbox, statuses);
        expect(pending.some((entry) => known.has(entry.deltaId))).toBe(false);
        expect(decided.every((entry) => known.has(entry.deltaId))).toBe(true);
      }),
    );
  });

  it('has as unreported exactly the ledger entries without a status, in their order', () => {
    fc.assert(
      fc.property(ledger, inbox, statuses, (ledger, inbox, statuses) => {
        const expected = ledger.filter((entry) => !statuses.has(entry.deltaId));
        expect(plan(ledger, inbox, statuses).unreported).toEqual(expected);
      }),
    );
  });

  it('orders what is pending by arrival and then by id, however the inbox was listed', () => {
    const listed = inbox.chain((entries) =>
      fc.tuple(fc.constant(entries), fc.shuffledSubarray(entries, { minLength: entries.length })),
    );
    fc.assert(
      fc.property(ledger, listed, statuses, (ledger, [entries, shuffled], statuses) => {
        const { pending } = plan(ledger, entries, statuses);
        expect(plan(ledger, shuffled, statuses).pending).toEqual(pending);
        pending.slice(1).forEach((entry, index) => {
          const before = pending[index] as InboxEntry;
          const inOrder =
            before.lastModified < entry.lastModified ||
            (before.lastModified === entry.lastModified && before.deltaId < entry.deltaId);
          expect(inOrder).toBe(true);
        });
      }),
    );
  });

  it('changes none of what it was given', () => {
    fc.assert(
      fc.property(ledger, inbox, statuses, (...given) => {
        const before = structuredClone(given);
        plan(...given);
        expect(given).toEqual(before);
      }),
    );
  });
});

describe('the order of arrival', () => {
  it('is total: of two different deltas exactly one comes first', () => {
    fc.assert(
      fc.property(inbox, (inbox) => {
        for (const a of inbox) {
          for (const b of inbox) expect(Math.sign(byArrival(a, b))).toBe(a === b ? 0 : -Math.sign(byArrival(b, a)));
        }
      }),
    );
  });
});

describe('a batch', () => {
  const caps = fc.record({ maxDeltas: fc.integer({ min: 1, max: 8 }), maxBytes: fc.nat(100) });

  it('is a prefix of what is pending, within both caps, or one delta that alone exceeds them', () => {
    fc.assert(
      fc.property(inbox, caps, (pending, limits) => {
        const { maxDeltas, maxBytes } = limits;
        const batch = selectBatch(pending, limits);
        expect(batch).toEqual(pending.slice(0, batch.length));
        expect(batch.length).toBeLessThanOrEqual(maxDeltas);
        if (batch.length > 1) expect(bytes(batch)).toBeLessThanOrEqual(maxBytes);
      }),
    );
  });

  it('makes headway: it is empty only when nothing is pending', () => {
    fc.assert(
      fc.property(inbox, caps, (pending, limits) => {
        expect(selectBatch(pending, limits).length > 0).toBe(pending.length > 0);
      }),
    );
  });

  it('leaves out nothing that would have fitted', () => {
    fc.assert(
      fc.property(inbox, caps, (pending, limits) => {
        const { maxDeltas, maxBytes } = limits;
        const { length } = selectBatch(pending, limits);
        const next = pending.slice(0, length + 1);
        if (next.length > length) expect(next.length > maxDeltas || bytes(next) > maxBytes).toBe(true);
      }),
    );
  });
});

describe('the cap on deltas per commit', () => {
  it('is halved by every failed merge, never rises, and stays at one in the end', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), fc.nat(2_000), (maxDeltas, failures) => {
        const cap = deltaCap(maxDeltas, failures);
        expect(deltaCap(maxDeltas, 0)).toBe(maxDeltas);
        expect(deltaCap(maxDeltas, failures + 1)).toBe(Math.max(1, Math.floor(cap / 2)));
        expect(Number.isInteger(cap) && cap >= 1).toBe(true);
      }),
    );
  });

  it('reaches one within the merge failures that an execution allows, from the default of 500', () => {
    expect([0, 1, 2, 7, 8].map((failures) => deltaCap(500, failures))).toEqual([500, 250, 125, 3, 1]);
  });
});

function byId(a: InboxEntry, b: InboxEntry): number {
  return a.deltaId < b.deltaId ? -1 : 1;
}

function bytes(entries: readonly InboxEntry[]): number {
  return entries.reduce((sum, entry) => sum + entry.size, 0);
}
