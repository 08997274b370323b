/** The table: the lock and claim of each collection, and the status of each delta. */

import type { AcquireRequest, ClaimRequest, Holder, LockItem } from '../protocol/lock.ts';
import type { DeltaStatus } from '../snapshot/ledger.ts';

/**
 * The `LOCK` item of each collection. Every method is one conditional update whose meaning is the pure function of the
 * same name in `protocol/lock.ts`; a retry that meets its own success is a success.
 * All methods throw `TableUnavailableError` when the outcome is unknown.
 */
export interface LockTable {
  /** Consistent read. */
  readLock(collection: string): Promise<LockItem | undefined>;
  /** One attempt, no waiting. @throws LockHeldError */
  acquireLock(collection: string, request: AcquireRequest): Promise<{ token: number }>;
  /** `undefined`: it was not held by this holder (any more). */
  releaseLock(collection: string, holder: Holder): Promise<{ acquiredAt: number } | undefined>;
  takeClaim(collection: string, request: ClaimRequest): Promise<{ token: number } | 'lock-lost' | 'claimed'>;
  renewClaim(collection: string, holder: Holder, now: number, durationMs: number): Promise<boolean>;
  /** False: there is no live claim to wake. */
  wakeClaimant(collection: string, now: number): Promise<boolean>;
  /** With `wake`: only if it is unchanged. False: refused, for whatever reason. */
  releaseClaim(collection: string, holder: Holder, wake?: number): Promise<boolean>;
}

/** The `DELTA#<id>` items: what producers wait on, and the guard against late duplicates. */
export interface StatusTable {
  /** Name that pointers carry, with the identity, so that two stacks on one store notice each other. */
  readonly tableName: string;
  /** Consistent read; `undefined`: none was made yet. Nothing may be kept of it: a table can be recreated at any time. */
  readIdentity(): Promise<string | undefined>;
  /** Give the table this identity, unless it has one. @returns the one that it has now */
  ensureIdentity(candidate: string): Promise<string>;
  /** Consistent reads; ids without a status are absent from the map. */
  getStatuses(collection: string, deltaIds: readonly string[]): Promise<Map<string, DeltaStatus>>;
  /** Create-only; an equal status is success. @throws StatusConflictError (another one is there) */
  putStatus(collection: string, deltaId: string, status: DeltaStatus): Promise<void>;
  /**
   * Delete every item of a collection, its lock included. Only for one that is gone for good, and whose name is never
   * used again. @returns how many there were
   */
  forgetCollection(collection: string): Promise<number>;
}
