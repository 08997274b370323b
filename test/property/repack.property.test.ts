/** Laws of repacking: when a commit writes a full pack set, and what that comes to. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BLOCK_SIZE } from '../../lambdas/snapshot/blocks.ts';
import { changedBytes, needsRepack, REPACK_RATIO, wholly } from '../../lambdas/snapshot/commit.ts';
import { liveBytes, storedBytes } from '../../lambdas/snapshot/manifest.ts';
import { type Edit, edited } from '../support/arbitraries.ts';
import { build, Chain, type Commit, history, RUNS, type Snapshot, steps } from './commit-chain.ts';

describe('repacking', () => {
  it('counts every byte of every file as changed, and nothing else', () => {
    fc.assert(
      fc.property(history, (history) => {
        for (const { scanned, files } of build(history).versions.slice(1) as Commit[]) {
          const whole = wholly(scanned);
          expect(changedBytes(whole)).toBe(totalSize(files));
          expect(whole.every(({ changed }) => changed.every(({ length }) => length > 0))).toBe(true);
          expect(whole.map(({ path, digests }) => [path, digests])).toEqual(
            scanned.map(({ path, digests }) => [path, digests]),
          );
        }
      }),
      RUNS,
    );
  });

  it('needs no older pack', () => {
    fc.assert(
      fc.property(history, (history) => {
        const { manifest } = build(history, 'always').versions.at(-1) as Commit;
        expect(manifest.packs.every((pack) => pack.key.includes(manifest.commitId))).toBe(true);
        expect(storedBytes(manifest.packs)).toBe(liveBytes(manifest.files));
      }),
      RUNS,
    );
  });

  it('keeps what is stored within twice the live snapshot, as long as its rule is obeyed', () => {
    fc.assert(
      fc.property(history, (history) => {
        for (const { manifest } of build(history, 'by rule').versions) {
          expect(storedBytes(manifest.packs)).toBeLessThanOrEqual(REPACK_RATIO * liveBytes(manifest.files));
        }
      }),
      RUNS,
    );
  });

  it('is never asked for by a first commit, nor by a change that leaves at most twice the live bytes', () => {
    fc.assert(
      fc.property(history, (history) => {
        for (const [base, { scanned, files }] of steps(build(history).versions)) {
          const after = storedBytes(base.manifest.packs) + changedBytes(scanned);
          const expected = base.manifest.packs.length > 0 && after > REPACK_RATIO * totalSize(files);
          expect(needsRepack(base.manifest, scanned)).toBe(expected);
        }
      }),
      RUNS,
    );
  });

  it('is asked for once dead blocks outweigh live ones', () => {
    const chain = new Chain();
    let version: Snapshot = chain.commit(chain.empty(), new Map([['a', Buffer.alloc(4 * BLOCK_SIZE, 9)]]));
    const packs = [3, 1, 2].map((blocks) => {
      const change: Edit = { path: 'a', kind: 'write', at: 0, length: blocks * BLOCK_SIZE, seed: blocks };
      version = chain.commit(version, edited(version.files, [change]), 'by rule');
      return version.manifest.packs.length;
    });
    // 4 live blocks: 4 + 3 stored, then 8, then 10, which is more than twice as much.
    expect(packs).toEqual([2, 3, 1]);
  });
});

function totalSize(directory: Snapshot['files']): number {
  return [...directory.values()].reduce((sum, bytes) => sum + bytes.length, 0);
}
