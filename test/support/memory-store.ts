/** An object store in memory: truly atomic and deterministic. Faults are injected by wrapping the port, not here. */
import {
  checkKey,
  checkPageSize,
  checkRange,
  clampRange,
  collectBody,
  compareKeys,
} from '../../lambdas/adapters/store/store-input.ts';
import { ObjectNotFoundError, PreconditionFailedError } from '../../lambdas/errors/errors.ts';
import type { Body, ByteRange, ObjectInfo, ObjectStore, StoredObject } from '../../lambdas/ports.ts';

/**
 * Every check and the write that depends on it happen in one turn of the event loop. ETags count writes, so they are
 * the same in every run and never repeat; `now` gives `lastModified`.
 */
export class MemoryStore implements ObjectStore {
  readonly url = 'memory://';
  readonly #now: () => number;
  readonly #objects = new Map<string, StoredObject>();
  /** Keys in order; `undefined` after a key has come or gone. */
  #sorted: string[] | undefined;
  #writes = 0;

  constructor(options: { now?: () => number } = {}) {
    this.#now = options.now ?? Date.now;
  }

  async get(key: string, options: { range?: ByteRange; ifMatch?: string } = {}): Promise<StoredObject> {
    checkRange(options.range);
    const object = this.#find(key);
    if (options.ifMatch !== undefined && options.ifMatch !== object.etag) throw new PreconditionFailedError(key);
    const { start, end } = clampRange(options.range, object.size);
    return { ...object, body: object.body.slice(start, end) };
  }

  async head(key: string): Promise<ObjectInfo> {
    return infoOf(this.#find(key));
  }

  /** Each page is taken when it is asked for, as with S3. */
  async *list(
    prefix: string,
    options: { startAfter?: string; pageSize?: number } = {},
  ): AsyncGenerator<ObjectInfo[], void, undefined> {
    const pageSize = checkPageSize(options.pageSize);
    let after = options.startAfter;
    while (true) {
      const page = this.#page(prefix, after, pageSize);
      if (page.length > 0) yield page;
      if (page.length < pageSize) return;
      after = page.at(-1)?.key;
    }
  }

  async putIfAbsent(key: string, body: Body, options: { sha256?: string } = {}): Promise<{ etag: string }> {
    checkKey(key);
    const bytes = await collectBody(key, body, options.sha256);
    if (this.#objects.has(key)) throw new PreconditionFailedError(key);
    this.#sorted = undefined;
    return this.#write(key, bytes, options.sha256);
  }

  async putIfMatch(key: string, body: Uint8Array, etag: string): Promise<{ etag: string }> {
    if (this.#find(key).etag !== etag) throw new PreconditionFailedError(key);
    return this.#write(key, body.slice());
  }

  async deleteIfMatch(key: string, etag: string): Promise<void> {
    const object = this.#objects.get(checkKey(key));
    if (object !== undefined && object.etag !== etag) throw new PreconditionFailedError(key);
    await this.delete(key);
  }

  async delete(key: string): Promise<void> {
    if (this.#objects.delete(checkKey(key))) this.#sorted = undefined;
  }

  /** A copy of everything stored, by key, in key order. */
  snapshot(): Map<string, Uint8Array> {
    return new Map(this.#keys().map((key) => [key, this.#find(key).body.slice()]));
  }

  #find(key: string): StoredObject {
    const object = this.#objects.get(checkKey(key));
    if (object === undefined) throw new ObjectNotFoundError(key);
    return object;
  }

  #write(key: string, body: Uint8Array, sha256?: string): { etag: string } {
    this.#writes += 1;
    const etag = `"${this.#writes}"`;
    const digest = sha256 === undefined ? {} : { sha256 };
    this.#objects.set(key, { key, size: body.length, etag, lastModified: this.#now(), ...digest, body });
    return { etag };
  }

  #keys(): string[] {
    this.#sorted ??= [...this.#objects.keys()].sort(compareKeys);
    return this.#sorted;
  }

  #page(prefix: string, after: string | undefined, pageSize: number): ObjectInfo[] {
    const page: ObjectInfo[] = [];
    for (const key of this.#keys()) {
      if (page.length === pageSize) break;
      if (!key.startsWith(prefix) || (after !== undefined && compareKeys(key, after) <= 0)) continue;
      page.push(infoOf(this.#find(key)));
    }
    return page;
  }
}

function infoOf({ body: _body, ...info }: StoredObject): ObjectInfo {
  return info;
}
