/** Laws of frames: what was sealed comes out, or nothing does. */
import { createZstdCompress, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ThreadedCodec } from '../../lambdas/adapters/frame-codec.ts';
import { CorruptObjectError } from '../../lambdas/errors/errors.ts';
import { sha256 } from '../../lambdas/snapshot/blocks.ts';
import { compressFrame, FRAME_SIZE, type Frame } from '../../lambdas/snapshot/frames.ts';
import { MEMORY_CODEC, openStored } from '../support/memory-codec.ts';

const KEY = 'packs/docs/01ARZ3NDEKTSV4RRFFQ69G5FAV-0.pack';
const MIB = 1024 * 1024;

describe.each([
  ['in threads', new ThreadedCodec()],
  ['at once', MEMORY_CODEC],
])('a frame, decompressed %s,', (_, codec) => {
  const openFrame = (frame: Frame, stored: Uint8Array) => openStored(frame, stored, codec);

  const sealed = fc.uint8Array({ minLength: 1, maxLength: 600 }).map((bytes) => {
    const stored = compressFrame(bytes);
    const { length } = stored;
    const frame: Frame = { packKey: KEY, offset: 10, length, rawLength: bytes.length, sha256: sha256(stored) };
    return { bytes, stored, frame };
  });

  it('opens to what was sealed', async () => {
    await fc.assert(
      fc.asyncProperty(sealed, async ({ bytes, frame, stored }) => {
        expect(Buffer.from(await openFrame(frame, stored)).equals(bytes)).toBe(true);
      }),
    );
  });

  it('with any bit flipped is corrupt', async () => {
    await fc.assert(
      fc.asyncProperty(sealed, fc.nat(), fc.nat(7), async ({ frame, stored }, at, bit) => {
        const damaged = Uint8Array.from(stored);
        damaged[at % stored.length] = (damaged[at % stored.length] as number) ^ (1 << bit);
        await expect(openFrame(frame, damaged)).rejects.toThrow(CorruptObjectError);
      }),
    );
  });

  it('cut short, or followed by more, is corrupt', async () => {
    await fc.assert(
      fc.asyncProperty(sealed, fc.nat(), fc.uint8Array({ minLength: 1 }), async ({ frame, stored }, at, more) => {
        await expect(openFrame(frame, stored.subarray(0, at % stored.length))).rejects.toThrow(CorruptObjectError);
        await expect(openFrame(frame, Buffer.concat([stored, more]))).rejects.toThrow(CorruptObjectError);
      }),
    );
  });

  it('that is no zstd, or has another length than stated, is corrupt however well it is hashed', async () => {
    const lengths = fc.constantFrom(-1, 1, 1000);
    const garbage = fc.oneof(
      fc.uint8Array({ maxLength: 50 }),
      sealed.map((frame) => frame.stored.subarray(1)),
    );
    await fc.assert(
      fc.asyncProperty(sealed, lengths, garbage, async ({ frame, stored }, difference, garbage) => {
        const lying = { ...frame, rawLength: frame.rawLength + difference };
        await expect(openFrame(lying, stored)).rejects.toThrow(CorruptObjectError);
        const other = { ...frame, length: garbage.length, sha256: sha256(garbage) };
        await expect(openFrame(other, garbage)).rejects.toThrow(CorruptObjectError);
      }),
    );
  });

  it('that would decompress to far more than it states is corrupt, at no cost in memory', async () => {
    // Prepare: half a GiB of zeros, compressed piece by piece.
    const stored = await bomb(512 * MIB);
    const frame: Frame = { packKey: KEY, offset: 0, length: stored.length, rawLength: 4096, sha256: sha256(stored) };
    const before = process.resourceUsage().maxRSS;
    // Act and assess
    await expect(openFrame(frame, stored)).rejects.toThrow(CorruptObjectError);
    const grownMib = (process.resourceUsage().maxRSS - before) / 1024;
    expect(stored.length).toBeLessThan(MIB);
    expect(grownMib).toBeLessThan(128);
  });

  it('of an honest length opens even when nothing is left over', async () => {
    const bytes = Buffer.alloc(FRAME_SIZE);
    const stored = zstdCompressSync(bytes);
    const frame = { packKey: KEY, offset: 0, length: stored.length, rawLength: FRAME_SIZE, sha256: sha256(stored) };
    expect((await openFrame(frame, stored)).length).toBe(FRAME_SIZE);
  });
});

async function bomb(size: number): Promise<Buffer> {
  const compressor = createZstdCompress();
  const zeros = Buffer.alloc(4 * MIB);
  const parts: Buffer[] = [];
  compressor.on('data', (part: Buffer) => parts.push(part));
  for (let at = 0; at < size; at += zeros.length) {
    await new Promise<void>((resolve, reject) => {
      compressor.write(zeros, (error) => (error ? reject(error) : resolve()));
    });
  }
  await new Promise<void>((resolve) => compressor.on('end', resolve).end());
  return Buffer.concat(parts);
}
