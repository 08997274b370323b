/**
 * Which records exist while deltas are applied one after another: those found by a lookup before the first one, and the
 * effect of each delta since. A second lookup at the end verifies the result.
 */
import type { RequestOp } from '../snapshot/request-delta.ts';

export class Presence {
  readonly #present: Set<string>;
  #growth = 0;

  constructor(existing: ReadonlySet<string>) {
    this.#present = new Set(existing);
  }

  /** Ids of records that exist now. */
  get present(): ReadonlySet<string> {
    return this.#present;
  }

  /** Number of records now, minus the number at the beginning. */
  get growth(): number {
    return this.#growth;
  }

  set(id: string, isThere: boolean): void {
    if (this.#present.has(id) === isThere) return;
    this.#growth += isThere ? 1 : -1;
    if (isThere) this.#present.add(id);
    else this.#present.delete(id);
  }

  /** An update never changes which records exist: in Chroma an update of a missing record does nothing, silently. */
  replayed(op: RequestOp, ids: readonly string[]): void {
    if (op === 'update') return;
    for (const id of ids) this.set(id, op !== 'delete');
  }
}
