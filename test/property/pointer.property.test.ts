/** Laws of the stored pointer: it comes back whole, or as a CorruptObjectError. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CorruptObjectError } from '../../lambdas/errors/errors.ts';
import { decodePointer, encodePointer, type Pointer, pointerDigest } from '../../lambdas/protocol/pointer.ts';
import { pointer } from '../support/arbitraries.ts';

const KEY = 'pointers/docs.json';
const decode = (collection: string, text: string | Uint8Array) => decodePointer(KEY, collection, Buffer.from(text));

/** Whatever came of it: a sound pointer of the collection, or an error that says so. */
function expectSoundOrCorrupt(collection: string, bytes: Uint8Array): void {
  let decoded: Pointer;
  try {
    decoded = decode(collection, bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(CorruptObjectError);
    return;
  }
  expect(decode(collection, encodePointer(decoded))).toEqual(decoded);
  expect(decoded.collection).toBe(collection);
}

describe('a stored pointer', () => {
  it('decodes to what was encoded', () => {
    fc.assert(
      fc.property(pointer, (pointer) => {
        expect(decode(pointer.collection, encodePointer(pointer))).toEqual(pointer);
      }),
    );
  });

  it('differs from every pointer of another commit or fence', () => {
    fc.assert(
      fc.property(pointer, pointer, (a, b) => {
        fc.pre(a.commitId !== b.commitId || a.fence !== b.fence);
        expect(
          Buffer.from(encodePointer(a)).equals(encodePointer({ ...a, commitId: b.commitId, fence: b.fence })),
        ).toBe(false);
      }),
    );
  });

  it('is refused as that of another collection', () => {
    fc.assert(
      fc.property(pointer, pointer, (pointer, { collection }) => {
        fc.pre(collection !== pointer.collection);
        expect(() => decode(collection, encodePointer(pointer))).toThrow(CorruptObjectError);
      }),
    );
  });

  it('cut short is corrupt', () => {
    fc.assert(
      fc.property(pointer, fc.nat(), (pointer, at) => {
        const bytes = encodePointer(pointer);
        // The last byte is a line break, which JSON does not need.
        const cut = bytes.subarray(0, at % (bytes.length - 1));
        expect(() => decode(pointer.collection, cut)).toThrow(CorruptObjectError);
      }),
    );
  });

  it('with any one bit flipped is corrupt, unless it says the same', () => {
    fc.assert(
      fc.property(pointer, (pointer) => {
        const bytes = Uint8Array.from(encodePointer(pointer));
        for (let bit = 0; bit < bytes.length * 8; bit++) {
          const flipped = Uint8Array.from(bytes);
          flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
          let decoded: Pointer;
          try {
            decoded = decode(pointer.collection, flipped);
          } catch (error) {
            expect(error).toBeInstanceOf(CorruptObjectError);
            continue;
          }
          // A blank that became another: the only bits that carry nothing.
          expect(decoded).toEqual(pointer);
          expect(String.fromCharCode(bytes[bit >> 3] ?? 0)).toMatch(/\s/);
        }
      }),
      { numRuns: 3 },
    );
  });

  it('reads the same in any order and layout of its fields', () => {
    fc.assert(
      fc.property(pointer, (pointer) => {
        const json: object = JSON.parse(Buffer.from(encodePointer(pointer)).toString());
        const text = JSON.stringify(Object.fromEntries(Object.entries(json).reverse()));
        expect(decode(pointer.collection, text)).toEqual(pointer);
      }),
    );
  });

  it('has a digest that others can compute: SHA-256 over sorted members without white space', () => {
    const manifest = { key: 'manifests/docs/000000000007-01.json', sha256: 'a'.repeat(64) };
    const body = {
      format: 1,
      collection: 'docs',
      version: 7,
      commitId: '01',
      manifest,
      token: 9,
      fence: 2,
      fencedBy: null,
      retainedFrom: 3,
      statusTable: 'table',
      records: 5,
      committedAt: '2026-01-01T00:00:00.000Z',
      execution: 'caf\u00e9 "1"',
    } as const;
    const canonical =
      `{"collection":"docs","commitId":"01","committedAt":"2026-01-01T00:00:00.000Z","execution":"caf\u00e9 \\"1\\"",` +
      `"fence":2,"fencedBy":null,"format":1,"manifest":{"key":"manifests/docs/000000000007-01.json","sha256":` +
      `"${'a'.repeat(64)}"},"records":5,"retainedFrom":3,"statusTable":"table","token":9,"version":7}`;
    expect(pointerDigest(body)).toBe(createHash('sha256').update(canonical, 'utf8').digest('hex'));
  });

  it('with bytes changed or added is still a sound pointer, or corrupt, and never any other error', () => {
    const damage = fc.record({ at: fc.nat(), byte: fc.nat(255), more: fc.uint8Array() });
    fc.assert(
      fc.property(pointer, damage, (pointer, { at, byte, more }) => {
        const bytes = Uint8Array.from(encodePointer(pointer));
        bytes[at % bytes.length] = byte;
        expectSoundOrCorrupt(pointer.collection, Buffer.concat([bytes, more]));
      }),
      { numRuns: 300 },
    );
  });

  it('of arbitrary bytes or JSON is corrupt', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.json()), (bytes) => {
        expect(() => decode('docs', bytes)).toThrow(CorruptObjectError);
      }),
    );
  });

  const hostile: Array<[string, Record<string, unknown>]> = [
    ['another format', { format: 2 }],
    ['an unknown field', { surprise: 1 }],
    ['a version that is too large to count', { version: 2 ** 53 }],
    ['a negative version', { version: -1 }],
    ['a token that is text', { token: '7' }],
    ['a fractional fence', { fence: 0.5 }],
    ['no retainedFrom', { retainedFrom: undefined }],
    ['no manifest', { manifest: null }],
    ['a manifest hash that is none', { manifest: { key: 'k', sha256: 'F'.repeat(64) } }],
    ['a time that is none', { committedAt: 'yesterday' }],
    ['a huge record count', { records: 1e300 }],
  ];

  it.each(hostile)('with %s is corrupt, whatever its digest says', (_what, change) => {
    fc.assert(
      fc.property(pointer, (pointer) => {
        const { sha256: _sha256, ...json } = JSON.parse(Buffer.from(encodePointer(pointer)).toString());
        const body = { ...json, ...change };
        const text = JSON.stringify({ ...body, sha256: pointerDigest(body) });
        expect(() => decode(pointer.collection, text)).toThrow(CorruptObjectError);
        expect(() => decode(pointer.collection, text)).not.toThrow('do not match');
      }),
      { numRuns: 10 },
    );
  });
});
