/** The store of a simulated world: every effect is shown to the oracle in the moment in which it happens. */
import { isStream } from '../../lambdas/adapters/store/store-input.ts';
import type { Body, ByteRange, ObjectInfo, ObjectStore, StoredObject } from '../../lambdas/ports.ts';
import type { MemoryStore } from '../support/memory-store.ts';
import { sha256Of } from './independent/formats.ts';
import type { Oracle } from './oracle.ts';

export class ObservedStore implements ObjectStore {
  readonly url = 'memory://simulated';
  readonly #raw: MemoryStore;
  readonly #oracle: Oracle;
  readonly #by: string;

  /** @param by Whose calls these are. */
  constructor(raw: MemoryStore, oracle: Oracle, by: string) {
    this.#raw = raw;
    this.#oracle = oracle;
    this.#by = by;
  }

  get(key: string, options?: { range?: ByteRange; ifMatch?: string }): Promise<StoredObject> {
    return this.#raw.get(key, options);
  }

  head(key: string): Promise<ObjectInfo> {
    return this.#raw.head(key);
  }

  list(prefix: string, options?: { startAfter?: string; pageSize?: number }): AsyncIterable<ObjectInfo[]> {
    return this.#raw.list(prefix, options);
  }

  async putIfAbsent(key: string, body: Body, options?: { sha256?: string }): Promise<{ etag: string }> {
    const result = await this.#raw.putIfAbsent(key, body, options);
    // What comes as a stream is a pack: its content is looked at when it is published.
    if (!isStream(body)) await this.#oracle.written(key, body, sha256Of(body), true, result.etag, this.#by);
    return result;
  }

  async putIfMatch(key: string, body: Uint8Array, etag: string): Promise<{ etag: string }> {
    const result = await this.#raw.putIfMatch(key, body, etag).catch((error: unknown) => {
      this.#oracle.lost(key);
      throw error;
    });
    await this.#oracle.written(key, body, sha256Of(body), false, result.etag, this.#by);
    return result;
  }

  async deleteIfMatch(key: string, etag: string): Promise<void> {
    await this.#raw.deleteIfMatch(key, etag);
    this.#oracle.deleted(key, this.#by);
  }

  async delete(key: string): Promise<void> {
    const wasThere = await this.#raw.head(key).catch(() => undefined);
    await this.#raw.delete(key);
    if (wasThere !== undefined) this.#oracle.deleted(key, this.#by);
  }
}
