/** A part of a listing, up to a horizon, gives the same commits as the whole of it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { horizonsOf, withinHorizon } from '../../lambdas/inbox/horizon.ts';
import { type InboxEntry, selectBatch, takeable } from '../../lambdas/protocol/plan.ts';
import { deltaKey } from '../../lambdas/snapshot/keys.ts';
import { numberedId } from '../../lambdas/snapshot/log-number.ts';

const LIMITS = { maxDeltas: 3, maxBytes: 100 };

function entry(deltaId: string, lastModified: number, size: number): InboxEntry {
  return { deltaId, key: deltaKey('pets', deltaId), size, etag: `"${deltaId}"`, lastModified };
}

/** Few moments, so that many arrive in the same; sizes of which some fill a commit. */
const moment = fc.integer({ min: 1, max: 6 });
const size = fc.constantFrom(1, 30, 120);
const dropped = fc
  .uniqueArray(fc.tuple(fc.integer({ min: 10, max: 99 }), moment, size), { selector: ([id]) => id, maxLength: 25 })
  .map((all) => all.map(([id, at, bytes]) => entry(`d${id}`, at, bytes)));
const log = fc
  .array(fc.tuple(moment, size), { maxLength: 8 })
  .map((all) => all.map(([at, bytes], n) => entry(numberedId(n + 1), at, bytes)));
const inboxes = fc.tuple(log, dropped).map((both) => both.flat().sort((a, b) => (a.deltaId < b.deltaId ? -1 : 1)));

/** What a listing that ends at the horizon has. */
const upTo = (inbox: readonly InboxEntry[], to: string) => inbox.filter(({ deltaId }) => deltaId <= to);
const idsOf = (entries: readonly InboxEntry[]) => entries.map(({ deltaId }) => deltaId);
const without = (inbox: readonly InboxEntry[], gone: ReadonlySet<string>) =>
  inbox.filter(({ deltaId }) => !gone.has(deltaId));

describe('horizons', () => {
  it('give the commits that whole listings would give, whatever order the keys have', () => {
    fc.assert(
      fc.property(inboxes, (inbox) => {
        const gone = new Set<string>();
        let numbered = 0;
        for (const horizon of horizonsOf(takeable(inbox), LIMITS, 50)) {
          const left = without(inbox, gone);
          const whole = selectBatch(takeable(left, numbered), LIMITS);
          const part = selectBatch(takeable(withinHorizon(upTo(left, horizon.to), horizon), numbered), LIMITS);
          expect(idsOf(part)).toEqual(idsOf(whole));
          for (const { deltaId } of part) gone.add(deltaId);
          numbered += part.filter(({ deltaId }) => deltaId.startsWith('0')).length;
          expect(inbox.length - gone.size).toBe(horizon.behind);
        }
      }),
    );
  });

  it('let a commit that takes less be followed by its rest', () => {
    fc.assert(
      fc.property(
        dropped,
        fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 10, maxLength: 10 }),
        (inbox, caps) => {
          const gone: string[] = [];
          for (const [n, horizon] of horizonsOf(takeable(inbox), LIMITS, 10).entries()) {
            const left = without(inbox, new Set(gone));
            const limits = { ...LIMITS, maxDeltas: caps[n] as number };
            gone.push(...idsOf(selectBatch(takeable(withinHorizon(upTo(left, horizon.to), horizon)), limits)));
          }
          expect(gone).toEqual(idsOf(takeable(inbox)).slice(0, gone.length));
        },
      ),
    );
  });

  it('leave what came later, whatever its key, until they are passed', () => {
    fc.assert(
      fc.property(inboxes, dropped, (inbox, more) => {
        const known = new Set(idsOf(inbox));
        const later = without(more, known).map((one) => ({ ...one, lastModified: 7 }));
        for (const horizon of horizonsOf(takeable(inbox), LIMITS, 50)) {
          const part = withinHorizon(upTo([...inbox, ...later], horizon.to), horizon);
          expect(part.every(({ deltaId }) => known.has(deltaId))).toBe(true);
        }
      }),
    );
  });

  it('are none for a commit that is not full, and no more than asked for', () => {
    fc.assert(
      fc.property(inboxes, fc.integer({ min: 1, max: 3 }), (inbox, most) => {
        const horizons = horizonsOf(takeable(inbox), LIMITS, most);
        expect(horizons.length).toBeLessThanOrEqual(most);
        expect(horizons.every(({ behind }) => behind > 0)).toBe(true);
        if (selectBatch(takeable(inbox), LIMITS).length === inbox.length) expect(horizons).toEqual([]);
      }),
    );
  });
});
