/**
 * The attributes of `LOCK` items in one list: the adapter parses items by it, and the roles of a deployment may update
 * these attributes and no others. A status has none of them.
 */

/** The table's key. */
export const KEY_ATTRIBUTES = ['collection', 'item'] as const;

/** Attributes of lock and claim, besides the key. */
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

/** Its attributes, besides the key. */
export const IDENTITY_ATTRIBUTES = ['identity'] as const;
