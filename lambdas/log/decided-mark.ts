/** How far a collection's log is decided, and whether a number was decided with a content. */

import { PointerMovedError } from '../errors/errors.ts';
import type { Ports } from '../ports.ts';
import { numberedId } from '../snapshot/log-number.ts';
import type { Manifest } from '../snapshot/manifest.ts';
import { loadManifest } from '../versions/load-manifest.ts';
import { readOwnPointer } from '../versions/own-pointer.ts';
import { readPointer } from '../versions/read-pointer.ts';
import { whileCurrent } from '../versions/while-current.ts';

/**
 * `open`: the number is not decided, so that nothing else was ever under it that may be applied. `same`: it was decided
 * with this content, `other`: with another one. `unknown`: it was decided so long ago that nobody knows with which.
 */
export type Verdict = 'open' | 'same' | 'other' | 'unknown';

export class DecidedMark {
  readonly #ports: Pick<Ports, 'store' | 'statuses'>;
  readonly #collection: string;
  #known: Manifest | undefined;

  constructor(ports: Pick<Ports, 'store' | 'statuses'>, collection: string) {
    this.#ports = ports;
    this.#collection = collection;
  }

  /**
   * The highest number that is decided now; it never falls. One read, and another one after each commit.
   * @throws StoreUnavailableError, and those of the pointer
   */
  async read(): Promise<number> {
    return (await this.#current()).numbered ?? 0;
  }

  /**
   * Asked after something was put under the number: what is open then is safe for ever.
   * @param sha256 Hex, of what was put there.
   * @throws StoreUnavailableError, TableUnavailableError, ForeignStoreError, and those of the pointer
   */
  async judge(number: number, sha256: string): Promise<Verdict> {
    const { numbered = 0, ledger } = await this.#current();
    if (number > numbered) return 'open';
    const deltaId = numberedId(number);
    const entry = ledger.find((found) => found.deltaId === deltaId) ?? (await this.#settled(deltaId));
    if (entry === undefined) return 'unknown';
    return entry.sha256 === sha256 ? 'same' : 'other';
  }

  /** Whatever has left the ledger has a status, in the table that the pointer names and in no other. */
  async #settled(deltaId: string) {
    await readOwnPointer(this.#ports, this.#collection);
    return (await this.#ports.statuses.getStatuses(this.#collection, [deltaId])).get(deltaId);
  }

  async #current(): Promise<Manifest> {
    for (;;) {
      const { pointer, etag } = await readPointer(this.#ports, this.#collection);
      if (this.#known?.commitId === pointer.commitId) return this.#known;
      const load = () => loadManifest({ store: this.#ports.store }, pointer.manifest);
      try {
        this.#known = (await whileCurrent(this.#ports, this.#collection, etag, load)).manifest;
        return this.#known;
      } catch (error) {
        if (!(error instanceof PointerMovedError)) throw error;
      }
    }
  }
}
