/** Lines of waiting deltas that the engine refused: a merge will leave them out, too. */
import type { RefusedLine } from '../errors/errors.ts';
import type { WaitingDelta } from '../log/waiting-delta.ts';

export class RefusedLines {
  #lines: readonly RefusedLine[] = [];

  /** The refused lines of these deltas. Those of other deltas are forgotten, since these are decided by now. */
  among(waiting: readonly WaitingDelta[]): readonly RefusedLine[] {
    if (this.#lines.length === 0) return this.#lines;
    const etags = new Map(waiting.map(({ deltaId, etag }) => [deltaId, etag]));
    this.#lines = this.#lines.filter(({ deltaId, etag }) => etags.get(deltaId) === etag);
    return this.#lines;
  }

  /** @param found Lines that are not known yet, since known ones were left out. */
  add(found: readonly RefusedLine[]): void {
    this.#lines = [...this.#lines, ...found];
  }
}
