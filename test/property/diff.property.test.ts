/** Laws of extents: what a file's bytes come from, followed byte by byte. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { append, changedExtents, diff, slice, weave } from '../../lambdas/snapshot/diff.ts';
import type { Extent, Frame } from '../../lambdas/snapshot/frames.ts';
import type { SnapshotFile } from '../../lambdas/snapshot/manifest.ts';

const FRAMES: Frame[] = ['p', 'q'].flatMap((packKey) =>
  [0, 50].map((offset) => ({ packKey, offset, length: 50, rawLength: 100, sha256: `${packKey}${offset}` })),
);

/** Extents that tile 0..n, from pieces; neighbours may or may not continue each other in the frame. */
const tiling: fc.Arbitrary<Extent[]> = fc
  .array(
    fc.record({ length: fc.integer({ min: 1, max: 6 }), frame: fc.constantFrom(...FRAMES), frameOffset: fc.nat(9) }),
    {
      maxLength: 6,
    },
  )
  .map((pieces) => {
    let offset = 0;
    return pieces.map((piece) => {
      const extent = { offset, ...piece };
      offset += piece.length;
      return extent;
    });
  });

/** Parts of a tiling, in order. */
const patches = fc
  .tuple(tiling, fc.infiniteStream(fc.boolean()))
  .map(([extents, keep]) => extents.filter(() => keep.next().value));

/** Where each byte of a file comes from, `undefined` where no extent lies. */
function sources(extents: readonly Extent[]): Array<string | undefined> {
  const bytes: Array<string | undefined> = [];
  for (const { offset, length, frame, frameOffset } of extents) {
    for (let i = 0; i < length; i++) bytes[offset + i] = `${frame.packKey}@${frame.offset}+${frameOffset + i}`;
  }
  return bytes;
}

function end(extents: readonly Extent[]): number {
  return extents.reduce((sum, extent) => Math.max(sum, extent.offset + extent.length), 0);
}

/** In file order, without overlaps, and no two that could be one. */
function expectNormal(extents: readonly Extent[]): void {
  extents.forEach((extent, index) => {
    expect(extent.length).toBeGreaterThan(0);
    const next = extents[index + 1];
    if (next === undefined) return;
    expect(next.offset).toBeGreaterThanOrEqual(extent.offset + extent.length);
    const joined: Extent[] = [];
    append(joined, extent);
    append(joined, next);
    expect(joined.length).toBe(2);
  });
}

describe('weaving', () => {
  it('takes each byte from the fresh extents where they lie, and from the base everywhere else', () => {
    fc.assert(
      fc.property(tiling, patches, fc.nat(40), (base, fresh, cut) => {
        // Prepare: what is beyond the base must be fresh.
        const size = Math.max(end(fresh), Math.min(cut, end(base)));
        const covered = fresh.reduce(
          (covered, extent) => (extent.offset <= covered ? Math.max(covered, end([extent])) : covered),
          end(base),
        );
        fc.pre(covered >= size);
        const expected = sources(base).slice(0, size);
        sources(fresh).forEach((source, at) => {
          if (source !== undefined) expected[at] = source;
        });
        // Act
        const woven = weave(base, fresh, size);
        // Assess
        expect(sources(woven)).toEqual(expected);
        expectNormal(woven);
      }),
    );
  });

  it('changes none of the extents that it was given', () => {
    fc.assert(
      fc.property(tiling, patches, (base, fresh) => {
        const before = structuredClone([base, fresh]);
        weave(base, fresh, end(fresh));
        changedExtents(base, fresh);
        expect([base, fresh]).toEqual(before);
      }),
    );
  });
});

describe('changed extents', () => {
  it('are exactly the bytes of the target that come from somewhere else than in the base', () => {
    fc.assert(
      fc.property(tiling, tiling, (base, target) => {
        const before = sources(base);
        const expected = sources(target).map((source, at) => (source === before[at] ? undefined : source));
        const changed = changedExtents(base, target);
        expect(Array.from({ length: expected.length }, (_, at) => sources(changed)[at])).toEqual(expected);
        expectNormal(changed);
      }),
    );
  });

  it('are the fresh ones again after weaving them into the base', () => {
    fc.assert(
      fc.property(tiling, patches, (base, fresh) => {
        fc.pre(end(fresh) <= end(base));
        const before = sources(base);
        const moved = sources(fresh).map((source, at) => (source === before[at] ? undefined : source));
        const found = sources(changedExtents(base, weave(base, fresh, end(base))));
        moved.forEach((source, at) => {
          expect(found[at]).toBe(source);
        });
      }),
    );
  });

  it('of a tiling and itself are none, however its extents are cut', () => {
    fc.assert(
      fc.property(tiling, fc.integer({ min: 1, max: 4 }), (extents, step) => {
        const cut = extents.flatMap((extent) => {
          const parts: Extent[] = [];
          for (let at = extent.offset; at < end([extent]); at += step) {
            parts.push(slice(extent, at, Math.min(at + step, end([extent]))));
          }
          return parts;
        });
        expect(changedExtents(cut, extents)).toEqual([]);
        expect(changedExtents(extents, cut)).toEqual([]);
      }),
    );
  });
});

describe('the difference of two directories', () => {
  const file = (path: string) =>
    tiling.map(
      (extents): SnapshotFile => ({ path, size: end(extents), digest: JSON.stringify(sources(extents)), extents }),
    );
  const directory = fc
    .tuple(...['a', 'b', 'c'].map((path) => fc.option(file(path), { nil: undefined })))
    .map((files) => files.filter((entry) => entry !== undefined));

  it('removes, resizes and writes exactly what turns the one into the other', () => {
    fc.assert(
      fc.property(directory, directory, (base, target) => {
        const { removes, resizes, writes } = diff(base, target);
        const result = new Map(base.map((entry) => [entry.path, sources(entry.extents)]));
        for (const path of removes) result.delete(path);
        for (const { path, size } of resizes) {
          result.set(
            path,
            Array.from({ length: size }, (_, at) => result.get(path)?.[at]),
          );
        }
        for (const { path, ...extent } of writes) {
          const bytes = result.get(path);
          sources([extent]).forEach((source, at) => {
            bytes?.splice(at, 1, source);
          });
        }
        expect([...result].sort()).toEqual(target.map((entry) => [entry.path, sources(entry.extents)]).sort());
      }),
    );
  });

  it('of a directory and itself is empty', () => {
    fc.assert(
      fc.property(directory, (files) => {
        expect(diff(files, structuredClone(files))).toEqual({ removes: [], resizes: [], writes: [] });
      }),
    );
  });

  it('writes nothing for a file whose content is the same, wherever it is stored now', () => {
    fc.assert(
      fc.property(file('a'), (stored) => {
        const frame = { ...(FRAMES[0] as Frame), packKey: 'elsewhere' };
        const moved = { ...stored, extents: stored.extents.map((extent) => ({ ...extent, frame })) };
        expect(diff([stored], [moved]).writes).toEqual([]);
      }),
    );
  });
});
