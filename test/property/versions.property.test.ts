/** Laws of engine versions: one total order, by number and not by text, in which a pre-release precedes its release. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareVersions } from '../../lambdas/protocol/engine-versions.ts';

const numbers = fc.tuple(fc.nat(20), fc.nat(20), fc.nat(20));
const tag = fc.constantFrom('', '-alpha', '-alpha.1', '-beta', '-rc.2', '-rc.10', '+build.7', '-rc.2+build.7');
const version = fc.tuple(numbers, tag).map(([numbers, tag]) => `${numbers.join('.')}${tag}`);

describe('the order of versions', () => {
  it.each([
    ['1.0.5', '1.3.4', -1],
    ['1.9.0', '1.10.0', -1],
    ['0.6.3', '1.0.0', -1],
    ['1.0', '1.0.0', 0],
    ['1', '1.0.1', -1],
    ['1.0.0-rc.1', '1.0.0', -1],
    ['1.0.0-alpha', '1.0.0-beta', -1],
    ['1.0.0-rc.2', '1.0.0-rc.10', -1],
    ['1.0.0', '1.0.1-alpha', -1],
    ['1.0.0+build-7', '1.0.0', 0],
    ['1.0.0-rc.2+build.7', '1.0.0-rc.2', 0],
    ['2.0.0', '1.99.99', 1],
    ['10.0.0', '9.0.0', 1],
    ['1.3.4', '1.3.4', 0],
  ])('puts %s against %s as %i', (a, b, sign) => {
    expect(Math.sign(compareVersions(a, b))).toBe(sign);
    expect(Math.sign(compareVersions(b, a)) + sign).toBe(0);
  });

  it('is total: reflexive, antisymmetric and transitive', () => {
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(compareVersions(a, a)).toBe(0);
        expect(Math.sign(compareVersions(a, b)) + Math.sign(compareVersions(b, a))).toBe(0);
        if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0) {
          expect(compareVersions(a, c)).toBeLessThanOrEqual(0);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('rises with any number, whatever comes after it', () => {
    fc.assert(
      fc.property(numbers, fc.nat(2), numbers, tag, tag, (numbers, at, other, one, two) => {
        const raised = numbers.map((part, index) =>
          index < at ? part : index === at ? part + 1 : (other[index] ?? 0),
        );
        expect(compareVersions(`${raised.join('.')}${one}`, `${numbers.join('.')}${two}`)).toBeGreaterThan(0);
      }),
    );
  });
});
