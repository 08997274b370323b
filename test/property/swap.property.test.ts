/** Laws of the swap: who may call it lost, and what must hold before it is made. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { successionViolations, swapViolations } from '../../lambdas/protocol/invariants.ts';
import type { Pointer } from '../../lambdas/protocol/pointer.ts';
import { judgeSwap, type ObservedPointer } from '../../lambdas/protocol/swap.ts';
import type { LedgerEntry } from '../../lambdas/snapshot/ledger.ts';
import { childAncestry, type Manifest } from '../../lambdas/snapshot/manifest.ts';
import { commitId, pointer } from '../support/arbitraries.ts';

const PLANNED = { baseVersion: 7, baseEtag: '"base"', commitId: 'ours' };

describe('the judgement of a swap', () => {
  const ours = { commitId: 'ours' };
  const theirs = { commitId: 'theirs' };

  it.each<[etag: string, successor: ObservedPointer['successor'], outcome: string]>([
    ['"base"', 'none', 'open'],
    ['"base"', 'unknown', 'open'],
    ['"moved"', ours, 'committed'],
    ['"moved"', theirs, 'conflict'],
    ['"moved"', 'none', 'conflict'],
    ['"moved"', 'unknown', 'unknown'],
  ])('with the pointer at %s and %j at base + 1 is %s', (etag, successor, outcome) => {
    expect(judgeSwap(PLANNED, { version: 8, etag, successor })).toBe(outcome);
  });

  it('is never a conflict while the planned ETag stands, nor when our commit was found, nor when nobody knows', () => {
    const observed = fc.record({
      version: fc.nat(20),
      etag: fc.constantFrom('"base"', '"moved"'),
      successor: fc.oneof(fc.constantFrom('none' as const, 'unknown' as const), fc.constantFrom(ours, theirs)),
    });
    fc.assert(
      fc.property(observed, (observed) => {
        const outcome = judgeSwap(PLANNED, observed);
        const proven = observed.etag !== '"base"' && observed.successor !== ours && observed.successor !== 'unknown';
        expect(outcome === 'conflict').toBe(proven);
        expect(outcome === 'committed').toBe(observed.etag !== '"base"' && observed.successor === ours);
      }),
    );
  });
});

describe('the invariants of a swap', () => {
  /** A pointer and a lawful successor. */
  const pair = fc
    .tuple(pointer, commitId, fc.nat(1_000), fc.nat(1_000), fc.nat(1_000), fc.integer({ min: 1, max: 9 }))
    .filter(([pointer, commitId]) => pointer.commitId !== commitId)
    .map(([pointer, commitId, version, age, token, rise]): [Pointer, Pointer] => {
      const base = { ...pointer, version, token, retainedFrom: Math.max(0, version - age) };
      return [base, { ...base, version: version + 1, commitId, token: token + rise }];
    });

  it('all hold between a pointer and its lawful successor', () => {
    fc.assert(
      fc.property(pair, ([base, next]) => {
        expect(swapViolations(base, next)).toEqual([]);
      }),
    );
  });

  const breaches: Array<[string, (base: Pointer, next: Pointer) => void, RegExp]> = [
    ['the collection', (_base, next) => Object.assign(next, { collection: `${next.collection}x` }), /collection/],
    ['a version that stays', (_base, next) => next.version--, /version goes/],
    ['a version that leaps', (_base, next) => next.version++, /version goes/],
    ['the commit id of the base', (base, next) => Object.assign(next, { commitId: base.commitId }), /commit id/],
    ['a token that stays', (base, next) => Object.assign(next, { token: base.token }), /token/],
    ['a token that falls', (base, next) => Object.assign(next, { token: base.token - 1 }), /token/],
    ['a fence that falls', (_base, next) => next.fence--, /fence/],
    ['a fence that rises', (_base, next) => next.fence++, /fence/],
    ['retainedFrom', (base) => base.retainedFrom--, /retainedFrom changes/],
    [
      'retainedFrom above the version',
      (base, next) => Object.assign(base, { retainedFrom: Object.assign(next, { retainedFrom: 5_000 }).retainedFrom }),
      /retainedFrom lies above/,
    ],
    ['the status table', (_base, next) => Object.assign(next, { statusTable: `${next.statusTable}x` }), /status table/],
  ];

  it.each(breaches)('name the one that is broken by %s, and no other', (_what, breach, name) => {
    fc.assert(
      fc.property(pair, ([base, next]) => {
        breach(base, next);
        expect(swapViolations(base, next)).toEqual([expect.stringMatching(name)]);
      }),
      { numRuns: 20 },
    );
  });
});

describe('the invariants of a succession', () => {
  const entry = (deltaId: string, version: number): LedgerEntry => ({
    deltaId,
    version,
    outcome: 'applied',
    sha256: 'a'.repeat(64),
    rejectedOperations: 0,
  });
  /** Versions 4 and 5: `kept` stays in the ledger, `settled` is dropped, `new` is applied. */
  function lawful(): { base: Manifest; next: Manifest } {
    const base: Manifest = {
      collection: 'docs',
      version: 4,
      commitId: '4'.repeat(26),
      parent: { key: 'k3', sha256: '3'.repeat(64) },
      ancestry: [{ version: 3, commitId: '3'.repeat(26) }],
      space: 'l2',
      dimension: 2,
      engine: null,
      records: 1,
      files: [],
      packs: [],
      ledger: [entry('kept', 4), entry('settled', 3)],
    };
    const next: Manifest = {
      ...base,
      version: 5,
      commitId: '5'.repeat(26),
      parent: { key: 'k4', sha256: '4'.repeat(64) },
      ancestry: childAncestry(base),
      ledger: [entry('kept', 4), entry('new', 5)],
    };
    return { base, next };
  }

  it('all hold between a manifest and its lawful successor', () => {
    const { base, next } = lawful();
    expect(successionViolations(base, next)).toEqual([]);
  });

  const breaches: Array<[string, (next: Manifest) => void, RegExp[]]> = [
    ['another collection', (next) => Object.assign(next, { collection: 'other' }), [/collection/]],
    ['a version that leaps', (next) => next.version++, [/version goes/]],
    ['an ancestry without the parent', (next) => next.ancestry.shift(), [/ancestry/]],
    ['no ancestry', (next) => Object.assign(next, { ancestry: [] }), [/ancestry/]],
    ['a parent of another commit', (next) => Object.assign(next.ancestry[0] ?? {}, { commitId: 'x' }), [/ancestry/]],
    ['a parent of another version', (next) => Object.assign(next.ancestry[0] ?? {}, { version: 3 }), [/ancestry/]],
    ['another dimension', (next) => next.dimension++, [/dimension or space/]],
    ['another space', (next) => Object.assign(next, { space: 'ip' }), [/dimension or space/]],
    ['a delta that stands twice in the ledger', (next) => next.ledger.push(entry('new', 5)), [/twice/]],
    ['a delta of the base applied again', (next) => next.ledger.push(entry('settled', 5)), [/applied again/]],
    ['a kept delta applied again', (next) => next.ledger.push(entry('kept', 5)), [/twice/, /applied again/]],
    ['a ledger entry from the future', (next) => next.ledger.push(entry('later', 6)), [/future/]],
  ];

  it.each(breaches)('name what is broken by %s, and nothing else', (_what, breach, names) => {
    const { base, next } = structuredClone(lawful());
    breach(next);
    expect(successionViolations(base, next)).toEqual(names.map((name) => expect.stringMatching(name)));
  });
});
