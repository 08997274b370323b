/** Laws of object keys: they parse back, they never collide, and no hostile name gets into one. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidInputError } from '../../lambdas/errors/errors.ts';
import {
  checkCollection,
  checkDeltaId,
  deltaKey,
  inboxPrefix,
  isDeltaId,
  manifestKey,
  manifestsPrefix,
  packKey,
  packsPrefix,
  parseDeltaKey,
  parseManifestKey,
  parsePackKey,
  parsePointerKey,
  parseRejectionKey,
  pointerKey,
  rejectionKey,
} from '../../lambdas/snapshot/keys.ts';
import { collection, commitId, deltaId, hex64, hostileName, version } from '../support/arbitraries.ts';

const COMMIT = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
const packNumber = fc.nat(999_999);
const PARSERS = [parsePointerKey, parseManifestKey, parsePackKey, parseDeltaKey, parseRejectionKey];

const KINDS = ['pointer', 'manifest', 'pack', 'delta', 'rejection'];

/** A key of some kind, and what it was built from. */
const built = fc.oneof(
  fc.record({ collection }).map((parts) => ({ kind: 'pointer', parts, key: pointerKey(parts.collection) })),
  fc.record({ collection, version, commitId }).map((parts) => {
    return { kind: 'manifest', parts, key: manifestKey(parts.collection, parts.version, parts.commitId) };
  }),
  fc.record({ collection, commitId, n: packNumber }).map((parts) => {
    return { kind: 'pack', parts, key: packKey(parts.collection, parts.commitId, parts.n) };
  }),
  fc.record({ collection, deltaId }).map((parts) => {
    return { kind: 'delta', parts, key: deltaKey(parts.collection, parts.deltaId) };
  }),
  fc.record({ collection, deltaId }).map((parts) => {
    return { kind: 'rejection', parts, key: rejectionKey(parts.collection, parts.deltaId) };
  }),
  fc.record({ collection, deltaId, sha256: hex64 }).map((parts) => {
    return { kind: 'rejection', parts, key: rejectionKey(parts.collection, parts.deltaId, parts.sha256) };
  }),
);

describe('a key', () => {
  it('parses back to what it was built from, by the parser of its kind and by no other', () => {
    fc.assert(
      fc.property(built, ({ kind, parts, key }) => {
        expect(PARSERS.map((parse) => parse(key))).toEqual(KINDS.map((other) => (other === kind ? parts : undefined)));
      }),
    );
  });

  it('differs from every key that was built from anything else', () => {
    fc.assert(
      fc.property(built, built, (a, b) => {
        const same = a.kind === b.kind && JSON.stringify(a.parts) === JSON.stringify(b.parts);
        expect(a.key === b.key).toBe(same);
      }),
    );
  });

  it('stands under the prefixes of its own collection only', () => {
    const prefixes = [manifestsPrefix, packsPrefix, inboxPrefix];
    fc.assert(
      fc.property(built, collection, ({ kind, parts, key }, other) => {
        const isUnder = (name: string) => prefixes.some((prefix) => key.startsWith(prefix(name)));
        expect(isUnder(parts.collection)).toBe(['manifest', 'pack', 'delta'].includes(kind));
        if (other !== parts.collection) expect(isUnder(other)).toBe(false);
      }),
    );
  });

  it('of a manifest sorts by version', () => {
    fc.assert(
      fc.property(collection, version, version, commitId, commitId, (name, a, b, one, other) => {
        fc.pre(a < b);
        expect(manifestKey(name, a, one) < manifestKey(name, b, other)).toBe(true);
      }),
    );
  });

  it('is one safe path: no empty, `.` or `..` segment, no character outside a small set', () => {
    fc.assert(
      fc.property(built, ({ key }) => {
        expect(key).toMatch(/^[A-Za-z0-9._~/-]{1,300}$/);
        expect(key.split('/')).not.toEqual(expect.arrayContaining([expect.stringMatching(/^\.{0,2}$/)]));
      }),
    );
  });
});

