/**
 * The EFS cache behind the network. Each file that is opened, created, closed, renamed, removed or looked for takes one
 * latency. Contents take the shared link and no latency more, since NFS reads ahead and writes behind.
 */
import type { ByteRange, Cache, PruneOptions, PruneResult, Staging, StreamBody } from '../../lambdas/ports.ts';
import type { Meter } from './meter.ts';
import type { Network } from './network.ts';

/** Appends that may be on their way before the next one waits. */
const WRITES_BEHIND = 16;

export class MeteredCache implements Cache {
  readonly #cache: Cache;
  readonly #network: Network;
  readonly #meter: Meter;

  constructor(cache: Cache, network: Network, meter: Meter) {
    this.#cache = cache;
    this.#network = network;
    this.#meter = meter;
  }

  read(key: string, range?: ByteRange): Promise<Uint8Array | undefined> {
    this.#meter.count('cacheRequests');
    const { model, cache } = this.#network;
    return this.#network.request(
      { latencyMs: model.cacheMs, link: cache },
      () => this.#cache.read(key, range),
      (bytes) => {
        this.#meter.count('cacheBytesRead', bytes?.length ?? 0);
        return bytes?.length ?? 0;
      },
    );
  }

  evict(key: string): Promise<void> {
    return this.#touch(() => this.#cache.evict(key));
  }

  async stage(collection: string, commitId: string): Promise<Staging> {
    const staging = await this.#touch(() => this.#cache.stage(collection, commitId));
    const { cache, timer } = this.#network;
    const files = new Set<string>();
    const behind: Array<Promise<number>> = [];
    return {
      append: async (name, bytes) => {
        this.#meter.count('cacheBytesWritten', bytes.length);
        if (!files.has(name)) await this.#touch(async () => files.add(name));
        behind.push(cache.transfer(bytes.length, timer.now()));
        await staging.append(name, bytes);
        if (behind.length > WRITES_BEHIND) await behind.shift();
      },
      // Close and flush every file, then rename the folder.
      seal: async () => {
        await Promise.all(behind);
        await this.#touch(() => staging.seal(), files.size + 1);
      },
      abandon: () => this.#touch(() => staging.abandon()),
    };
  }

  async openStaged(collection: string, commitId: string, name: string): Promise<StreamBody> {
    const body = await this.#touch(() => this.#cache.openStaged(collection, commitId, name));
    return { size: body.size, stream: () => this.#readAhead(body) };
  }

  adopt(collection: string, commitId: string, name: string, key: string): Promise<void> {
    return this.#touch(() => this.#cache.adopt(collection, commitId, name, key));
  }

  discardStaged(collection: string, commitId: string): Promise<void> {
    return this.#touch(() => this.#cache.discardStaged(collection, commitId));
  }

  bytesWritten(): number {
    return this.#cache.bytesWritten();
  }

  prune(options: PruneOptions): Promise<PruneResult> {
    return this.#touch(() => this.#cache.prune(options));
  }

  async *#readAhead(body: StreamBody): AsyncGenerator<Uint8Array> {
    const { cache, timer } = this.#network;
    let across = timer.now();
    for await (const chunk of body.stream()) {
      this.#meter.count('cacheBytesRead', chunk.length);
      across = await cache.transfer(chunk.length, across);
      yield chunk;
    }
  }

  #touch<Result>(work: () => Promise<Result>, times = 1): Promise<Result> {
    this.#meter.count('cacheRequests', times);
    return this.#network.request({ latencyMs: this.#network.model.cacheMs * times }, work);
  }
}
