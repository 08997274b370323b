/** Manifests of an attacker who can hash: whatever they say, they are a CorruptObjectError. */
import { describe, expect, it } from 'vitest';
import { CorruptObjectError } from '../../lambdas/errors/errors.ts';
import { sha256 } from '../../lambdas/snapshot/blocks.ts';
import { FRAME_SIZE } from '../../lambdas/snapshot/frames.ts';
import type { LedgerEntry } from '../../lambdas/snapshot/ledger.ts';
import { decodeManifest, encodeManifest, type Manifest } from '../../lambdas/snapshot/manifest.ts';
import { edited } from '../support/arbitraries.ts';
import { Chain } from './commit-chain.ts';

const LEDGER_ENTRY: LedgerEntry = {
  deltaId: 'd',
  outcome: 'applied',
  version: 1,
  sha256: 'f'.repeat(64),
  rejectedOperations: 0,
};

/** SHA-256 of nothing. */
const EMPTY = sha256(new Uint8Array());

function decode(bytes: Uint8Array): Manifest {
  return decodeManifest('manifests/docs/000000000001-01ARZ3NDEKTSV4RRFFQ69G5FAV.json', bytes, sha256(bytes));
}

describe('a hostile manifest with the right hash', () => {
  type Json = Record<string, unknown> & {
    files: StoredFile[];
    frames: unknown[][];
    packs: Array<Record<string, unknown>>;
  };
  type StoredFile = { path: string; size: number; extents: number[][] };
  const file = (json: Json) => json.files[0] as StoredFile;
  const extent = (json: Json, index = 0) => file(json).extents[index] as number[];
  const frame = (json: Json) => json.frames[0] as unknown[];
  const pack = (json: Json) => json.packs[0] as Record<string, unknown>;

  const attacks: Array<[string, (json: Json) => unknown]> = [
    ['an extent beyond its frame', (json) => (extent(json)[3] = FRAME_SIZE)],
    ['an extent longer than its frame', (json) => Object.assign(file(json), { size: 1e6, extents: [[0, 1e6, 0, 0]] })],
    ['an extent of a frame that is not there', (json) => (extent(json)[2] = 1e9)],
    ['an empty extent', (json) => file(json).extents.push([file(json).size, 0, 0, 0])],
    ['a negative offset', (json) => (extent(json)[0] = -1)],
    ['a fractional length', (json) => (extent(json)[1] = 0.5)],
    ['extents out of order', (json) => file(json).extents.reverse()],
    ['overlapping extents', (json) => (extent(json, 1)[0] = 4095)],
    [
      'an extent that begins inside a block',
      (json) => file(json).extents.splice(0, 1, [0, 100, 0, 0], [100, 3996, 0, 100]),
    ],
    ['a gap between extents', (json) => file(json).extents.splice(1, 1)],
    ['a file smaller than its extents', (json) => file(json).size--],
    ['a file larger than its extents', (json) => file(json).size++],
    ['an enormous file', (json) => (file(json).size = Number.MAX_SAFE_INTEGER)],
    ['a size that is not a number', (json) => (file(json).size = 'many' as never)],
    ['a path that climbs out', (json) => (file(json).path = '../../etc/passwd')],
    ['a path that climbs out in its middle', (json) => (file(json).path = 'a/../../b')],
    ['an absolute path', (json) => (file(json).path = '/etc/passwd')],
    ['an empty path', (json) => (file(json).path = '')],
    ['a path with an empty segment', (json) => (file(json).path = 'a//b')],
    ['a path with a dot segment', (json) => (file(json).path = './a')],
    ['a path that ends in a slash', (json) => (file(json).path = 'a/')],
    ['a path with a NUL', (json) => (file(json).path = 'a\0b')],
    ['a path with a backslash', (json) => (file(json).path = '..\\a')],
    ['a path with a line break', (json) => (file(json).path = 'a\n../b')],
    ['a path of 513 characters', (json) => (file(json).path = 'a'.repeat(513))],
    ['a path listed twice', (json) => json.files.push(file(json))],
    ['a frame of 10^9 raw bytes', (json) => (frame(json)[3] = 1e9)],
    ['a frame beyond its pack', (json) => (frame(json)[1] = 1e6)],
    ['a frame longer than its pack', (json) => (frame(json)[2] = 1e6)],
    ['a frame of a pack that is not listed', (json) => (frame(json)[0] = 7)],
    ['an empty frame of a pack that is not listed', (json) => json.frames.splice(0, 1, [999, 0, 0, FRAME_SIZE, EMPTY])],
    ['a pack listed twice', (json) => json.packs.push(pack(json))],
    ['a file that is also a folder', (json) => ((json.files[1] as StoredFile).path = `${file(json).path}/b`)],
    ['a flood of bad extents', (json) => (file(json).extents = Array(200_000).fill([-1, 0, 0, 0]))],
    ['a frame with too few parts', (json) => frame(json).pop()],
    ['a frame with a bad digest', (json) => (frame(json)[4] = 'f'.repeat(63))],
    ['a pack of another collection', (json) => (pack(json).key = String(pack(json).key).replace('/docs/', '/other/'))],
    ['a pack that is no pack', (json) => (pack(json).key = 'pointers/docs.json')],
    ['a pack key that climbs out', (json) => (pack(json).key = 'packs/docs/../../x.pack')],
    ['a pack of more than 2^53 bytes', (json) => (pack(json).size = 1e300)],
    ['an unknown field', (json) => (json.surprise = 1)],
    ['an unknown field in a file', (json) => Object.assign(file(json), { mode: 0o777 })],
    ['a missing field', (json) => delete json.ledger],
    ['another format', (json) => (json.format = 2)],
    ['a huge dimension', (json) => (json.dimension = 65_537)],
    ['no dimension', (json) => (json.dimension = 0)],
    ['an unknown space', (json) => (json.space = 'manhattan')],
    ['a huge version', (json) => (json.version = 1e300)],
    ['a commit id that is none', (json) => (json.commitId = '../../x')],
    ['an ancestry that is too long', (json) => (json.ancestry = Array(65).fill([1, '0'.repeat(26)]))],
    ['a ledger entry of an unknown outcome', (json) => (json.ledger = [{ ...LEDGER_ENTRY, outcome: 'lost' }])],
    ['a ledger entry of an over-long id', (json) => (json.ledger = [{ ...LEDGER_ENTRY, deltaId: 'd'.repeat(49) }])],
  ];

  it.each(attacks)('is corrupt with %s', (_what, attack) => {
    const json = JSON.parse(Buffer.from(twoFiles().bytes).toString()) as Json;
    attack(json);
    expect(() => decode(Buffer.from(JSON.stringify(json)))).toThrow(CorruptObjectError);
  });

  it('would be sound without the attack', () => {
    const json = JSON.parse(Buffer.from(twoFiles().bytes).toString()) as Json;
    json.ledger = [LEDGER_ENTRY];
    expect(decode(Buffer.from(JSON.stringify(json))).files.map(({ path, extents }) => [path, extents.length])).toEqual([
      ['a', 3],
      ['b', 1],
    ]);
  });

  it('is corrupt with values that only JSON text can hold', () => {
    const text = Buffer.from(twoFiles().bytes).toString();
    for (const value of [
      '1e999',
      '-0.1',
      '"__proto__"',
      '{"__proto__":1}',
      `${'['.repeat(50_000)}${']'.repeat(50_000)}`,
    ]) {
      expect(() => decode(Buffer.from(text.replace(/"records":\d+/, `"records":${value}`)))).toThrow(
        CorruptObjectError,
      );
    }
  });
});

/** The second version of a collection: one file of three extents, one of a single short one. */
function twoFiles() {
  const chain = new Chain();
  const first = chain.commit(chain.empty(), new Map([['a', Buffer.alloc(12_288, 1)]]));
  const { manifest } = chain.commit(
    first,
    edited(first.files, [
      { path: 'a', kind: 'write', at: 4096, length: 4096, seed: 2 },
      { path: 'b', kind: 'resize', size: 100 },
    ]),
  );
  return { manifest, ...encodeManifest(manifest) };
}
