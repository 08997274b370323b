/**
 * The lock and the claim of one collection, as pure transitions on one table item.
 *
 * The in-memory table applies these functions directly; the DynamoDB adapter states the same conditions in one
 * conditional update each. One contract suite tests both.
 *
 * ```
 * lock    free ── acquire ──► held(owner, token) ── release(owner, token) ──► free      (the item is never deleted)
 *                              └── expires ──► anybody may acquire; the token has moved on
 * claim   none ── take while holding the lock ──► live(owner, token) ── renew* ── release if wake is unchanged ──► none
 * ```
 *
 * The lock only saves work: the safety of a swap does not depend on it (see `swap.ts`).
 */

export const LOCK_PHASES = ['validation', 'swap'] as const;
/** `validation`: compare the planned pointer and take the claim. `swap`: move the pointer. */
export type LockPhase = (typeof LOCK_PHASES)[number];

/** The `LOCK` item. Times are milliseconds since the epoch; an absent owner means free. */
export interface LockItem {
  /** Execution ARN of the holder. */
  owner?: string;
  /** Fencing token of the last acquire; never falls, never deleted. */
  token: number;
  phase?: LockPhase;
  acquiredAt?: number;
  expiresAt?: number;
  /** ARN of the execution that is compacting this collection. */
  claimOwner?: string;
  claimToken?: number;
  claimExpiresAt?: number;
  /** Counts the wake-ups of delegating executions; never reset. */
  wake?: number;
}

export interface AcquireRequest {
  owner: string;
  phase: LockPhase;
  /** Token of the planned pointer: the new token exceeds it even if the item was deleted. */
  pointerToken: number;
  now: number;
  durationMs: number;
}

/** The holder: both parts must match for any renewal or release. */
export interface Holder {
  owner: string;
  token: number;
}

export type Transition<Value, Refusal> = { ok: true; item: LockItem; value: Value } | { ok: false; refusal: Refusal };

/**
 * Is the lock free for `owner` at `now`? A holder may acquire it again: a retry must not wait for a lock that it got in
 * a lost response.
 */
export function isLockFree(item: LockItem | undefined, owner: string, now: number): boolean {
  return item?.owner === undefined || item.owner === owner || (item.expiresAt ?? 0) <= now;
}

/** A claim is live when it has an owner **and** is unexpired. */
export function isClaimLive(item: LockItem | undefined, now: number): boolean {
  return item?.claimOwner !== undefined && (item.claimExpiresAt ?? 0) > now;
}

/**
 * May `execution` delegate to the claimant without taking the lock? Only to another execution, and only if it holds
 * nothing itself: a holder of lock or claim must go on to the states that release them.
 */
export function mayDelegate(item: LockItem | undefined, execution: string, now: number): boolean {
  return isClaimLive(item, now) && item?.claimOwner !== execution && item?.owner !== execution;
}

/** Mint the next token: above that of the item and that of the planned pointer. */
export function nextToken(itemToken: number | undefined, pointerToken: number): number {
  return Math.max(itemToken ?? 0, pointerToken) + 1;
}

/** Acquire the lock, or refuse with the holder's item. */
export function acquireLock(
  item: LockItem | undefined,
  request: AcquireRequest,
): Transition<{ token: number }, { owner: string; expiresAt: number }> {
  if (!isLockFree(item, request.owner, request.now)) {
    return { ok: false, refusal: { owner: item?.owner ?? 'unknown', expiresAt: item?.expiresAt ?? 0 } };
  }
  const token = nextToken(item?.token, request.pointerToken);
  const next: LockItem = {
    ...item,
    owner: request.owner,
    token,
    phase: request.phase,
    acquiredAt: request.now,
    expiresAt: request.now + request.durationMs,
  };
  return { ok: true, item: next, value: { token } };
}

/** Release by owner and token. Clears the owner and keeps the token, so that tokens never fall. */
export function releaseLock(
  item: LockItem | undefined,
  holder: Holder,
): Transition<{ acquiredAt: number }, 'not-held'> {
  if (item?.owner !== holder.owner || item.token !== holder.token) return { ok: false, refusal: 'not-held' };
  const { owner: _owner, phase: _phase, expiresAt: _expiresAt, acquiredAt = 0, ...rest } = item;
  return { ok: true, item: rest, value: { acquiredAt } };
}

export interface ClaimRequest {
  /** Requires that the lock is held with this token, and has not expired, so that a zombie cannot claim. */
  holder: Holder;
  now: number;
  durationMs: number;
}

/**
 * Take the claim while holding the lock. The claim's token is the token of the lock it is taken under: already minted
 * above every earlier one.
 */
export function takeClaim(
  item: LockItem | undefined,
  request: ClaimRequest,
): Transition<{ token: number }, 'lock-lost' | 'claimed'> {
  const { holder, now } = request;
  const holds = item?.owner === holder.owner && item.token === holder.token && (item.expiresAt ?? 0) > now;
  if (item === undefined || !holds) return { ok: false, refusal: 'lock-lost' };
  if (isClaimLive(item, now) && item.claimOwner !== holder.owner) return { ok: false, refusal: 'claimed' };
  const next: LockItem = {
    ...item,
    claimOwner: holder.owner,
    claimToken: holder.token,
    claimExpiresAt: now + request.durationMs,
    wake: item.wake ?? 0,
  };
  return { ok: true, item: next, value: { token: holder.token } };
}

/**
 * Renew the claim by owner and token. A late heartbeat never takes back a claim that another execution has taken since.
 */
export function renewClaim(
  item: LockItem | undefined,
  holder: Holder,
  now: number,
  durationMs: number,
): Transition<undefined, 'not-claimed'> {
  if (item?.claimOwner !== holder.owner || item.claimToken !== holder.token) {
    return { ok: false, refusal: 'not-claimed' };
  }
  const claimExpiresAt = Math.max(item.claimExpiresAt ?? 0, now + durationMs);
  return { ok: true, item: { ...item, claimExpiresAt }, value: undefined };
}

/** Tell the claimant that there is more to do, provided that there is a live one. */
export function wakeClaimant(item: LockItem | undefined, now: number): Transition<{ wake: number }, 'not-claimed'> {
  if (item === undefined || !isClaimLive(item, now)) return { ok: false, refusal: 'not-claimed' };
  const wake = (item.wake ?? 0) + 1;
  return { ok: true, item: { ...item, wake }, value: { wake } };
}

/**
 * Release the claim by owner and token; with `wake`, only if no execution has delegated since it was read.
 * Without `wake` the release is unconditional (on failure, or when a successor is started afterwards).
 */
export function releaseClaim(
  item: LockItem | undefined,
  holder: Holder,
  wake?: number,
): Transition<undefined, 'not-claimed' | 'woken'> {
  if (item?.claimOwner !== holder.owner || item.claimToken !== holder.token) {
    return { ok: false, refusal: 'not-claimed' };
  }
  if (wake !== undefined && (item.wake ?? 0) !== wake) return { ok: false, refusal: 'woken' };
  const { claimOwner: _owner, claimExpiresAt: _expiresAt, ...rest } = item;
  return { ok: true, item: rest, value: undefined };
}
