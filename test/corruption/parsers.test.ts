/** Parsers of what lies about: whatever the bytes, an answer of their type or a named error, soon and in little memory. */
import { hash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeDigests, encodeDigests, readDigestsFile } from '../../lambdas/adapters/files/digests-file.ts';
import { readMarkerFile } from '../../lambdas/adapters/files/marker-file.ts';
import { decodePointer } from '../../lambdas/protocol/pointer.ts';
import { blockCount, DIGEST_SIZE } from '../../lambdas/snapshot/blocks.ts';
import { COLLECTION } from '../support/memory-ports.ts';

const RUNS = { numRuns: Number(process.env.COMPACTOR_RUNS ?? 500) };
/** Bytes that parsing may take on top of its input; a bomb takes gigabytes. */
const MEMORY = 256 * 1024 * 1024;

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'corruption-parsers-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

function grown(task: () => unknown): number {
  const before = process.memoryUsage().rss;
  task();
  return process.memoryUsage().rss - before;
}

const DEEP = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;

describe('a pointer', () => {
  test.each([
    ['nested deeply', DEEP],
    ['of many fields', JSON.stringify(Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`f${n}`, n])))],
    ['with a long text', JSON.stringify({ format: 1, collection: 'x'.repeat(5_000_000) })],
    ['of numbers beyond any', `{"format":1,"version":1e999,"token":-1e999}`],
  ])('%s is named in a short message', (_what, text) => {
    let thrown: unknown;
    const grownBy = grown(() => {
      try {
        decodePointer('pointers/books.json', COLLECTION, Buffer.from(text));
      } catch (error) {
        thrown = error;
      }
    });
    expect((thrown as Error).name).toBe('CorruptObjectError');
    expect((thrown as Error).message.length).toBeLessThan(1_500);
    expect(grownBy).toBeLessThan(MEMORY);
  });
});

describe('a digests file', () => {
  const files = fc.array(fc.tuple(fc.string({ minLength: 1, maxLength: 20 }), fc.nat(3 * 4096)), { maxLength: 4 });
  const digests = fc
    .tuple(fc.string(), fc.string(), fc.uint8Array({ maxLength: 200 }), files)
    .map(([manifestKey, manifestSha256, manifest, list]) => ({
      manifestKey,
      manifestSha256,
      manifest,
      files: new Map(
        list.map(([path, size]) => [path, { size, blocks: new Uint8Array(blockCount(size) * DIGEST_SIZE).fill(size) }]),
      ),
    }));
  const sealed = (body: Uint8Array) => Buffer.concat([body, hash('sha256', body, 'buffer')]);

  test('with any bytes changed, cut or added is absent', () => {
    fc.assert(
      fc.property(digests, fc.nat(), fc.integer({ min: 1, max: 255 }), fc.uint8Array(), (given, at, mask, more) => {
        const bytes = encodeDigests(given);
        const flipped = Buffer.from(bytes);
        flipped[at % bytes.length] = (flipped[at % bytes.length] ?? 0) ^ mask;
        expect(decodeDigests(flipped)).toBeUndefined();
        expect(decodeDigests(bytes.subarray(0, at % bytes.length))).toBeUndefined();
        if (more.length > 0) expect(decodeDigests(Buffer.concat([bytes, more]))).toBeUndefined();
        expect(decodeDigests(bytes)?.manifestKey).toBe(Buffer.from(given.manifestKey).toString());
      }),
      RUNS,
    );
  });

  test('of one who can hash is absent, or has a digest for every block', () => {
    fc.assert(
      fc.property(digests, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 9 }), (given, at, bytes) => {
        const body = Buffer.from(encodeDigests(given).subarray(0, -32));
        body.set(bytes.subarray(0, body.length), at % Math.max(1, body.length - bytes.length));
        const decoded = decodeDigests(sealed(body));
        for (const { size, blocks } of decoded?.files.values() ?? [])
          expect(blocks.length).toBe(blockCount(size) * DIGEST_SIZE);
      }),
      RUNS,
    );
  });

  test('that claims more than there is takes no memory', () => {
    const head = Buffer.from('CCDIGEST\0\0\0\x01');
    const huge = Buffer.alloc(8, 0xff);
    const nothing = Buffer.alloc(4);
    const bodies = [
      // A text, a manifest, a number of files and a file, each of more bytes than anybody has.
      Buffer.concat([head, huge]),
      Buffer.concat([head, nothing, nothing, huge]),
      Buffer.concat([head, nothing, nothing, nothing, huge]),
      Buffer.concat([head, nothing, nothing, nothing, Buffer.from([0, 0, 0, 1]), nothing, huge]),
    ];
    for (const body of bodies) {
      expect(grown(() => expect(decodeDigests(sealed(body))).toBeUndefined())).toBeLessThan(MEMORY);
    }
  });

  test('that is no file, or empty, is absent', async () => {
    await writeFile(join(root, 'empty'), '');
    expect(await readDigestsFile(join(root, 'empty'))).toBeUndefined();
    expect(await readDigestsFile(join(root, 'nothing'))).toBeUndefined();
  });
});

describe('a marker', () => {
  test('of any bytes or JSON is a marker or none', async () => {
    const path = join(root, 'clean.json');
    const anything = fc.oneof(fc.uint8Array(), fc.json(), fc.constantFrom('null', '"x"', '[]', '{}', DEEP));
    await fc.assert(
      fc.asyncProperty(anything, async (bytes) => {
        await writeFile(path, bytes);
        const marker = await readMarkerFile(path);
        if (marker !== undefined)
          expect([typeof marker.manifestKey, typeof marker.manifestSha256]).toEqual(['string', 'string']);
      }),
      { numRuns: Math.ceil(RUNS.numRuns / 3) },
    );
  });
});
