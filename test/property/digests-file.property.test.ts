/** The file of digests beside a working directory. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeDigests, encodeDigests } from '../../lambdas/adapters/files/digests-file.ts';
import { InvalidInputError } from '../../lambdas/errors/errors.ts';
import { BLOCK_SIZE } from '../../lambdas/snapshot/blocks.ts';
import { digests } from '../contract/working-directory-harness.ts';

describe('digests codec', () => {
  const anyDigests = fc.record({
    manifestKey: fc.string({ unit: 'grapheme' }),
    manifestSha256: fc.string(),
    manifest: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    files: fc
      .array(fc.tuple(fc.string({ unit: 'grapheme' }), fc.integer({ min: 0, max: 5 * BLOCK_SIZE })), { maxLength: 5 })
      .map((files) => new Map(files.map(([path, size]) => [path, { size, blocks: blocksFor(size) }]))),
  });

  it('gives back what was encoded', () => {
    fc.assert(
      fc.property(anyDigests, (value) => {
        expect(decodeDigests(encodeDigests(value))).toEqual(value);
      }),
    );
  });

  it('refuses every damaged byte and every cut', () => {
    fc.assert(
      fc.property(anyDigests, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, at, mask) => {
        const bytes = encodeDigests(value);
        expect(decodeDigests(bytes.subarray(0, at % bytes.length))).toBeUndefined();
        bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ mask;
        expect(decodeDigests(bytes)).toBeUndefined();
      }),
    );
  });

  it('refuses digests that do not cover the file', () => {
    const files = new Map([['file', { size: BLOCK_SIZE + 1, blocks: Buffer.alloc(32) }]]);
    expect(() => encodeDigests({ ...digests, files })).toThrow(InvalidInputError);
  });
});

function blocksFor(size: number): Buffer {
  return Buffer.alloc(Math.ceil(size / BLOCK_SIZE) * 32, size % 256);
}
