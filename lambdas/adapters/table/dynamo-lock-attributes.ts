/**
 * What `LOCK` items consist of, in one list: the adapter parses them by it, and by it the roles of a deployment may update
 * these attributes and no others. A status has none of them.
 */

/** The table's key. */
export const KEY_ATTRIBUTES = ['collection', 'item'] as const;

/** Of lock and claim, beside the key. */
export const LOCK_ATTRIBUTES = [
  'owner',
  'token',
  'phase',
  'acquiredAt',
  'expiresAt',
  'claimOwner',
  'claimToken',
  'claimExpiresAt',
  'wake',
] as const;

export type LockAttribute = (typeof LOCK_ATTRIBUTES)[number];

/** The item of the table itself. No collection has its key: names hold no `#`. */
export const IDENTITY_KEY = { collection: '#table', item: 'IDENTITY' } as const;

/** Of that item, beside the key. */
export const IDENTITY_ATTRIBUTES = ['identity'] as const;
