/** Laws of packs: what goes in comes out, in frames of bounded size. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BLOCK_SIZE, sha256 } from '../../lambdas/snapshot/blocks.ts';
import { FRAME_SIZE, type Frame, isFrame } from '../../lambdas/snapshot/frames.ts';
import { PackBuilder } from '../../lambdas/snapshot/pack.ts';
import { openStored } from '../support/memory-codec.ts';
import { placed } from '../support/placed.ts';

const KEY = 'packs/docs/01ARZ3NDEKTSV4RRFFQ69G5FAV-0.pack';

/** Changed ranges: each begins at a block of its file, and any may end inside one, as the last of a file does. */
const ranges = fc.array(
  fc.record({
    path: fc.constantFrom('a', 'b'),
    gap: fc.nat(3),
    length: fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 1, max: 3 * BLOCK_SIZE }) },
      { weight: 1, arbitrary: fc.integer({ min: FRAME_SIZE - BLOCK_SIZE, max: 2 * FRAME_SIZE + 5 }) },
    ),
    seed: fc.nat(255),
  }),
  { maxLength: 8 },
);
type Piece = { path: string; offset: number; bytes: Uint8Array };
type Range = { path: string; gap: number; length: number; seed: number };

/** In file order, with content whose period is no divisor of a block, so that misplaced bytes show. */
function piecesOf(ranges: readonly Range[]): Piece[] {
  const ends = new Map<string, number>();
  return ranges.map(({ path, gap, length, seed }) => {
    const offset = ((ends.get(path) ?? 0) + gap) * BLOCK_SIZE;
    ends.set(path, Math.ceil((offset + length) / BLOCK_SIZE));
    return { path, offset, bytes: Uint8Array.from({ length }, (_, i) => (i % 251) ^ seed) };
  });
}

function pack(pieces: readonly Piece[]) {
  const builder = new PackBuilder(KEY);
  const frames: Uint8Array[] = [];
  for (const { path, offset, bytes } of pieces) frames.push(...placed(builder, builder.add(path, offset, bytes)));
  frames.push(...placed(builder, builder.flush()));
  return { frames, stored: Buffer.concat(frames), ...builder.finish() };
}

describe('a pack', () => {
  it('gives every range back from the extents of its path', async () => {
    await fc.assert(
      fc.asyncProperty(ranges, async (ranges) => {
        const pieces = piecesOf(ranges);
        const { stored, extents } = pack(pieces);
        const all = [...extents].flatMap(([path, list]) => list.map((extent) => ({ path, ...extent })));
        const found = await Promise.all(
          all.map(async ({ path, offset, length, frame, frameOffset }) => {
            const raw = await openStored(frame, stored.subarray(frame.offset, frame.offset + frame.length));
            return { path, offset, bytes: raw.subarray(frameOffset, frameOffset + length) };
          }),
        );
        expect(paint(found)).toEqual(paint(pieces));
        expect(found.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBe(rawSize(pieces));
      }),
      { numRuns: 60 },
    );
  });

  it('states its own size, raw size and SHA-256, or is none at all when nothing was added', () => {
    fc.assert(
      fc.property(ranges, (ranges) => {
        const pieces = piecesOf(ranges);
        const { stored, pack: found } = pack(pieces);
        const expected = { key: KEY, size: stored.length, rawSize: rawSize(pieces), sha256: sha256(stored) };
        expect(found).toEqual(pieces.length === 0 ? undefined : expected);
      }),
      { numRuns: 60 },
    );
  });

  it('is a row of frames, of which only the last may have room for another block', () => {
    fc.assert(
      fc.property(ranges, (ranges) => {
        const { frames, extents } = pack(piecesOf(ranges));
        const used = new Map([...extents.values()].flat().map(({ frame }) => [frame.offset, frame]));
        let offset = 0;
        frames.forEach((stored, index) => {
          const frame = used.get(offset) as Frame;
          expect(isFrame(frame, stored)).toBe(true);
          if (index < frames.length - 1) expect(frame.rawLength).toBeGreaterThan(FRAME_SIZE - BLOCK_SIZE);
          expect(frame.rawLength).toBeLessThanOrEqual(FRAME_SIZE);
          offset += stored.length;
        });
        expect(used.size).toBe(frames.length);
      }),
      { numRuns: 60 },
    );
  });

  it('never cuts inside a block: every extent begins at a block of its file', () => {
    fc.assert(
      fc.property(ranges, (ranges) => {
        const { extents } = pack(piecesOf(ranges));
        const offsets = [...extents.values()].flat().map(({ offset }) => offset % BLOCK_SIZE);
        expect(offsets).toEqual(offsets.map(() => 0));
      }),
      { numRuns: 60 },
    );
  });

  it('does not depend on the caller keeping a buffer as it was', () => {
    fc.assert(
      fc.property(ranges, (ranges) => {
        const pieces = piecesOf(ranges);
        const builder = new PackBuilder(KEY);
        const frames: Uint8Array[] = [];
        for (const { path, offset, bytes } of pieces) {
          const buffer = Uint8Array.from(bytes);
          frames.push(...placed(builder, builder.add(path, offset, buffer)));
          buffer.fill(0xee);
        }
        frames.push(...placed(builder, builder.flush()));
        expect(Buffer.concat(frames).equals(pack(pieces).stored)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });
});

function rawSize(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, { bytes }) => sum + bytes.length, 0);
}

/** Files with the pieces in place, as text that compares fast. */
function paint(pieces: readonly Piece[]): Record<string, string> {
  const files: Record<string, Buffer> = {};
  for (const { path, offset, bytes } of pieces) {
    const before = files[path] ?? Buffer.alloc(0);
    const file = Buffer.concat([before, Buffer.alloc(Math.max(0, offset + bytes.length - before.length))]);
    file.set(bytes, offset);
    files[path] = file;
  }
  return Object.fromEntries(Object.entries(files).map(([path, file]) => [path, sha256(file)]));
}
