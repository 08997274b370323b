/** How far a collection's log is decided, and with which content a number was decided. */

import { PointerMovedError } from '../errors/errors.ts';
import type { Ports } from '../ports.ts';
import { numberedId } from '../snapshot/log-number.ts';
import type { Manifest } from '../snapshot/manifest.ts';
import { loadManifest } from '../versions/load-manifest.ts';
import { readOwnPointer } from '../versions/own-pointer.ts';
import { readPointer } from '../versions/read-pointer.ts';
import { whileCurrent } from '../versions/while-current.ts';

/**
 * `open`: the number is not decided, so nothing else that might be applied was ever stored under it. `same`: it was
 * decided with this content. `other`: it was decided with different content. `unknown`: it was decided so long ago that
 * the content is no longer known.
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
   * The highest number that is decided now; it never falls. Costs one read, and one more after each commit.
   * @throws StoreUnavailableError, and those of the pointer
   */
  async read(): Promise<number> {
    return (await this.#current()).numbered ?? 0;
  }

  /**
   * To be called after an object was put under the number: if the number is open at that point, the object is safe for
   * ever.
   * @param sha256 Digest of that object, hex.
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

  /** An entry that has left the ledger has a status in the table that the pointer names, and in no other. */
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
