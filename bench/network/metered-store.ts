/** The object store behind the network: every request counted and delayed. */
import { PART_SIZE } from '../../lambdas/adapters/store/s3-multipart.ts';
import type { Body, ByteRange, ObjectInfo, ObjectStore, StoredObject } from '../../lambdas/ports.ts';
import type { Meter } from './meter.ts';
import type { Network } from './network.ts';

/** As the S3 adapter sends them. */
const PARALLEL_PARTS = 4;
/** Bodies from here on are moved while the real store takes them; smaller ones take effect in one moment. */
const LARGE = 256 * 1024;

export class MeteredStore implements ObjectStore {
  readonly url: string;
  readonly #store: ObjectStore;
  readonly #network: Network;
  readonly #meter: Meter;

  constructor(store: ObjectStore, network: Network, meter: Meter) {
    this.url = store.url;
    this.#store = store;
    this.#network = network;
    this.#meter = meter;
  }

  get(key: string, options?: { range?: ByteRange; ifMatch?: string }): Promise<StoredObject> {
    this.#meter.count('storeGets');
    return this.#network.request(
      { latencyMs: this.#network.model.storeReadMs, link: this.#network.store },
      () => this.#store.get(key, options),
      ({ body }) => {
        this.#meter.count('storeBytesDown', body.length);
        return body.length;
      },
    );
  }

  head(key: string): Promise<ObjectInfo> {
    this.#meter.count('storeGets');
    return this.#network.request({ latencyMs: this.#network.model.storeReadMs }, () => this.#store.head(key));
  }

  async *list(prefix: string, options?: { startAfter?: string; pageSize?: number }): AsyncGenerator<ObjectInfo[]> {
    const pages = this.#store.list(prefix, options)[Symbol.asyncIterator]();
    for (;;) {
      this.#meter.count('storeLists');
      const page = await this.#network.request({ latencyMs: this.#network.model.storeReadMs }, () => pages.next());
      if (page.done) return;
      yield page.value;
      // A page that is not full says itself that it is the last one.
      if (page.value.length < (options?.pageSize ?? 1_000)) return;
    }
  }

  putIfAbsent(key: string, body: Body, options?: { sha256?: string }): Promise<{ etag: string }> {
    const size = body instanceof Uint8Array ? body.length : body.size;
    this.#meter.count('storeBytesUp', size);
    const work = () => this.#store.putIfAbsent(key, body, options);
    if (!(body instanceof Uint8Array) && size > PART_SIZE) return this.#network.upload(() => this.#parts(size), work);
    this.#meter.count('storePuts');
    if (size >= LARGE) return this.#network.upload(() => this.#part(size), work);
    return this.#network.request({ ...this.#write(), bytesUp: size }, work);
  }

  putIfMatch(key: string, body: Uint8Array, etag: string): Promise<{ etag: string }> {
    this.#meter.count('storePuts');
    this.#meter.count('storeBytesUp', body.length);
    return this.#network.request({ ...this.#write(), bytesUp: body.length }, () =>
      this.#store.putIfMatch(key, body, etag),
    );
  }

  deleteIfMatch(key: string, etag: string): Promise<void> {
    this.#meter.count('storeDeletes');
    return this.#network.request(this.#write(), () => this.#store.deleteIfMatch(key, etag));
  }

  delete(key: string): Promise<void> {
    this.#meter.count('storeDeletes');
    return this.#network.request(this.#write(), () => this.#store.delete(key));
  }

  #write() {
    return { latencyMs: this.#network.model.storeWriteMs, link: this.#network.store };
  }

  async #part(bytes: number): Promise<void> {
    const { timer, store, model } = this.#network;
    await timer.until((await store.transfer(bytes, timer.now())) + model.storeWriteMs);
  }

  /** Create, the parts, complete. */
  async #parts(size: number): Promise<void> {
    const parts = Math.ceil(size / PART_SIZE);
    this.#meter.count('storePuts', parts + 2);
    await this.#network.wait(this.#network.model.storeWriteMs);
    let next = 0;
    const worker = async () => {
      while (next < parts) {
        const part = next++;
        await this.#part(Math.min(PART_SIZE, size - part * PART_SIZE));
      }
    };
    await Promise.all(Array.from({ length: PARALLEL_PARTS }, worker));
    await this.#network.wait(this.#network.model.storeWriteMs);
  }
}
