/** Laws of how a delta is stored: embeddings bit by bit, compressed or not, and no damage that goes by unseen. */
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../lambdas/snapshot/blocks.ts';
import { compressDelta, decompressDelta } from '../../lambdas/snapshot/compressed-delta.ts';
import { encodeDelta, encodeLines, MAX_DELTA_BYTES, parseDelta } from '../../lambdas/snapshot/delta.ts';
import { REJECTION } from '../../lambdas/snapshot/operation.ts';
import { operation } from '../support/arbitraries.ts';
import { decodeRequests, encodeRequests } from '../support/request-deltas.ts';
import { upsert } from './bad-lines.ts';

const MAX_FLOAT32 = 3.4028234663852886e38;
/** Any finite 32-bit float, by its bits: subnormals and both zeros among them. */
const float32 = fc
  .oneof(fc.integer({ min: 0, max: 0xffffffff }), fc.constantFrom(0x80000000, 1, 0x807fffff, 0x7f7fffff, 0xff7fffff))
  .map(fromBits)
  .filter(Number.isFinite);
const vector = fc
  .array(float32, { minLength: 1, maxLength: 40 })
  .filter((numbers) => numbers.reduce((sum, number) => sum + number * number, 0) <= MAX_FLOAT32);

const FORMS: Array<[name: string, compress: (text: Uint8Array) => Uint8Array]> = [
  ['zstd', ownZstd],
  ['gzip', (text) => gzipSync(text)],
];

describe('an embedding in base64', () => {
  it('comes through bit by bit, beside the same one in numbers', () => {
    fc.assert(
      fc.property(vector, fc.constantFrom('upsert' as const, 'update' as const), (numbers, op) => {
        const text = `${line(op, base64Of(numbers))}\n${line(op, numbers)}\n`;

        const { operations, rejections } = parseDelta(Buffer.from(text), numbers.length);

        expect(rejections).toEqual([]);
        const [short, long] = operations.map((parsed) => (parsed.op === 'delete' ? [] : parsed.embedding));
        expect(short?.map(bitsOf)).toEqual(numbers.map(bitsOf));
        // JSON.stringify writes minus zero as 0.
        expect(long).toEqual(numbers.map((number) => (number === 0 ? 0 : number)));
      }),
    );
  });

  it('is what this writer makes of the nearest 32-bit floats', () => {
    const number = fc.double({ noNaN: true, min: -1e18, max: 1e18 });
    fc.assert(
      fc.property(fc.array(number, { minLength: 1, maxLength: 20 }), (embedding) => {
        const text = Buffer.from(encodeLines([{ op: 'upsert', id: 'a', embedding }])).toString();

        expect(JSON.parse(text).embedding).toBe(base64Of(embedding));
        expect(parseDelta(Buffer.from(text), embedding.length).operations).toEqual([
          { op: 'upsert', id: 'a', embedding: embedding.map(Math.fround), line: 1 },
        ]);
      }),
    );
  });

  it.each([NaN, Infinity, -Infinity, 1e39, -1e39])('never holds %s, whether it is written by us or others', (wrong) => {
    const own = parseDelta(encodeDelta([{ op: 'upsert', id: 'a', embedding: [1, wrong] }]), 2);
    const others = parseDelta(Buffer.from(line('upsert', base64Of([1, wrong]))), 2);

    for (const { operations, rejections } of [own, others]) {
      expect(operations).toEqual([]);
      expect(rejections).toMatchObject([{ line: 1, id: 'a', error: REJECTION.invalidEmbedding }]);
    }
    expect(others.rejections[0]?.reason).toBe(
      `"embedding" holds ${Math.fround(wrong)} at index 1, which is not finite.`,
    );
  });

  it.each([
    ['null', [1, null]],
    ['text', [1, '2']],
    ['undefined', [1, undefined]],
    ['true', [true, 1]],
  ])('is made of no list with %s in it, which would be taken for a number', (_what, embedding) => {
    const bytes = encodeDelta([{ op: 'upsert', id: 'a', embedding: embedding as number[] }]);

    expect(parseDelta(bytes, 2).rejections).toMatchObject([{ error: REJECTION.invalidEmbedding }]);
  });

  const VALID = base64Of([1, 2]);
  it.each<[what: string, text: string, error: string, reason: RegExp]>([
    ['nothing', '', REJECTION.invalidEmbedding, /0 bytes/],
    ['no padding', VALID.replace(/=+$/, ''), REJECTION.invalidEmbedding, /no base64/],
    ['too much padding', `${VALID}=`, REJECTION.invalidEmbedding, /no base64/],
    ['white space', ` ${VALID}`, REJECTION.invalidEmbedding, /no base64/],
    ['the alphabet of URLs', '_-8AAAAAAAA=', REJECTION.invalidEmbedding, /no base64/],
    ['another character', `!${VALID.slice(1)}`, REJECTION.invalidEmbedding, /no base64/],
    ['bits behind its end', VALID.replace('A=', 'B='), REJECTION.invalidEmbedding, /no base64/],
    ['a number cut off', Buffer.alloc(7).toString('base64'), REJECTION.invalidEmbedding, /7 bytes/],
    ['too few numbers', base64Of([1]), REJECTION.wrongDimension, /has 1 numbers/],
    ['too many numbers', base64Of([1, 2, 3]), REJECTION.wrongDimension, /has 3 numbers/],
    ['more than any dimension', 'A'.repeat(400_000), REJECTION.wrongDimension, /more than 65536/],
    ['too great a length', base64Of([3e38, 3e38]), REJECTION.invalidEmbedding, /square/],
  ])('is refused with its line and a reason for %s', (_what, text, error, reason) => {
    const { operations, rejections } = parseDelta(
      Buffer.from(`${upsert({ id: 'good' })}\n${line('upsert', text)}\n${upsert({ id: 'last' })}`),
      2,
    );

    expect(operations.map(({ id, line }) => [id, line])).toEqual([
      ['good', 1],
      ['last', 3],
    ]);
    expect(rejections).toEqual([{ line: 2, id: 'a', error, reason: expect.stringMatching(reason) }]);
  });
});

