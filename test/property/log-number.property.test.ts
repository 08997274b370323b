/** Laws of the log's numbers: as ids, in the order of an inbox, and in the manifests of successive versions. */
import fc from 'fast-check';
import { ulid } from 'ulid';
import { describe, expect, it } from 'vitest';
import { successionViolations } from '../../lambdas/protocol/invariants.ts';
import { type InboxEntry, plan, takeable } from '../../lambdas/protocol/plan.ts';
import { sha256 as sha256Of } from '../../lambdas/snapshot/blocks.ts';
import { deltaKey, logPrefix } from '../../lambdas/snapshot/keys.ts';
import type { LedgerEntry } from '../../lambdas/snapshot/ledger.ts';
import { numberedId, numberedMark, numberIn } from '../../lambdas/snapshot/log-number.ts';
import { childAncestry, decodeManifest, encodeManifest, type Manifest } from '../../lambdas/snapshot/manifest.ts';
import { rollbackManifest } from '../../lambdas/snapshot/rollback.ts';

const number = fc.oneof(fc.integer({ min: 1, max: 2_000 }), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }));
const SHA = 'a'.repeat(64);
const ulidOf = (n: number) => ulid(n, () => 0.5);

describe('a number as an id', () => {
  it('is read back, and is a ULID in shape', () => {
    fc.assert(
      fc.property(number, (n) => {
        const id = numberedId(n);
        expect(id).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
        expect(numberIn(id)).toBe(n);
        expect(deltaKey('books', id).startsWith(logPrefix('books'))).toBe(true);
      }),
    );
  });

  it('sorts as the number does, and before every ULID of a time', () => {
    fc.assert(
      fc.property(number, number, fc.integer({ min: 1, max: 2 ** 47 }), (a, b, time) => {
        expect(numberedId(a) < numberedId(b)).toBe(a < b);
        expect(numberedId(a) < ulid(time)).toBe(true);
        expect(numberIn(ulid(time))).toBeUndefined();
      }),
    );
  });

  it.each([0, -1, 1.5, Number.NaN, 2 ** 53])('%s is none', (n) => {
    expect(() => numberedId(n)).toThrow(RangeError);
  });

  it.each(['00000000000000000000000000', `0000000000${'Z'.repeat(16)}`, '0000000000', 'first', ''])(
    '"%s" is no number',
    (id) => expect(numberIn(id)).toBeUndefined(),
  );
});

/** Numbers and others, shuffled; times collide. */
const inbox = fc
  .uniqueArray(fc.oneof(fc.integer({ min: 1, max: 12 }).map(numberedId), fc.stringMatching(/^d[a-z]{1,2}$/)), {
    maxLength: 20,
  })
  .chain((ids) =>
    fc.tuple(...ids.map((deltaId) => fc.record({ deltaId: fc.constant(deltaId), lastModified: fc.nat(3) }))),
  )
  .map((found) =>
    found.map((entry): InboxEntry => ({ ...entry, size: 1, key: `deltas/docs/${entry.deltaId}`, etag: entry.deltaId })),
  );

describe('what may be taken of an inbox', () => {
  it('is every number without a gap, in order, and then what was dropped, whatever the times say', () => {
    fc.assert(
      fc.property(inbox, fc.nat(12), (entries, decided) => {
        const found = takeable(entries, decided).map(({ deltaId }) => numberIn(deltaId));
        const log = found.filter((n) => n !== undefined);
        const there = new Set(entries.map(({ deltaId }) => numberIn(deltaId)));
        const expected: number[] = [];
        for (let n = 1; n <= 12 && (n <= decided || there.has(n)); n++) if (there.has(n)) expected.push(n);
        expect(log).toEqual(expected);
        expect(found.slice(0, log.length)).toEqual(log);
        expect(found.length - log.length).toBe(entries.filter(({ deltaId }) => numberIn(deltaId) === undefined).length);
      }),
    );
  });

  it('is pending unless it is decided: by its number alone, whatever is remembered of it', () => {
    fc.assert(
      fc.property(inbox, fc.nat(12), (entries, decided) => {
        const status = { outcome: 'applied' as const, version: 9, sha256: SHA, rejectedOperations: 0 };
        const later = new Map([decided + 1, decided + 3].map((n) => [numberedId(n), status]));
        const { pending, decided: gone } = plan([], entries, later, decided);
        expect(pending).toEqual(
          takeable(entries, decided).filter(({ deltaId }) => (numberIn(deltaId) ?? 99) > decided),
        );
        expect(gone.every(({ deltaId }) => (numberIn(deltaId) ?? 99) <= decided)).toBe(true);
      }),
    );
  });

  it('is told alike by a part of the listing and by the whole of it', () => {
    fc.assert(
      fc.property(inbox, fc.nat(12), fc.nat(20), (entries, decided, cut) => {
        const inOrder = takeable(entries, decided);
        expect(takeable(inOrder.slice(0, cut), decided)).toEqual(inOrder.slice(0, cut));
      }),
    );
  });
});

