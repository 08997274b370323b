/**
 * The table in memory: the transitions of `protocol/lock.ts` as they stand, applied to a map. Every method reads and
 * writes in one synchronous step, so that it is as atomic as a conditional update.
 */

import { LockHeldError, StatusConflictError } from '../../lambdas/errors/errors.ts';
import type { LockTable, StatusTable } from '../../lambdas/ports.ts';
import * as lock from '../../lambdas/protocol/lock.ts';
import { type DeltaStatus, sameStatus } from '../../lambdas/snapshot/ledger.ts';

export class MemoryTable implements LockTable, StatusTable {
  readonly tableName: string;
  #identity: string | undefined;
  readonly #locks = new Map<string, lock.LockItem>();
  readonly #statuses = new Map<string, Map<string, DeltaStatus>>();

  constructor(tableName = 'memory') {
    this.tableName = tableName;
  }

  /** A copy of everything, for assertions. */
  items(): { locks: Map<string, lock.LockItem>; statuses: Map<string, Map<string, DeltaStatus>> } {
    return structuredClone({ locks: this.#locks, statuses: this.#statuses });
  }

  /** What an operator, or chaos, may do at any time: nothing but work may be lost by it. */
  deleteLock(collection: string): void {
    this.#locks.delete(collection);
  }

  /** What an operator does to a status that contradicts the ledger. */
  deleteStatus(collection: string, deltaId: string): void {
    this.#statuses.get(collection)?.delete(deltaId);
  }

  async readIdentity(): Promise<string | undefined> {
    return this.#identity;
  }

  async ensureIdentity(candidate: string): Promise<string> {
    this.#identity ??= candidate;
    return this.#identity;
  }

  async readLock(collection: string): Promise<lock.LockItem | undefined> {
    return structuredClone(this.#locks.get(collection));
  }

  async acquireLock(collection: string, request: lock.AcquireRequest): Promise<{ token: number }> {
    const verdict = this.#apply(collection, (item) => lock.acquireLock(item, request));
    if (!verdict.ok) throw new LockHeldError(collection, verdict.refusal.owner, verdict.refusal.expiresAt);
    return verdict.value;
  }

  async releaseLock(collection: string, holder: lock.Holder): Promise<{ acquiredAt: number } | undefined> {
    const verdict = this.#apply(collection, (item) => lock.releaseLock(item, holder));
    return verdict.ok ? verdict.value : undefined;
  }

  async takeClaim(
    collection: string,
    request: lock.ClaimRequest,
  ): Promise<{ token: number } | 'lock-lost' | 'claimed'> {
    const verdict = this.#apply(collection, (item) => lock.takeClaim(item, request));
    return verdict.ok ? verdict.value : verdict.refusal;
  }

  async renewClaim(collection: string, holder: lock.Holder, now: number, durationMs: number): Promise<boolean> {
    return this.#apply(collection, (item) => lock.renewClaim(item, holder, now, durationMs)).ok;
  }

  async wakeClaimant(collection: string, now: number): Promise<boolean> {
    return this.#apply(collection, (item) => lock.wakeClaimant(item, now)).ok;
  }

  async releaseClaim(collection: string, holder: lock.Holder, wake?: number): Promise<boolean> {
    return this.#apply(collection, (item) => lock.releaseClaim(item, holder, wake)).ok;
  }

  async getStatuses(collection: string, deltaIds: readonly string[]): Promise<Map<string, DeltaStatus>> {
    const statuses = this.#statuses.get(collection) ?? new Map<string, DeltaStatus>();
    const wanted = new Set(deltaIds);
    return structuredClone(new Map([...statuses].filter(([deltaId]) => wanted.has(deltaId))));
  }

  async putStatus(collection: string, deltaId: string, status: DeltaStatus): Promise<void> {
    const statuses = this.#statuses.get(collection) ?? new Map<string, DeltaStatus>();
    this.#statuses.set(collection, statuses);
    const standing = statuses.get(deltaId);
    if (standing !== undefined && !sameStatus(standing, status)) {
      const what = `Delta "${deltaId}" of collection "${collection}" has another status`;
      throw new StatusConflictError(`${what}: find out which commit decided it before anything else is done.`);
    }
    statuses.set(deltaId, structuredClone(status));
  }

  async forgetCollection(collection: string): Promise<number> {
    const count = (this.#statuses.get(collection)?.size ?? 0) + (this.#locks.has(collection) ? 1 : 0);
    this.#statuses.delete(collection);
    this.#locks.delete(collection);
    return count;
  }

  #apply<Value, Refusal>(
    collection: string,
    transition: (item: lock.LockItem | undefined) => lock.Transition<Value, Refusal>,
  ): lock.Transition<Value, Refusal> {
    const verdict = transition(this.#locks.get(collection));
    if (verdict.ok) this.#locks.set(collection, verdict.item);
    return verdict;
  }
}