describe('a compressed delta', () => {
  const operations = fc.array(operation(2), { minLength: 1, maxLength: 8 });

  it.each(FORMS)('means what its text means: %s', (_name, compress) => {
    fc.assert(
      fc.property(operations, (operations) => {
        const text = encodeLines(operations);

        expect(parseDelta(compress(text), 2)).toEqual(parseDelta(text, 2));
      }),
    );
  });

  it('is what this writer makes of a large one, always of the same bytes, and never of a small one', () => {
    const many = Array.from({ length: 50 }, (_, n) => ({ op: 'upsert' as const, id: `r-${n}`, embedding: [n, 1] }));
    const text = encodeLines(many);

    const stored = encodeDelta(many);

    expect(stored.length).toBeLessThan(text.length / 3);
    expect(sha256(encodeDelta(many))).toBe(sha256(stored));
    expect(sha256(stored)).not.toBe(sha256(text));
    expect(parseDelta(stored, 2)).toEqual(parseDelta(text, 2));
    expect(encodeDelta(many.slice(0, 3))).toEqual(encodeLines(many.slice(0, 3)));
  });

  it('is not made of what would grow', () => {
    const noise = Buffer.from(Array.from({ length: 4_096 }, (_, n) => (n * n * 2_654_435_761) >>> 23));

    expect(compressDelta(noise).length).toBeLessThanOrEqual(noise.length);
  });

  it('may hold requests', () => {
    const body = JSON.stringify({ ids: Array.from({ length: 200 }, (_, n) => `record-${n}`) });

    const stored = encodeRequests([{ op: 'delete', body }], 'x');

    expect(stored.length).toBeLessThan(body.length / 2);
    expect(decodeRequests(stored)).toEqual([{ op: 'delete', body }]);
  });

  it.each(FORMS)(
    'that decompresses to more than a delta may have is refused, and not decompressed: %s',
    (_name, compress) => {
      const bomb = compress(Buffer.alloc(MAX_DELTA_BYTES + 1, 0x20));

      const { rejections, operations } = parseDelta(bomb, 2);

      expect(bomb.length).toBeLessThan(MAX_DELTA_BYTES / 500);
      expect(operations).toEqual([]);
      expect(rejections).toMatchObject([{ line: 0, error: REJECTION.deltaTooLarge }]);
    },
  );

  it('may have just as many bytes as a delta may have', () => {
    const [first, ...blank] = [upsert({}), Buffer.alloc(MAX_DELTA_BYTES - upsert({}).length - 1, 0x20)];

    const { operations } = parseDelta(compressDelta(Buffer.concat([Buffer.from(`${first}\n`), ...blank])), 2);

    expect(operations).toHaveLength(1);
  });

  describe.each(FORMS)('%s', (_name, compress) => {
    const text = encodeLines(Array.from({ length: 30 }, (_, n) => ({ op: 'upsert', id: `r-${n}`, embedding: [n, 1] })));
    const whole = compress(text);

    it('that was cut off anywhere is refused', () => {
      for (let length = 1; length < whole.length; length++) {
        const { operations, rejections } = parseDelta(whole.subarray(0, length), 2);
        expect(operations, `${length} bytes`).toEqual([]);
        // With less than its first bytes left it is a text like any other, and no operation.
        const error = length < 4 && rejections[0]?.line === 1 ? REJECTION.malformedLine : REJECTION.notADelta;
        expect(rejections, `${length} bytes`).toMatchObject([{ error }]);
      }
    });

    it('with any bit flipped is refused, or says the same', () => {
      for (let bit = 0; bit < whole.length * 8; bit++) {
        const copy = Buffer.from(whole);
        copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const decompressed = decompressDelta(copy, MAX_DELTA_BYTES);
        // Of its first bytes: it is no longer compressed, as far as anybody can tell.
        if (decompressed === copy) expect(parseDelta(copy, 2).operations, `bit ${bit}`).toEqual([]);
        else if (decompressed instanceof Uint8Array)
          expect(Buffer.from(text).equals(decompressed), `bit ${bit}`).toBe(true);
        else expect(decompressed.reason, `bit ${bit}`).toMatch(/\w\.$/);
      }
    });

    it.each(['x', '\n', '{"op":"delete","id":"r-1"}\n'])('with %j behind it is refused: it would be lost', (more) => {
      const { operations, rejections } = parseDelta(Buffer.concat([whole, Buffer.from(more)]), 2);

      expect(operations).toEqual([]);
      expect(rejections).toMatchObject([{ line: 0, error: REJECTION.notADelta }]);
    });

    it('with another one behind it never loses that', () => {
      const second = compress(encodeLines([{ op: 'delete', id: 'r-1' }]));

      const { operations, rejections } = parseDelta(Buffer.concat([whole, second]), 2);

      expect(operations.length + rejections.length).toBe(rejections.length > 0 ? 1 : 31);
    });

    it('never makes the parser throw, whatever follows its first bytes', () => {
      const bytes = fc.uint8Array({ maxLength: 300 }).map((rest) => Buffer.concat([whole.subarray(0, 4), rest]));
      fc.assert(
        fc.property(bytes, (bytes) => {
          const { operations, rejections } = parseDelta(bytes, 2);
          expect(operations.length + rejections.length).toBeGreaterThan(0);
        }),
        { numRuns: 500 },
      );
    });
  });
});

/** This writer's, and a text that it would not compress as well. */
function ownZstd(text: Uint8Array): Uint8Array {
  const stored = compressDelta(text);
  return stored === text ? zstdCompressSync(text) : stored;
}

function line(op: 'upsert' | 'update', embedding: string | number[]): string {
  return JSON.stringify({ op, id: 'a', embedding });
}

/** Not by the code that is tested. */
function base64Of(numbers: readonly number[]): string {
  const bytes = Buffer.alloc(numbers.length * 4);
  numbers.forEach((number, index) => void bytes.writeFloatLE(number, index * 4));
  return bytes.toString('base64');
}

function fromBits(bits: number): number {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(bits);
  return bytes.readFloatLE();
}

function bitsOf(number: number): number {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(number);
  return bytes.readUInt32LE();
}