const entry = (deltaId: string, version: number): LedgerEntry => {
  return { deltaId, version, outcome: 'applied', sha256: SHA, rejectedOperations: 0 };
};

function version(n: number, ledger: LedgerEntry[], numbered?: number): Manifest {
  const base: Manifest = {
    ...{ collection: 'books', version: n, commitId: ulidOf(n), parent: null, ancestry: [], space: 'l2', dimension: 2 },
    ...{ engine: null, records: 0, files: [], packs: [], ledger },
  };
  return { ...base, ...(numbered !== undefined && { numbered }) };
}

describe('a version', () => {
  const base = version(1, [], 4);
  const next = (ids: string[], numbered?: number) => ({
    ...version(
      2,
      ids.map((id) => entry(id, 2)),
      numbered,
    ),
    ancestry: childAncestry(base),
  });

  it.each([
    ['continues the log', [numberedId(5), numberedId(6), 'dropped'], 6],
    ['decides nothing of it', ['dropped'], 4],
    ['decides nothing', [], 4],
  ])('that %s may follow', (_, ids, numbered) => {
    expect(successionViolations(base, next(ids, numbered))).toEqual([]);
  });

  it.each([
    ['leaves a number out', [numberedId(6)], 6],
    ['repeats a number', [numberedId(4), numberedId(5)], 5],
    ['turns numbers round', [numberedId(6), numberedId(5)], 6],
    ['puts a dropped delta before a number', ['dropped', numberedId(5)], 5],
    ['forgets the mark', ['dropped'], undefined],
    ['lowers the mark', [], 3],
    ['decides a number and does not say so', [numberedId(5)], 4],
    ['says so of a number that it does not decide', [], 5],
  ])('that %s may not', (_, ids, numbered) => {
    expect(successionViolations(base, next(ids, numbered))).toHaveLength(1);
  });

  it('has the highest number of its base and its ledger', () => {
    expect(numberedMark(undefined, [entry('dropped', 1)])).toEqual({});
    expect(numberedMark(3, [entry('dropped', 1)])).toEqual({ numbered: 3 });
    expect(numberedMark(3, [entry(numberedId(5), 1), entry(numberedId(4), 1)])).toEqual({ numbered: 5 });
  });

  it('keeps the mark when it is a rollback', () => {
    const [current, target] = [version(7, [], 9), version(3, [], 2)];
    expect(rollbackManifest(current, { key: 'k', sha256: SHA }, target, ulidOf(8)).numbered).toBe(9);
    const unnumbered = rollbackManifest(version(7, []), { key: 'k', sha256: SHA }, target, ulidOf(8));
    expect('numbered' in unnumbered).toBe(false);
  });

  it('is of format 2 once its log has begun, and of format 1 before', () => {
    for (const [numbered, format] of [
      [undefined, 1],
      [4, 2],
    ] as const) {
      const manifest = version(1, [], numbered);
      const { bytes, sha256 } = encodeManifest(manifest);
      expect(JSON.parse(Buffer.from(bytes).toString()).format).toBe(format);
      expect(decodeManifest('key', bytes, sha256)).toEqual(manifest);
    }
  });

  it.each([
    [1, 4],
    [2, undefined],
    [2, 0],
    [3, 4],
  ])('of format %s with the mark %s is refused', (format, numbered) => {
    const stored = JSON.parse(Buffer.from(encodeManifest(version(1, [])).bytes).toString());
    const bytes = Buffer.from(JSON.stringify({ ...stored, format, numbered }));
    expect(() => decodeManifest('key', bytes, sha256Of(bytes))).toThrow('cannot be used');
  });
});
