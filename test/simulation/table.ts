/**
 * The table of a simulated world: the transitions of `protocol/lock.ts` on open maps, so that the oracle sees every
 * item before and after, and a planted bug can put another transition in the place of one.
 */

import { LockHeldError, StatusConflictError } from '../../lambdas/errors/errors.ts';
import type { LockTable, StatusTable } from '../../lambdas/ports.ts';
import * as lock from '../../lambdas/protocol/lock.ts';
import { type DeltaStatus, sameStatus } from '../../lambdas/snapshot/ledger.ts';

export type Transitions = Pick<
  typeof lock,
  'acquireLock' | 'releaseLock' | 'takeClaim' | 'renewClaim' | 'wakeClaimant' | 'releaseClaim'
>;
export const REAL_TRANSITIONS: Transitions = lock;

/** One change of a `LOCK` item. */
export interface LockChange {
  collection: string;
  by: keyof Transitions;
  before: lock.LockItem | undefined;
  after: lock.LockItem | undefined;
  request: unknown;
}

export interface TableObserver {
  lockChanged(change: LockChange): void;
  statusWritten(collection: string, deltaId: string, status: DeltaStatus): void;
  statusRefused(collection: string, deltaId: string, standing: DeltaStatus, status: DeltaStatus): void;
  /** Its items are about to go. */
  collectionForgotten(collection: string): void;
}

export class SimulatedTable implements LockTable, StatusTable {
  readonly tableName = 'memory';
  identity: string | undefined;
  readonly locks = new Map<string, lock.LockItem>();
  readonly statuses = new Map<string, Map<string, DeltaStatus>>();
  readonly #observer: TableObserver;
  readonly #transitions: Transitions;

  constructor(observer: TableObserver, transitions: Transitions = REAL_TRANSITIONS) {
    this.#observer = observer;
    this.#transitions = transitions;
  }

  async readIdentity(): Promise<string | undefined> {
    return this.identity;
  }

  async ensureIdentity(candidate: string): Promise<string> {
    this.identity ??= candidate;
    return this.identity;
  }

  async readLock(collection: string): Promise<lock.LockItem | undefined> {
    return this.locks.get(collection);
  }

  async acquireLock(collection: string, request: lock.AcquireRequest): Promise<{ token: number }> {
    const verdict = this.#apply(
      collection,
      'acquireLock',
      (item) => this.#transitions.acquireLock(item, request),
      request,
    );
    if (!verdict.ok) throw new LockHeldError(collection, verdict.refusal.owner, verdict.refusal.expiresAt);
    return verdict.value;
  }

  async releaseLock(collection: string, holder: lock.Holder): Promise<{ acquiredAt: number } | undefined> {
    const verdict = this.#apply(
      collection,
      'releaseLock',
      (item) => this.#transitions.releaseLock(item, holder),
      holder,
    );
    return verdict.ok ? verdict.value : undefined;
  }

  async takeClaim(
    collection: string,
    request: lock.ClaimRequest,
  ): Promise<{ token: number } | 'lock-lost' | 'claimed'> {
    const verdict = this.#apply(collection, 'takeClaim', (item) => this.#transitions.takeClaim(item, request), request);
    return verdict.ok ? verdict.value : verdict.refusal;
  }

  async renewClaim(collection: string, holder: lock.Holder, now: number, durationMs: number): Promise<boolean> {
    const renew = (item: lock.LockItem | undefined) => this.#transitions.renewClaim(item, holder, now, durationMs);
    return this.#apply(collection, 'renewClaim', renew, holder).ok;
  }

  async wakeClaimant(collection: string, now: number): Promise<boolean> {
    return this.#apply(collection, 'wakeClaimant', (item) => this.#transitions.wakeClaimant(item, now), now).ok;
  }

  async releaseClaim(collection: string, holder: lock.Holder, wake?: number): Promise<boolean> {
    const release = (item: lock.LockItem | undefined) => this.#transitions.releaseClaim(item, holder, wake);
    return this.#apply(collection, 'releaseClaim', release, holder).ok;
  }

  async getStatuses(collection: string, deltaIds: readonly string[]): Promise<Map<string, DeltaStatus>> {
    const statuses = this.statuses.get(collection);
    return new Map(deltaIds.flatMap((id) => (statuses?.has(id) ? [[id, statuses.get(id) as DeltaStatus]] : [])));
  }

  async putStatus(collection: string, deltaId: string, status: DeltaStatus): Promise<void> {
    const statuses = this.statuses.get(collection) ?? new Map<string, DeltaStatus>();
    this.statuses.set(collection, statuses);
    const standing = statuses.get(deltaId);
    if (standing === undefined) {
      statuses.set(deltaId, { ...status });
      this.#observer.statusWritten(collection, deltaId, status);
    } else if (!sameStatus(standing, status)) {
      this.#observer.statusRefused(collection, deltaId, standing, status);
      throw new StatusConflictError(`Delta "${deltaId}" of "${collection}" has another status.`);
    }
  }

  async forgetCollection(collection: string): Promise<number> {
    const count = (this.statuses.get(collection)?.size ?? 0) + (this.locks.has(collection) ? 1 : 0);
    this.#observer.collectionForgotten(collection);
    this.statuses.delete(collection);
    this.locks.delete(collection);
    return count;
  }

  #apply<Value, Refusal>(
    collection: string,
    by: keyof Transitions,
    transition: (item: lock.LockItem | undefined) => lock.Transition<Value, Refusal>,
    request: unknown,
  ): lock.Transition<Value, Refusal> {
    const before = this.locks.get(collection);
    const verdict = transition(before);
    if (!verdict.ok) return verdict;
    if (Object.keys(verdict.item).length === 0) this.locks.delete(collection);
    else this.locks.set(collection, verdict.item);
    this.#observer.lockChanged({ collection, by, before, after: this.locks.get(collection), request });
    return verdict;
  }
}
