/** One codec is as good as the other: the same bytes, and the same refusals. */
import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ThreadedCodec } from '../../lambdas/adapters/frame-codec.ts';
import { compressFrame, FRAME_SIZE } from '../../lambdas/snapshot/frames.ts';
import { release } from '../../lambdas/snapshot/release.ts';
import { MEMORY_CODEC } from '../support/memory-codec.ts';

const CODECS = [
  { name: 'threads', codec: new ThreadedCodec() },
  { name: 'memory', codec: MEMORY_CODEC },
];

/** Small and large, compressible and not, with lengths around those at which zstd begins another block. */
const raw = fc
  .record({
    length: fc.oneof(
      fc.integer({ min: 1, max: 600 }),
      fc.constantFrom(4_096, 65_536, 131_071, 131_072, 131_073, FRAME_SIZE - 1, FRAME_SIZE),
    ),
    seed: fc.nat(),
    alphabet: fc.constantFrom(1, 7, 256),
  })
  .map(({ length, seed, alphabet }) => {
    let state = seed >>> 0;
    return Uint8Array.from({ length }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 16) % alphabet;
    });
  });

describe.each(CODECS)('frame codec: $name', ({ codec }) => {
  it('gives the bytes of the format, and takes them back', async () => {
    await fc.assert(
      fc.asyncProperty(raw, async (raw) => {
        const stored = await codec.compress(raw);
        expect(Buffer.from(stored).equals(compressFrame(raw))).toBe(true);
        expect(Buffer.from(await codec.decompress(stored, raw.length)).equals(raw)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('does so for many at once, each in memory of its own', async () => {
    const frames = fc.sample(raw, { numRuns: 40, seed: 4 });
    const all = await Promise.all(frames.map((frame) => codec.compress(frame)));
    const opened = await Promise.all(
      all.map((stored, i) => codec.decompress(stored, (frames[i] as Uint8Array).length)),
    );
    for (const [i, bytes] of opened.entries()) {
      expect(Buffer.from(bytes).equals(frames[i] as Uint8Array)).toBe(true);
      release(bytes);
      release(all[i] as Uint8Array);
    }
  });

  it('rejects what is no zstd, is cut short, or is longer than stated', async () => {
    const stored = zstdCompressSync(Buffer.alloc(10_000, 'frames'));
    await expect(codec.decompress(Buffer.from('no zstd at all'), 10)).rejects.toThrow();
    await expect(codec.decompress(stored.subarray(0, stored.length - 1), 10_000)).rejects.toThrow();
    await expect(codec.decompress(stored, 9_999)).rejects.toThrow();
    await expect(codec.decompress(zstdCompressSync(Buffer.alloc(64 * 1024 * 1024)), FRAME_SIZE)).rejects.toThrow();
  });
});
