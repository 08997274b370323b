/** Lock and statuses behind the network: every request counted and delayed, and every holding timed. */

import { LockHeldError } from '../../lambdas/errors/errors.ts';
import type { LockTable, StatusTable } from '../../lambdas/ports.ts';
import type { AcquireRequest, ClaimRequest, Holder, LockItem } from '../../lambdas/protocol/lock.ts';
import type { DeltaStatus } from '../../lambdas/snapshot/ledger.ts';
import type { Meter } from './meter.ts';
import type { Network } from './network.ts';

/** As BatchGetItem takes them. */
const KEYS_PER_REQUEST = 100;
/** As the adapter sends them. */
const PARALLEL_REQUESTS = 4;

export class MeteredLocks implements LockTable {
  readonly #locks: LockTable;
  readonly #network: Network;
  readonly #meter: Meter;

  constructor(locks: LockTable, network: Network, meter: Meter) {
    this.#locks = locks;
    this.#network = network;
    this.#meter = meter;
  }

  readLock(collection: string): Promise<LockItem | undefined> {
    this.#meter.count('tableReads');
    this.#meter.count('tableReadUnits');
    return this.#network.request({ latencyMs: this.#network.model.tableMs }, () => this.#locks.readLock(collection));
  }

  acquireLock(collection: string, request: AcquireRequest): Promise<{ token: number }> {
    this.#meter.count('lockAttempts');
    return this.#write(async () => {
      try {
        const acquired = await this.#locks.acquireLock(collection, request);
        this.#meter.acquired('lock', request.owner, request.phase);
        return acquired;
      } catch (error) {
        if (error instanceof LockHeldError) this.#meter.count('lockCollisions');
        throw error;
      }
    });
  }

  releaseLock(collection: string, holder: Holder): Promise<{ acquiredAt: number } | undefined> {
    return this.#write(async () => {
      const released = await this.#locks.releaseLock(collection, holder);
      this.#meter.released('lock', holder.owner);
      return released;
    });
  }

  takeClaim(collection: string, request: ClaimRequest): Promise<{ token: number } | 'lock-lost' | 'claimed'> {
    return this.#write(async () => {
      const taken = await this.#locks.takeClaim(collection, request);
      if (typeof taken === 'object') this.#meter.acquired('claim', request.holder.owner, '');
      return taken;
    });
  }

  renewClaim(collection: string, holder: Holder, now: number, durationMs: number): Promise<boolean> {
    return this.#write(() => this.#locks.renewClaim(collection, holder, now, durationMs));
  }

  wakeClaimant(collection: string, now: number): Promise<boolean> {
    return this.#write(() => this.#locks.wakeClaimant(collection, now));
  }

  releaseClaim(collection: string, holder: Holder, wake?: number): Promise<boolean> {
    return this.#write(async () => {
      const released = await this.#locks.releaseClaim(collection, holder, wake);
      if (released) this.#meter.released('claim', holder.owner);
      return released;
    });
  }

  /** One conditional update of an item below 1 KB; a refused one costs the same. */
  #write<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#meter.count('tableWrites');
    this.#meter.count('tableWriteUnits');
    return this.#network.request({ latencyMs: this.#network.model.tableMs }, work);
  }
}

export class MeteredStatuses implements StatusTable {
  readonly tableName: string;
  readonly #statuses: StatusTable;
  readonly #network: Network;
  readonly #meter: Meter;

  constructor(statuses: StatusTable, network: Network, meter: Meter) {
    this.tableName = statuses.tableName;
    this.#statuses = statuses;
    this.#network = network;
    this.#meter = meter;
  }

  readIdentity(): Promise<string | undefined> {
    this.#meter.count('tableReads');
    this.#meter.count('tableReadUnits');
    return this.#network.request({ latencyMs: this.#network.model.tableMs }, () => this.#statuses.readIdentity());
  }

  ensureIdentity(candidate: string): Promise<string> {
    this.#meter.count('tableWrites');
    this.#meter.count('tableWriteUnits');
    return this.#network.request({ latencyMs: this.#network.model.tableMs }, () =>
      this.#statuses.ensureIdentity(candidate),
    );
  }

  async getStatuses(collection: string, deltaIds: readonly string[]): Promise<Map<string, DeltaStatus>> {
    const requests = Math.ceil(new Set(deltaIds).size / KEYS_PER_REQUEST);
    if (requests === 0) return this.#statuses.getStatuses(collection, deltaIds);
    this.#meter.count('tableReads', requests);
    // Consistent reads of items below 4 KB: one unit each, found or not.
    this.#meter.count('tableReadUnits', new Set(deltaIds).size);
    return this.#network.request(
      { latencyMs: this.#network.model.tableMs * Math.ceil(requests / PARALLEL_REQUESTS) },
      () => this.#statuses.getStatuses(collection, deltaIds),
    );
  }

  putStatus(collection: string, deltaId: string, status: DeltaStatus): Promise<void> {
    this.#meter.count('tableWrites');
    this.#meter.count('tableWriteUnits');
    return this.#network.request({ latencyMs: this.#network.model.tableMs }, () =>
      this.#statuses.putStatus(collection, deltaId, status),
    );
  }

  /** No run of a measurement takes a collection. */
  forgetCollection(collection: string): Promise<number> {
    return this.#statuses.forgetCollection(collection);
  }
}
