/** Laws of the manifest: it comes back as it was stored, or as a CorruptObjectError, and never as anything else. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CorruptObjectError } from '../../lambdas/errors/errors.ts';
import { sha256 } from '../../lambdas/snapshot/blocks.ts';
import {
  ANCESTRY_LENGTH,
  childAncestry,
  decodeManifest,
  encodeManifest,
  type Manifest,
  type ManifestRef,
} from '../../lambdas/snapshot/manifest.ts';
import { commitId, edited, edits, hex64, ledgerEntry, version } from '../support/arbitraries.ts';
import { Chain, type Snapshot } from './commit-chain.ts';

const KEY = 'manifests/docs/000000000001-01ARZ3NDEKTSV4RRFFQ69G5FAV.json';

const ref: fc.Arbitrary<ManifestRef> = fc.record({ key: fc.string(), sha256: hex64 });
/** Files and packs of a real chain; everything else arbitrary. */
const manifest: fc.Arbitrary<Manifest> = fc
  .tuple(
    fc.array(edits, { maxLength: 3 }),
    fc.record({
      version,
      commitId,
      parent: fc.option(ref),
      ancestry: fc.array(fc.record({ version, commitId }), { maxLength: 5 }),
      space: fc.constantFrom('l2' as const, 'cosine' as const, 'ip' as const),
      dimension: fc.integer({ min: 1, max: 65_536 }),
      engine: fc.option(
        fc.record({
          name: fc.string(),
          version: fc.string(),
          migrations: fc.dictionary(fc.constantFrom('sysdb', 'metadb', 'x y'), fc.nat(), { noNullPrototype: true }),
        }),
      ),
      records: fc.maxSafeNat(),
      ledger: fc.array(ledgerEntry, { maxLength: 3 }),
    }),
  )
  .map(([history, rest]) => {
    const chain = new Chain();
    let last: Snapshot = chain.empty();
    for (const changes of history) last = chain.commit(last, edited(last.files, changes));
    return { ...last.manifest, ...rest };
  });

function decode(bytes: Uint8Array, expected = sha256(bytes)): Manifest {
  return decodeManifest(KEY, bytes, expected);
}

describe('a stored manifest', () => {
  it('decodes to what was encoded, and encodes to the same bytes again', () => {
    fc.assert(
      fc.property(manifest, (manifest) => {
        const { bytes, sha256 } = encodeManifest(manifest);
        const decoded = decode(bytes, sha256);
        expect(decoded).toEqual(manifest);
        expect(Buffer.from(encodeManifest(decoded).bytes).equals(bytes)).toBe(true);
      }),
    );
  });

  it('with one byte changed, cut short or made longer is corrupt', () => {
    const damage = fc.record({
      at: fc.nat(),
      by: fc.integer({ min: 1, max: 255 }),
      more: fc.uint8Array({ minLength: 1 }),
    });
    fc.assert(
      fc.property(manifest, damage, (manifest, { at, by, more }) => {
        const { bytes, sha256: expected } = encodeManifest(manifest);
        const place = at % bytes.length;
        const changed = Uint8Array.from(bytes);
        changed[place] = ((changed[place] as number) + by) % 256;
        for (const damaged of [changed, bytes.subarray(0, place), Buffer.concat([bytes, more])]) {
          expect(() => decode(damaged, expected)).toThrow(CorruptObjectError);
        }
      }),
    );
  });

  it('of arbitrary bytes under their own hash is corrupt', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((json) => Buffer.from(json)),
        ),
        (bytes) => {
          expect(() => decode(bytes)).toThrow(CorruptObjectError);
        },
      ),
    );
  });

  it('with any value anywhere replaced, under a new hash, still decodes or is corrupt', () => {
    const value = fc.oneof(
      fc.constantFrom<unknown>(null, -1, 0.5, 1e9, 2 ** 53, 1e300, '', '..', '/a', [], {}, true, '__proto__'),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(manifest, fc.nat(), value, (manifest, at, value) => {
        const json = JSON.parse(Buffer.from(encodeManifest(manifest).bytes).toString());
        const places = leaves(json);
        const { parent, key } = places[at % places.length] as Place;
        parent[key] = value;
        try {
          decode(Buffer.from(JSON.stringify(json)));
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptObjectError);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('cannot be encoded when an extent refers to a pack that is not listed', () => {
    const chain = new Chain();
    const { manifest } = chain.commit(chain.empty(), new Map([['a', Buffer.alloc(1)]]));
    expect(() => encodeManifest({ ...manifest, packs: [] })).toThrow(CorruptObjectError);
  });
});

describe('ancestry', () => {
  it('of a child starts with its parent and holds the newest ancestors, as many as are kept', () => {
    const refs = fc.array(fc.record({ version, commitId }), { minLength: 60, maxLength: ANCESTRY_LENGTH, size: 'max' });
    fc.assert(
      fc.property(manifest, refs, (manifest, ancestry) => {
        const child = childAncestry({ ...manifest, ancestry });
        const all = [{ version: manifest.version, commitId: manifest.commitId }, ...ancestry];
        expect(child).toEqual(all.slice(0, ANCESTRY_LENGTH));
      }),
      { numRuns: 30 },
    );
  });
});

interface Place {
  parent: Record<string, unknown>;
  key: string;
}

/** Every place in a JSON value that holds something. */
function leaves(value: unknown): Place[] {
  if (typeof value !== 'object' || value === null) return [];
  const parent = value as Record<string, unknown>;
  return Object.keys(parent).flatMap((key) => [{ parent, key }, ...leaves(parent[key])]);
}
