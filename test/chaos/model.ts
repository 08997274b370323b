/** What a collection must hold: each committed delta applied once, one operation at a time, in committed order. */
import type { EngineRecord } from '../../lambdas/ports.ts';
import type { LedgerEntry } from '../../lambdas/snapshot/ledger.ts';
import type { Operation } from '../../lambdas/snapshot/operation.ts';
import { applyUpsert } from '../support/memory-engine.ts';

/** One content that the inbox accepted under an id. */
export interface Sent {
  deltaId: string;
  /** Hex, of the body. */
  sha256: string;
  operations: readonly Operation[];
  /** Lines of it that no collection takes. */
  invalidLines: number;
}

export class Model {
  readonly records = new Map<string, EngineRecord>();

  /** Apply a delta and say what its status must be. */
  apply({ deltaId, sha256, operations, invalidLines }: Sent, version: number): LedgerEntry {
    let applied = 0;
    for (const operation of operations) if (this.#applyOne(operation)) applied++;
    const rejectedOperations = invalidLines + operations.length - applied;
    return { deltaId, sha256, version, rejectedOperations, outcome: applied > 0 ? 'applied' : 'rejected' };
  }

  /** False: there is no such record to update. */
  #applyOne(operation: Operation): boolean {
    const { op, ...given } = operation;
    const old = this.records.get(operation.id);
    if (op === 'delete') {
      this.records.delete(operation.id);
      return true;
    }
    if (op === 'update' && old === undefined) return false;
    this.records.set(operation.id, applyUpsert(old, given));
    return true;
  }
}
