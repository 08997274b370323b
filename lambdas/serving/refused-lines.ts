/** Lines that the engine refused, of what waits: a merge will leave them out, too. */
import type { RefusedLine } from '../errors/errors.ts';
import type { WaitingDelta } from '../log/waiting-delta.ts';

export class RefusedLines {
  #lines: readonly RefusedLine[] = [];

  /** Of these deltas; the others are decided by now, and forgotten. */
  among(waiting: readonly WaitingDelta[]): readonly RefusedLine[] {
    if (this.#lines.length === 0) return this.#lines;
    const etags = new Map(waiting.map(({ deltaId, etag }) => [deltaId, etag]));
    this.#lines = this.#lines.filter(({ deltaId, etag }) => etags.get(deltaId) === etag);
    return this.#lines;
  }

  /** @param found None of those that are known: those were left out. */
  add(found: readonly RefusedLine[]): void {
    this.#lines = [...this.#lines, ...found];
  }
}
