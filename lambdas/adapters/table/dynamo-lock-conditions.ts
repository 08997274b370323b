/**
 * The conditions of `protocol/lock.ts` as DynamoDB expressions. Each constant is one part of a condition, with what
 * goes wrong without it (A and B are executions, t is in seconds).
 */

/**
 * A holds until t=60, B acquires at t=10: two compactors merge the same deltas. A itself may acquire again, to retry
 * after a lost reply.
 */
export const LOCK_FREE =
  '(attribute_not_exists(#owner) OR #owner = :owner OR attribute_not_exists(#expiresAt) OR #expiresAt <= :now)';
/** Item deleted, pointer at token 7: counting on from the item alone would mint 1 again. */
export const TOKEN_REACHES_POINTER = '(attribute_not_exists(#token) OR #token >= :pointerToken)';
export const TOKEN_BEHIND_POINTER = '#token < :pointerToken';
export const MINT_ABOVE_ITEM = '#token = if_not_exists(#token, :pointerToken) + :one';
export const MINT_ABOVE_POINTER = '#token = :pointerToken + :one';
/** A expires, B acquires, A wakes up and releases: B would lose what it holds. By token, since A may be B's owner. */
export const LOCK_IS_MINE = '#owner = :owner AND #token = :token';
/** A expires with nobody waiting, then claims: the claim would belong to a zombie. */
export const LOCK_UNEXPIRED = '#expiresAt > :now';
/** A merges, B claims: two merges of the same deltas. */
export const NO_LIVE_CLAIM =
  '(attribute_not_exists(#claimOwner) OR attribute_not_exists(#claimExpiresAt) OR #claimExpiresAt <= :now)';
export const CLAIM_OWNER_IS_ME = '#claimOwner = :owner';
/** A's claim expires, B claims, A's late heartbeat arrives: it would steal the claim back. */
export const CLAIM_IS_MINE = '#claimOwner = :owner AND #claimToken = :token';
/** Two heartbeats overtake each other: the claim would be cut short. */
export const CLAIM_ENDS_EARLIER = '(attribute_not_exists(#claimExpiresAt) OR #claimExpiresAt < :claimExpiresAt)';
/** The claimant released, or died: its wake-up would go unread, and strand the deltas behind it. */
export const CLAIM_LIVE = 'attribute_exists(#claimOwner) AND #claimExpiresAt > :now';
/** A lists an empty inbox, B delegates to A, A releases: B's deltas would be left waiting. */
export const WAKE_UNCHANGED = '#wake = :wake';
export const NEVER_WOKEN = '(attribute_not_exists(#wake) OR #wake = :wake)';
