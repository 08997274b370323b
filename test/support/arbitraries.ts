/** What the property tests draw from: names, directories and their edits, manifests, pointers, operations. */
import fc from 'fast-check';
import type { Pointer } from '../../lambdas/protocol/pointer.ts';
import { BLOCK_SIZE } from '../../lambdas/snapshot/blocks.ts';
import { float } from '../../lambdas/snapshot/exact-json.ts';
import { manifestKey } from '../../lambdas/snapshot/keys.ts';
import type { LedgerEntry } from '../../lambdas/snapshot/ledger.ts';
import type { MetadataValue } from '../../lambdas/snapshot/metadata.ts';
import { MAX_REPORTED_ID_LENGTH, type Operation } from '../../lambdas/snapshot/operation.ts';

// ---- names ------------------------------------------------------------------------------------------------------

const ALNUM = [...'abzABZ019'];
const INNER = [...ALNUM, '.', '_', '-'];

const inner = (max: number) => fc.string({ unit: fc.constantFrom(...INNER), maxLength: max });
const edge = fc.constantFrom(...ALNUM);

/** Valid collection names, the shortest and the longest among them. */
export const collection: fc.Arbitrary<string> = fc.oneof(
  fc
    .tuple(edge, inner(20), fc.constantFrom(...INNER), edge)
    .map((parts) => parts.join(''))
    .filter((name) => !name.includes('..')),
  fc.constantFrom('abc', 'a'.repeat(128), `a${'.b'.repeat(60)}`),
);
export const deltaId: fc.Arbitrary<string> = fc.oneof(
  fc.tuple(edge, inner(47)).map((parts) => parts.join('')),
  fc.constantFrom('a', 'a..b', 'a.json', 'Z'.repeat(48), '01ARZ3NDEKTSV4RRFFQ69G5FAV'),
);
export const commitId: fc.Arbitrary<string> = fc.ulid();
export const hex64: fc.Arbitrary<string> = fc.stringMatching(/^[0-9a-f]{64}$/);
/** Versions as keys hold them: twelve digits. */
export const version: fc.Arbitrary<number> = fc.oneof(fc.nat(1000), fc.integer({ min: 0, max: 999_999_999_999 }));

/** Names that must never become part of a key. */
export const hostileName: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom('', '.', '..', '../x', 'a/../b', '/etc/passwd', 'a/b', 'a\\b', 'x'.repeat(600), '~', ' ', 'a b', '*'),
  fc.constantFrom(
    'a\0bc',
    'abc\n',
    '\nabc',
    'abc\r',
    'ab\tcd',
    'abc\u007f',
    'a%2Fb',
    'абв',
    '名前です',
    'e\u0301abc',
    '\ud800abc',
  ),
  fc.tuple(inner(8), fc.constantFrom('/', '\0', '\n', '~', ' ', 'é', '\u202e', '😀'), inner(8)).map((p) => p.join('')),
);

// ---- directories ------------------------------------------------------------------------------------------------

export type Directory = Map<string, Buffer>;

/** Content from seeds: one per block, so that blocks repeat, and many blocks cost little. */
export interface Content {
  seeds: number[];
  /** Length of the last block. */
  tail: number;
}

export const PATHS = ['chroma.sqlite3', 'seg-1/data_level0.bin', 'seg-1/header.bin', 'seg-2/link_lists.bin'] as const;
const path = fc.constantFrom(...PATHS);
const seed = fc.nat(5);
const tail = fc.oneof(fc.constantFrom(1, BLOCK_SIZE - 1, BLOCK_SIZE), fc.integer({ min: 1, max: BLOCK_SIZE }));

/** A few blocks with a partial end; now and then more than one frame of them. */
export const content: fc.Arbitrary<Content> = fc.record({
  seeds: fc.oneof(
    { weight: 12, arbitrary: fc.array(seed, { maxLength: 6 }) },
    { weight: 1, arbitrary: fc.array(seed, { minLength: 60, maxLength: 140, size: 'max' }) },
  ),
  tail,
});

export function render({ seeds, tail }: Content): Buffer {
  const bytes = Buffer.concat(seeds.map((value) => Buffer.alloc(BLOCK_SIZE, value)));
  return seeds.length === 0 ? bytes : bytes.subarray(0, bytes.length - BLOCK_SIZE + tail);
}

export type Change =
  | { kind: 'replace'; content: Content }
  | { kind: 'write'; at: number; length: number; seed: number }
  | { kind: 'resize'; size: number }
  | { kind: 'remove' };
export type Edit = { path: string } & Change;

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant('replace' as const), content }),
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      at: fc.nat(8 * BLOCK_SIZE),
      length: fc.integer({ min: 1, max: 2 * BLOCK_SIZE }),
      seed,
    }),
  },
  fc.record({ kind: fc.constant('resize' as const), size: fc.nat(8 * BLOCK_SIZE) }),
  fc.record({ kind: fc.constant('remove' as const) }),
);
/** What one merge does to a directory. */
export const edits: fc.Arbitrary<Edit[]> = fc.array(
  fc.tuple(path, change).map(([path, change]) => ({ path, ...change })),
  { maxLength: 5 },
);

