/** Laws of retention: what may fall, what may not, and what is deleted in which order. */
import fc from 'fast-check';
import { decodeTime } from 'ulid';
import { describe, expect, it } from 'vitest';
import {
  fencedPointer,
  oldestRetained,
  type Retention,
  sealedAt,
  sealingTimes,
  sortListed,
} from '../../lambdas/protocol/retention.ts';
import { manifestKey, packKey } from '../../lambdas/snapshot/keys.ts';
import type { CommitRef } from '../../lambdas/snapshot/manifest.ts';
import { commitId, pointer, version } from '../support/arbitraries.ts';

const DAY = 86_400_000;
const HOUR = DAY / 24;
const NOW = Date.UTC(2030, 0, 1);
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** A commit id whose time is this. */
function idAt(ms: number): string {
  let time = '';
  for (let rest = Math.floor(ms), n = 0; n < 10; n++, rest = Math.floor(rest / 32)) time = ALPHABET[rest % 32] + time;
  return `${time}${'0'.repeat(16)}`;
}

/** Newest first; sealed at any time, in any order: clocks disagree. `before` is one of them, mostly the last. */
const history = fc
  .record({
    ages: fc.array(fc.integer({ min: -2 * DAY, max: 30 * DAY }), { minLength: 1, maxLength: 40 }),
    first: fc.nat(1_000),
    above: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(40)),
  })
  .map(({ ages, first, above }) => ({
    before: first + (above % ages.length),
    versions: ages.map((age, index): CommitRef => {
      return { version: first + ages.length - 1 - index, commitId: idAt(NOW - age) };
    }),
  }));
/** By ancestry alone, newest first. */
function oldest(versions: readonly CommitRef[], retainedFrom: number, retention: Retention, now: number): number {
  const version = versions[0]?.version ?? 0;
  return oldestRetained({ version, retainedFrom }, sealingTimes(versions, []), retention, now);
}
const retention = fc.record({ retainVersions: fc.integer({ min: 1, max: 50 }), retainDays: fc.nat(40) });

describe('the time of a commit', () => {
  it('is that of its ULID', () => {
    fc.assert(fc.property(commitId, (id) => sealedAt(id) === decodeTime(id)));
    expect(sealedAt('7ZZZZZZZZZ0000000000000000')).toBe(2 ** 48 - 1);
    fc.assert(fc.property(fc.nat(), (ms) => sealedAt(idAt(ms)) === ms));
  });
});

describe('the oldest retained version', () => {
  it('never falls, and the current version is always retained', () => {
    fc.assert(
      fc.property(history, retention, ({ versions, before }, retention) => {
        const kept = oldest(versions, before, retention, NOW);
        expect(kept).toBeGreaterThanOrEqual(before);
        expect(kept).toBeLessThanOrEqual(versions[0]?.version ?? 0);
      }),
    );
  });

  it('lies below everything that the count or the age retains, and not further below than that', () => {
    fc.assert(
      fc.property(history, retention, ({ versions, before }, retention) => {
        const replacedAt = (index: number) => decodeTime(versions[index - 1]?.commitId ?? '');
        const isDue = (_: CommitRef, index: number) =>
          index < retention.retainVersions || (index > 0 && replacedAt(index) >= NOW - retention.retainDays * DAY);
        // What was let go of before is nobody's reason to keep more.
        const isThere = ({ version }: CommitRef) => version >= before;
        const due = versions
          .filter(isDue)
          .filter(isThere)
          .map((ref) => ref.version);
        expect(oldest(versions, before, retention, NOW)).toBe(
          due.length === 0 ? versions[0]?.version : Math.min(...due),
        );
      }),
    );
  });

  it('does not fall either when commits come and time passes', () => {
    fc.assert(
      fc.property(history, retention, fc.nat(5), fc.nat(20 * DAY), ({ versions, before }, retention, more, passed) => {
        const first = oldest(versions, before, retention, NOW);
        const current = versions[0]?.version ?? 0;
        const newer = Array.from({ length: more }, (_, n) => ({
          version: current + more - n,
          commitId: idAt(NOW + passed),
        }));
        const walked = [...newer, ...versions].filter((ref) => ref.version >= first);
        expect(oldest(walked, first, retention, NOW + passed)).toBeGreaterThanOrEqual(first);
      }),
    );
  });

  it.each([
    { retainVersions: 3, retainDays: 0, expected: 7, why: 'the count alone' },
    { retainVersions: 1, retainDays: 4, expected: 4, why: 'the age alone' },
    { retainVersions: 8, retainDays: 4, expected: 2, why: 'the count, which reaches further' },
    { retainVersions: 2, retainDays: 6, expected: 2, why: 'the age, which reaches further' },
    { retainVersions: 1, retainDays: 0, expected: 9, why: 'neither: the current version alone' },
  ])('of ten daily versions is $expected by $why', ({ expected, ...retention }) => {
    const versions = Array.from({ length: 10 }, (_, n) => ({
      version: 9 - n,
      commitId: idAt(NOW - n * DAY - (n > 0 ? 0 : 1)),
    }));
    expect(oldest(versions, 0, retention, NOW)).toBe(expected);
  });

  it('keeps what was current for thirty days until an hour ago, whatever quick commits followed', () => {
    const versions = Array.from({ length: 14 }, (_, n) => ({
      version: 13 - n,
      commitId: idAt(n === 13 ? NOW - 30 * DAY : NOW - HOUR + (13 - n)),
    }));
    const kept = oldest(versions, 0, { retainVersions: 10, retainDays: 7 }, NOW);
    expect(kept).toBe(0);
    expect(oldest(versions, 0, { retainVersions: 10, retainDays: 7 }, NOW + 7 * DAY)).toBe(4);
  });

  it('goes by listed keys where no ancestor is named, and keeps more, never less, for those that were lost', () => {
    const list = (version: number, age: number) => ({ key: manifestKey('books', version, idAt(NOW - age)), size: 1 });
    const listed = [list(1, 9 * DAY), list(2, 9 * DAY), list(3, 5 * DAY), list(3, 9 * DAY), list(5, 0), list(8, 0)];
    const known = [
      { version: 7, commitId: idAt(NOW - 9 * DAY) },
      { version: 6, commitId: idAt(NOW - 9 * DAY) },
      { version: 5, commitId: idAt(NOW - 9 * DAY) },
    ];
    const at = (days: number) =>
      oldestRetained(
        { version: 7, retainedFrom: 0 },
        sealingTimes(known, listed),
        { retainVersions: 1, retainDays: days },
        NOW,
      );
    expect([at(4), at(6), at(10)]).toEqual([7, 2, 0]);
  });
});

