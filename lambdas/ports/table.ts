/** The table: the lock and claim of each collection, and the status of each delta. */

import type { AcquireRequest, ClaimRequest, Holder, LockItem } from '../protocol/lock.ts';
import type { DeltaStatus } from '../snapshot/ledger.ts';

/**
 * The `LOCK` item of each collection. Every method is one conditional update whose meaning is the pure function of the
 * same name in `protocol/lock.ts`; a retry that finds its own success succeeds. All methods throw
 * `TableUnavailableError` when the outcome is unknown.
 */
export interface LockTable {
  /** Consistent read. */
  readLock(collection: string): Promise<LockItem | undefined>;
  /** One attempt, no waiting. @throws LockHeldError */
  acquireLock(collection: string, request: AcquireRequest): Promise<{ token: number }>;
  /** `undefined`: this holder did not have it, or no longer. */
  releaseLock(collection: string, holder: Holder): Promise<{ acquiredAt: number } | undefined>;
  takeClaim(collection: string, request: ClaimRequest): Promise<{ token: number } | 'lock-lost' | 'claimed'>;
  renewClaim(collection: string, holder: Holder, now: number, durationMs: number): Promise<boolean>;
  /** False: there is no live claim to wake. */
  wakeClaimant(collection: string, now: number): Promise<boolean>;
  /** With `wake`: only if that is unchanged. False: refused, for whatever reason. */
  releaseClaim(collection: string, holder: Holder, wake?: number): Promise<boolean>;
}

/** The `DELTA#<id>` items: what producers wait on, and the guard against late duplicates. */
export interface StatusTable {
  /** Name of the table. Pointers carry it with the identity, so that two stacks on one store notice each other. */
  readonly tableName: string;
  /**
   * Consistent read; `undefined`: the table has none yet. The result must not be cached: a table can be recreated at
   * any time.
   */
  readIdentity(): Promise<string | undefined>;
  /** Give the table this identity unless it has one. @returns the identity that it has now */
  ensureIdentity(candidate: string): Promise<string>;
  /** Consistent reads; ids without a status are absent from the map. */
  getStatuses(collection: string, deltaIds: readonly string[]): Promise<Map<string, DeltaStatus>>;
  /** Create-only; an equal status is success. @throws StatusConflictError (there is a different one) */
  putStatus(collection: string, deltaId: string, status: DeltaStatus): Promise<void>;
  /**
   * Delete every item of a collection, its lock included. Only for a collection that is gone for good and whose name is
   * never used again. @returns the number of deleted items
   */
  forgetCollection(collection: string): Promise<number>;
}
