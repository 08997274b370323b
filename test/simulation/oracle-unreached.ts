/** Collections that no name leads to: when that was first noted, and which are gone for good. */
import { SKEW_MS } from './oracle-retention.ts';

export class UnreachedOracle {
  /** By collection: when a run first noted it, in the world's time. */
  readonly #noted = new Map<string, number>();
  readonly #taken = new Set<string>();

  /** What is said of these afterwards is about nothing: only their rest is cleared away. */
  isTaken(collection: string): boolean {
    return this.#taken.has(collection);
  }

  noted(collection: string, now: number): void {
    if (!this.#noted.has(collection)) this.#noted.set(collection, now);
  }

  /** A name leads there again, or nothing is left. */
  noteDeleted(collection: string): void {
    this.#noted.delete(collection);
  }

  /** Its pointer was deleted, and it can never have another version. @returns what is wrong with that */
  taken(collection: string, isNamed: boolean, retainMs: number, now: number): string[] {
    // The request that took it may land a second time, and finds nothing.
    if (this.#taken.has(collection)) return [];
    this.#taken.add(collection);
    const since = this.#noted.get(collection);
    const faults: string[] = [];
    if (isNamed) faults.push(`"${collection}" was taken, though a name leads to it`);
    if (since === undefined) faults.push(`"${collection}" was taken at once`);
    // One clock noted it and another one counts from there.
    else if (now - since < retainMs - 2 * SKEW_MS) faults.push(`"${collection}" was taken before its retention ends`);
    return faults;
  }
}