describe('a fence', () => {
  it('changes nothing of the version, counts, carries its run, and never lets retainedFrom fall', () => {
    fc.assert(
      fc.property(pointer, commitId, fc.nat(), (pointer, runId, retainedFrom) => {
        const fenced = fencedPointer(pointer, runId, retainedFrom);
        expect(fenced).toEqual({
          ...pointer,
          fence: pointer.fence + 1,
          fencedBy: runId,
          retainedFrom: Math.max(retainedFrom, pointer.retainedFrom),
        });
      }),
    );
  });
});

describe('what was listed', () => {
  const COLLECTION = 'books';
  const key = fc.oneof(
    fc.tuple(version, commitId).map(([version, id]) => manifestKey(COLLECTION, version, id)),
    fc.tuple(commitId, fc.nat(3)).map(([id, n]) => packKey(COLLECTION, id, n)),
    fc.constantFrom('packs/books/README', 'manifests/books/1-x.json', 'manifests/books/a/b.json', 'packs/books/'),
  );
  const listing = fc
    .uniqueArray(key, { maxLength: 40 })
    .chain((keys) => fc.record({ keys: fc.constant(keys), reachable: fc.subarray(keys) }));

  it('is garbage exactly when it is one of ours and unreachable; everything else stays', () => {
    fc.assert(
      fc.property(listing, ({ keys, reachable }) => {
        const listed = keys.sort().map((key, size) => ({ key, size }));
        const { garbage, kept, strangers } = sortListed(listed, new Set(reachable));
        const isOurs = (key: string) => /\/\d{12}-\w{26}\.json$|\/\w{26}-\d\.pack$/.test(key);
        expect(strangers).toEqual(listed.map(({ key }) => key).filter((key) => !isOurs(key)));
        const expected = listed.filter(({ key }) => isOurs(key) && !reachable.includes(key));
        expect([...garbage].sort((a, b) => a.size - b.size)).toEqual(expected);
        expect(kept + garbage.length).toBe(listed.length);
      }),
    );
  });

  it('goes manifests first, and of each kind the oldest first', () => {
    fc.assert(
      fc.property(listing, ({ keys }) => {
        const listed = keys.sort().map((key) => ({ key, size: 1 }));
        const order = sortListed(listed, new Set()).garbage.map(({ key }) => key);
        const manifests = order.filter((key) => key.startsWith('manifests/'));
        expect(order.slice(0, manifests.length)).toEqual(manifests);
        const versions = manifests.map((key) => Number(key.slice('manifests/books/'.length).slice(0, 12)));
        expect(versions).toEqual([...versions].sort((a, b) => a - b));
        const sealed = order.slice(manifests.length).map((key) => sealedAt(key.slice('packs/books/'.length)));
        expect(sealed).toEqual([...sealed].sort((a, b) => a - b));
      }),
    );
  });
});
