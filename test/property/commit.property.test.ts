/** Laws of a chain of commits: whatever a merge does to a directory, every version can be had again, exactly. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BLOCK_SIZE } from '../../lambdas/snapshot/blocks.ts';
import { totalLength } from '../../lambdas/snapshot/changes.ts';
import { changedBytes } from '../../lambdas/snapshot/commit.ts';
import { diff } from '../../lambdas/snapshot/diff.ts';
import { childAncestry } from '../../lambdas/snapshot/manifest.ts';
import { build, history, type Rewrite, RUNS, type Snapshot, steps } from './commit-chain.ts';
import { storedBytes } from './stored-bytes.ts';

describe('a chain of commits', () => {
  it('gives every version back from every other one: empty, older or newer, rewritten or not', () => {
    const rewrite = fc.constantFrom<Rewrite>('never', 'by rule', 'always');
    fc.assert(
      fc.property(history, rewrite, (history, rewrite) => {
        const { chain, versions } = build(history, rewrite);
        for (const from of versions) {
          for (const to of versions) {
            const directory = chain.apply(from.files, diff(from.manifest.files, to.manifest.files));
            expect(sorted(directory)).toEqual(sorted(to.files));
          }
        }
      }),
      RUNS,
    );
  });

  it('tiles every file with extents, in order, each beginning at a block and lying inside its frame', () => {
    fc.assert(
      fc.property(history, (history) => {
        const { versions } = build(history);
        for (const { manifest, files } of versions) {
          expect(manifest.files.map(({ path, size }) => [path, size])).toEqual(
            [...files].sort().map(([path, bytes]) => [path, bytes.length]),
          );
          for (const { size, extents } of manifest.files) {
            let at = 0;
            for (const { offset, length, frame, frameOffset } of extents) {
              expect(offset).toBe(at);
              expect(offset % BLOCK_SIZE).toBe(0);
              expect(frameOffset + length).toBeLessThanOrEqual(frame.rawLength);
              at += length;
            }
            expect(at).toBe(size);
          }
        }
      }),
      RUNS,
    );
  });

  it('moves nothing between equal directories', () => {
    fc.assert(
      fc.property(history, (history) => {
        const { chain, versions } = build(history);
        const last = versions.at(-1) as Snapshot;
        const same = chain.commit(last, last.files);
        const rewritten = chain.commit(last, last.files, 'always');
        for (const { manifest } of [last, same, rewritten]) {
          expect(diff(last.manifest.files, manifest.files)).toEqual({ removes: [], resizes: [], writes: [] });
        }
      }),
      RUNS,
    );
  });

  it('moves to a refreshing reader exactly the changed blocks', () => {
    fc.assert(
      fc.property(history, (history) => {
        for (const [base, next] of steps(build(history).versions)) {
          const { writes } = diff(base.manifest.files, next.manifest.files);
          expect(totalLength(writes)).toBe(changedBytes(next.scanned));
          for (const { path, changed } of next.scanned) {
            const ranges = writes.filter((write) => write.path === path);
            expect(joined(ranges)).toEqual(changed);
          }
        }
      }),
      RUNS,
    );
  });

  it('packs exactly the changed blocks, and nothing when nothing changed', () => {
    fc.assert(
      fc.property(history, (history) => {
        const { chain, versions } = build(history);
        for (const [, next] of steps(versions)) {
          const own = next.manifest.packs.filter((pack) => pack.key.includes(next.manifest.commitId));
          expect(storedBytes(own)).toBe(changedBytes(next.scanned));
          expect(chain.packs.has(`packs/docs/${next.manifest.commitId}-0.pack`)).toBe(own.length > 0);
        }
      }),
      RUNS,
    );
  });

  it('lists a pack exactly as long as some extent refers to it', () => {
    fc.assert(
      fc.property(history, (history) => {
        for (const { manifest } of build(history).versions) {
          const used = new Set(manifest.files.flatMap((file) => file.extents.map((extent) => extent.frame.packKey)));
          expect(new Set(manifest.packs.map((pack) => pack.key))).toEqual(used);
        }
      }),
      RUNS,
    );
  });

  it('rises by one version per commit, with its base as parent and first ancestor', () => {
    fc.assert(
      fc.property(history, (history) => {
        for (const [base, next] of steps(build(history).versions)) {
          expect(next.manifest).toMatchObject({ version: base.manifest.version + 1, parent: base.ref });
          expect(next.manifest.ancestry).toEqual(childAncestry(base.manifest));
        }
      }),
      RUNS,
    );
  });
});

function sorted(directory: Snapshot['files']): Array<[string, string]> {
  return [...directory].sort().map(([path, bytes]) => [path, bytes.toString('latin1')]);
}

/** Neighbouring ranges as one. */
function joined(ranges: ReadonlyArray<{ offset: number; length: number }>): Array<{ offset: number; length: number }> {
  const runs: Array<{ offset: number; length: number }> = [];
  for (const { offset, length } of ranges) {
    const last = runs.at(-1);
    if (last !== undefined && last.offset + last.length === offset) last.length += length;
    else runs.push({ offset, length });
  }
  return runs;
}