/** The directory after the edits; the one given stays as it is. */
export function edited(directory: Directory, changes: readonly Edit[]): Directory {
  const next = new Map(directory);
  for (const edit of changes) {
    const before = next.get(edit.path) ?? Buffer.alloc(0);
    if (edit.kind === 'remove') next.delete(edit.path);
    else if (edit.kind === 'replace') next.set(edit.path, render(edit.content));
    else if (edit.kind === 'resize') next.set(edit.path, resized(before, edit.size));
    else {
      const bytes = resized(before, Math.max(before.length, edit.at + edit.length));
      next.set(edit.path, bytes.fill(edit.seed, edit.at, edit.at + edit.length));
    }
  }
  return next;
}

/** A copy with exactly this size, zeros beyond the old end. */
export function resized(bytes: Buffer, size: number): Buffer {
  const copy = Buffer.alloc(size);
  bytes.copy(copy, 0, 0, Math.min(size, bytes.length));
  return copy;
}

// ---- stored objects ---------------------------------------------------------------------------------------------

export const ledgerEntry: fc.Arbitrary<LedgerEntry> = fc
  .record({
    deltaId,
    outcome: fc.constantFrom('applied' as const, 'rejected' as const),
    version: fc.nat(9),
    sha256: hex64,
    rejectedOperations: fc.nat(200),
    rejections: fc.option(
      fc.array(fc.record({ line: fc.nat(), error: fc.string(), reason: fc.string({ unit: 'binary' }) }), {
        maxLength: 3,
      }),
      { nil: undefined },
    ),
  })
  .map(({ rejections, ...entry }) => ({ ...entry, ...(rejections && { rejections }) }));

export const pointer: fc.Arbitrary<Pointer> = fc
  .record({
    collection,
    version,
    commitId,
    sha256: hex64,
    token: fc.maxSafeNat(),
    fence: fc.maxSafeNat(),
    fencedBy: fc.option(fc.string()),
    retainedFrom: fc.maxSafeNat(),
    statusTable: fc.string(),
    records: fc.maxSafeNat(),
    committedAt: fc
      .date({ min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true })
      .map((date) => date.toISOString()),
    execution: fc.string({ unit: 'grapheme' }),
  })
  .map(({ sha256, ...rest }) => ({
    ...rest,
    manifest: { key: manifestKey(rest.collection, rest.version, rest.commitId), sha256 },
  }));

// ---- operations -------------------------------------------------------------------------------------------------

const text = fc.string({ unit: 'grapheme' });
export const recordId: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }),
  fc.constant('i'.repeat(MAX_REPORTED_ID_LENGTH + 1)),
);
const INTEGERS = [2n ** 53n - 1n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n)];
const ELEMENTS = { minLength: 1, maxLength: 3 };
const metadataKey = fc
  .string({ minLength: 1, maxLength: 12 })
  .filter((key) => key !== '__proto__' && !/^(chroma:|[$#])/.test(key));
const integer = fc
  .oneof(fc.integer(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.constantFrom(...INTEGERS))
  .map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value));
const floating = fc
  .oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(5, 4.5, 1e3, -0, 0.1, 1e22, 2 ** 53))
  .map(float);
export const metadataValue: fc.Arbitrary<MetadataValue> = fc.oneof(
  ...[text, integer, floating, fc.boolean()],
  ...[
    fc.array(text, ELEMENTS),
    fc.array(integer, ELEMENTS),
    fc.array(floating, ELEMENTS),
    fc.array(fc.boolean(), ELEMENTS),
  ],
);
const metadata = fc.dictionary(metadataKey, fc.oneof(metadataValue, fc.constant(null)), {
  maxKeys: 4,
  noNullPrototype: true,
});

/** Of an embedding: a 32-bit float, and its squared length must be one, too. */
const component = fc
  .oneof(fc.integer(), fc.double({ noNaN: true, min: -1e18, max: 1e18 }))
  .map(Math.fround)
  .filter((value) => !Object.is(value, -0));

/** Valid operations for a collection of at most 300 dimensions. */
export function operation(dimension: number, id: fc.Arbitrary<string> = recordId): fc.Arbitrary<Operation> {
  const embedding = fc.array(component, { minLength: dimension, maxLength: dimension });
  const parts = { id, metadata, document: text };
  return fc.oneof(
    fc.record(
      { op: fc.constant('upsert' as const), embedding, ...parts },
      { requiredKeys: ['op', 'id', 'embedding'], noNullPrototype: true },
    ),
    fc
      .record(
        { op: fc.constant('update' as const), embedding, ...parts },
        { requiredKeys: ['op', 'id'], noNullPrototype: true },
      )
      .filter(
        ({ embedding: vector, metadata: fields = {}, document }) =>
          vector !== undefined || document !== undefined || Object.keys(fields).length > 0,
      ),
    fc.record({ op: fc.constant('delete' as const), id }, { noNullPrototype: true }),
  );
}
