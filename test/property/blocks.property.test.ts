/** Laws of block digests and of the comparison of a file with its base. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BLOCK_SIZE, blockCount, contentDigest, DIGEST_SIZE, type FileDigests } from '../../lambdas/snapshot/blocks.ts';
import { changedRuns, type Run, totalLength } from '../../lambdas/snapshot/changes.ts';
import { content, edited, edits, render } from '../support/arbitraries.ts';
import { BlockDigester, digestAt } from '../support/block-digester.ts';

const PATH = 'chroma.sqlite3';

/** A file and what it was before: unrelated, or edited. */
const pair = fc
  .tuple(content, edits, fc.option(content))
  .map(([before, changes, other]): { base: Buffer; next: Buffer } => {
    const base = render(before);
    const changed = edited(
      new Map([[PATH, base]]),
      changes.map((change) => ({ ...change, path: PATH })),
    );
    return { base, next: other === null ? (changed.get(PATH) ?? Buffer.alloc(0)) : render(other) };
  });

/** The file in chunks of so many blocks each; sizes are used again from the start when they run out. */
function chunks(file: Buffer, sizes: readonly number[]): Buffer[] {
  const result: Buffer[] = [];
  for (let at = 0, i = 0; at < file.length; i++) {
    const end = at + (sizes[i % sizes.length] as number) * BLOCK_SIZE;
    result.push(file.subarray(at, end));
    at = end;
  }
  return result;
}

function compare(
  base: FileDigests | undefined,
  parts: readonly Uint8Array[],
): { digests: FileDigests; changed: Run[] } {
  const digester = new BlockDigester();
  for (const part of parts) digester.push(part);
  const digests = digester.finish();
  return { digests, changed: changedRuns(base, digests) };
}

/** The definition, over both files at once. */
function naive(base: Buffer | undefined, next: Buffer): Run[] {
  const runs: Run[] = [];
  for (let offset = 0; offset < next.length; offset += BLOCK_SIZE) {
    const block = next.subarray(offset, offset + BLOCK_SIZE);
    if (base?.subarray(offset, offset + BLOCK_SIZE).equals(block)) continue;
    const last = runs.at(-1);
    if (last !== undefined && last.offset + last.length === offset) last.length += block.length;
    else runs.push({ offset, length: block.length });
  }
  return runs;
}

function naiveDigests(file: Buffer): FileDigests {
  const digests = chunks(file, [1]).map((block) => createHash('sha256').update(block).digest());
  return { size: file.length, blocks: Buffer.concat(digests) };
}

const sizes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 });

describe('the comparison of a file with its base', () => {
  it('finds what comparing block by block finds, however the file is cut into chunks', () => {
    fc.assert(
      fc.property(pair, sizes, ({ base, next }, sizes) => {
        const { digests } = compare(undefined, [base]);
        expect(compare(digests, chunks(next, sizes)).changed).toEqual(naive(base, next));
      }),
    );
  });

  it('counts every block as changed when there is no base', () => {
    fc.assert(
      fc.property(pair, sizes, ({ next }, sizes) => {
        expect(compare(undefined, chunks(next, sizes)).changed).toEqual(naive(undefined, next));
        expect(totalLength(compare(undefined, chunks(next, sizes)).changed)).toBe(next.length);
      }),
    );
  });

  it('gives the digests that hashing block by block gives, whatever the base and the chunks', () => {
    fc.assert(
      fc.property(pair, sizes, ({ base, next }, sizes) => {
        expect(compare(naiveDigests(base), chunks(next, sizes)).digests).toEqual(naiveDigests(next));
      }),
    );
  });

  it('finds nothing in an unchanged file', () => {
    fc.assert(
      fc.property(content, sizes, (content, sizes) => {
        const file = render(content);
        expect(compare(naiveDigests(file), chunks(file, sizes)).changed).toEqual([]);
      }),
    );
  });

  it('does not depend on the caller keeping a chunk as it was', () => {
    fc.assert(
      fc.property(pair, ({ base, next }) => {
        const expected = compare(naiveDigests(base), [next]);
        const digester = new BlockDigester();
        const buffer = Buffer.alloc(BLOCK_SIZE);
        for (const block of chunks(next, [1])) {
          block.copy(buffer);
          digester.push(buffer.subarray(0, block.length));
          buffer.fill(0xff);
        }
        const digests = digester.finish();
        expect({ digests, changed: changedRuns(naiveDigests(base), digests) }).toEqual(expected);
      }),
    );
  });

  it('refuses more after a chunk that ended inside a block', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: BLOCK_SIZE - 1 }), (length) => {
        const digester = new BlockDigester();
        digester.push(Buffer.alloc(length));
        expect(() => digester.push(Buffer.alloc(1))).toThrow(RangeError);
      }),
    );
  });
});

describe('digests', () => {
  it('hold one digest per block, in order', () => {
    fc.assert(
      fc.property(content, (content) => {
        const file = render(content);
        const digests = naiveDigests(file);
        expect(digests.blocks.length).toBe(blockCount(file.length) * DIGEST_SIZE);
        chunks(file, [1]).forEach((block, index) => {
          expect(Buffer.from(digestAt(digests, index)).equals(createHash('sha256').update(block).digest())).toBe(true);
        });
      }),
    );
  });

  it('tell two files apart by their content digest exactly when the files differ', () => {
    fc.assert(
      fc.property(pair, ({ base, next }) => {
        const same = contentDigest(naiveDigests(base)) === contentDigest(naiveDigests(next));
        expect(same).toBe(base.equals(next));
      }),
    );
  });

  it('make a content digest as docs/format.md has it: SHA-256 over block digests and the size', () => {
    const blocks = Buffer.alloc(2 * DIGEST_SIZE, 7);
    const size = Buffer.from('0000000000001001', 'hex');
    const expected = createHash('sha256')
      .update(Buffer.concat([blocks, size]))
      .digest('hex');
    expect(contentDigest({ size: 4097, blocks })).toBe(expected);
  });
});