describe('a hostile name', () => {
  const builders: Array<[string, (name: string) => unknown]> = [
    ['checkCollection', checkCollection],
    ['pointerKey', pointerKey],
    ['manifestsPrefix', manifestsPrefix],
    ['packsPrefix', packsPrefix],
    ['inboxPrefix', inboxPrefix],
    ['manifestKey, as collection', (name) => manifestKey(name, 1, COMMIT)],
    ['manifestKey, as commit id', (name) => manifestKey('docs', 1, name)],
    ['packKey, as collection', (name) => packKey(name, COMMIT, 0)],
    ['packKey, as commit id', (name) => packKey('docs', name, 0)],
    ['deltaKey, as collection', (name) => deltaKey(name, 'd')],
    ['checkDeltaId', checkDeltaId],
    ['deltaKey, as delta id', (name) => deltaKey('docs', name)],
    ['rejectionKey, as collection', (name) => rejectionKey(name, 'd')],
    ['rejectionKey, as delta id', (name) => rejectionKey('docs', name)],
    ['rejectionKey, as SHA-256', (name) => rejectionKey('docs', 'd', name)],
  ];

  it.each(builders)('is refused by %s', (_builder, build) => {
    fc.assert(
      fc.property(hostileName, (name) => {
        expect(() => build(name)).toThrow(InvalidInputError);
      }),
    );
  });

  it('with two dots in a row is no collection, wherever they stand', () => {
    fc.assert(
      fc.property(collection, collection, (one, other) => {
        const name = `${one.slice(0, 60)}..${other.slice(-60)}`;
        expect(() => checkCollection(name)).toThrow(InvalidInputError);
        expect(parsePointerKey(`pointers/${name}.json`)).toBeUndefined();
      }),
    );
  });

  it('gives an error message of bounded length', () => {
    const long = 'x'.repeat(100_000);
    for (const check of [checkCollection, checkDeltaId]) {
      try {
        check(long);
      } catch (error) {
        expect((error as Error).message.length).toBeLessThan(400);
      }
    }
  });

  it('never parses out of a key, wherever it stands', () => {
    fc.assert(
      fc.property(hostileName, (name) => {
        const keys = [
          `pointers/${name}.json`,
          `manifests/${name}/000000000001-${COMMIT}.json`,
          `manifests/docs/000000000001-${name}.json`,
          `manifests/docs/${name}-${COMMIT}.json`,
          `packs/${name}/${COMMIT}-0.pack`,
          `packs/docs/${name}-0.pack`,
          `packs/docs/${COMMIT}-${name}.pack`,
          `deltas/${name}/d`,
          `deltas/docs/${name}`,
          `rejected/${name}/d.json`,
          `rejected/docs/${name}.json`,
          `rejected/docs/d~${name}.json`,
        ];
        for (const key of keys) expect(PARSERS.map((parse) => parse(key))).toEqual(PARSERS.map(() => undefined));
        expect(isDeltaId(name)).toBe(false);
      }),
    );
  });

  it('never makes a parser throw, and what does parse builds the same key again', () => {
    const anything = fc.oneof(
      fc.string({ unit: 'binary' }),
      built.map(({ key }) => key.slice(key.indexOf('/') + 1)),
    );
    fc.assert(
      fc.property(anything, fc.constantFrom('', 'pointers/', 'deltas/docs/', 'rejected/docs/'), (text, prefix) => {
        const key = prefix + text;
        const delta = parseDeltaKey(key);
        if (delta !== undefined) expect(deltaKey(delta.collection, delta.deltaId)).toBe(key);
        const rejection = parseRejectionKey(key);
        if (rejection !== undefined) {
          expect(rejectionKey(rejection.collection, rejection.deltaId, rejection.sha256)).toBe(key);
        }
        const pointer = parsePointerKey(key);
        if (pointer !== undefined) expect(pointerKey(pointer.collection)).toBe(key);
        parseManifestKey(key);
        parsePackKey(key);
      }),
    );
  });
});
