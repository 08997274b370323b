import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAddress, encodeAddress, isOwnTable } from '../../lambdas/protocol/table-address.ts';

/** As DynamoDB allows them: a name, or an ARN in its place. */
const name = fc.stringMatching(/^[a-zA-Z0-9_.:/-]{3,60}$/);
const identity = fc.stringMatching(/^[0-9A-HJKMNP-TV-Z]{26}$/);
const address = fc.record({ name, identity: fc.option(identity, { nil: undefined }) });

describe('the address of a table', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(address, (own) => {
        expect(decodeAddress(encodeAddress(own))).toEqual(own);
      }),
    );
  });

  it('is one’s own only with the same name and, where there is one, the same identity', () => {
    fc.assert(
      fc.property(address, address, (own, other) => {
        const isSame = other.name === own.name && (other.identity === undefined || other.identity === own.identity);
        expect(isOwnTable(encodeAddress(other), own)).toBe(isSame);
        expect(isOwnTable(encodeAddress(own), own)).toBe(true);
        expect(isOwnTable(own.name, own)).toBe(true);
      }),
    );
  });

  it('with an identity is never that of a table which has none', () => {
    fc.assert(
      fc.property(name, identity, (own, made) => {
        expect(isOwnTable(encodeAddress({ name: own, identity: made }), { name: own, identity: undefined })).toBe(
          false,
        );
      }),
    );
  });
});
