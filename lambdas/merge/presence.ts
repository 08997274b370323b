/**
 * Which records are there while deltas are applied one after the other: what was looked up before the first one, and what
 * each of them did since. Proven at the end by looking once more.
 */
import type { RequestOp } from '../snapshot/request-delta.ts';

export class Presence {
  readonly #present: Set<string>;
  #growth = 0;

  constructor(existing: ReadonlySet<string>) {
    this.#present = new Set(existing);
  }

  /** Ids of records that are there now. */
  get present(): ReadonlySet<string> {
    return this.#present;
  }

  /** Records now, minus records at the beginning. */
  get growth(): number {
    return this.#growth;
  }

  set(id: string, isThere: boolean): void {
    if (this.#present.has(id) === isThere) return;
    this.#growth += isThere ? 1 : -1;
    if (isThere) this.#present.add(id);
    else this.#present.delete(id);
  }

  /** An update changes none: of a record that is not there it is silent, as Chroma has it. */
  replayed(op: RequestOp, ids: readonly string[]): void {
    if (op === 'update') return;
    for (const id of ids) this.set(id, op !== 'delete');
  }
}
