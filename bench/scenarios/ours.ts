/** One compactor of ours on a placed fixture. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FileWorkingDirectories } from '../../lambdas/adapters/files/working-directories.ts';
import { mergeDeltas } from '../../lambdas/compaction/merge-deltas.ts';
import { planCompaction } from '../../lambdas/compaction/plan-compaction.ts';
import { swapPointer } from '../../lambdas/compaction/swap-pointer.ts';
import { syncEfs } from '../../lambdas/compaction/sync-efs.ts';
import { uploadSnapshot } from '../../lambdas/compaction/upload-snapshot.ts';
import type { Cache, ObjectStore, Ports } from '../../lambdas/ports.ts';
import { putDelta } from '../../lambdas/producer/put-delta.ts';
import { deltaKey, inboxPrefix } from '../../lambdas/snapshot/keys.ts';
import { isFragmented } from '../../lambdas/snapshot/rewrite.ts';
import { hydrate } from '../../lambdas/versions/hydrate.ts';
import { findVersion } from '../../lambdas/versions/walk-versions.ts';
import { COLLECTION } from '../fixture/build.ts';
import { Meter } from '../network/meter.ts';
import { MeteredStore } from '../network/metered-store.ts';
import { PRESETS } from '../network/model.ts';
import { Network } from '../network/network.ts';
import { type Execution, execute } from '../ours/execution.ts';
import type { Delta } from './deltas.ts';
import { Placed } from './placed.ts';

export class Ours extends Placed {
  /** Put deltas into the inbox, as producers do: neither counted nor delayed. */
  async submit(...deltas: readonly Delta[]): Promise<void> {
    for (const { deltaId, body } of deltas) {
      await putDelta(this.plain, { collection: COLLECTION, deltaId, body });
    }
  }

  /** One execution of the state machine, over a link of its own. */
  async compact(before?: (state: string) => Promise<void>): Promise<Execution> {
    const network = this.network();
    return execute({ ...this.#execution(network), ...(before === undefined ? {} : { before }) });
  }

  /** The same with no network in between, and not counted. */
  async compactAside(work = 'work'): Promise<Execution> {
    const meter = new Meter();
    const network = new Network(PRESETS.local);
    const ports = { ...this.ports(network, meter), directories: this.#directories(work) };
    return execute({ ports, network, meter, collection: COLLECTION });
  }

  /** Forget the container, and what EFS holds too when `cache` says so. */
  async cool({ cache }: { cache: boolean }): Promise<void> {
    await rm(join(this.root, 'work'), { recursive: true, force: true });
    if (cache) await rm(join(this.root, 'cache', 'objects'), { recursive: true, force: true });
  }

  /**
   * What the sweep would start: a defragmentation, by another container, if there is anything to win.
   * @returns bytes that it uploaded
   */
  async defragment(compactElsewhere: () => Promise<void>): Promise<number> {
    const before = await findVersion(this.plain, COLLECTION);
    if (!isFragmented(before.manifest)) return 0;
    await compactElsewhere();
    const { manifest, bytes } = await findVersion(this.plain, COLLECTION);
    if (isFragmented(manifest)) throw new Error('A defragmentation left the snapshot fragmented.');
    const known = new Set(before.manifest.packs.map(({ key }) => key));
    return manifest.packs.reduce((sum, { key, size }) => sum + (known.has(key) ? 0 : size), bytes.length);
  }

  /**
   * A commit of another compactor, ready to be published: it has planned, merged and uploaded, and sees no other delta
   * than its own. The returned function swaps the pointer.
   */
  async rival(own: Pick<Delta, 'deltaId'>): Promise<() => Promise<void>> {
    const ports: Ports = {
      ...this.plain,
      store: onlyDelta(this.plain.store, own.deltaId),
      directories: this.#directories('work-rival'),
    };
    const planned = await planCompaction(ports, { input: { collection: COLLECTION }, execution: 'rival' });
    const merged = await uploadSnapshot(ports, await mergeDeltas(ports, planned));
    return async () => {
      const lock = { token: planned.base.token + 1, phase: 'swap', acquiredAt: ports.clock.now() } as const;
      await syncEfs(ports, await swapPointer(ports, { ...merged, lock }));
    };
  }

  /** A reader outside of the compactor's network of Lambdas: it has the store, and no EFS. */
  async refresh(network: Network): Promise<void> {
    const store = new MeteredStore(this.plain.store, network, this.meter);
    const loaded = await findVersion({ store, cache: NO_CACHE }, COLLECTION);
    const directory = await this.#directories('reader').claim(COLLECTION);
    try {
      const { codec, telemetry } = this.plain;
      await hydrate({ store, cache: NO_CACHE, codec, telemetry }, directory, loaded);
    } finally {
      await directory.release();
    }
  }

  #execution(network: Network) {
    return { ports: this.ports(network), network, meter: this.meter, collection: COLLECTION };
  }

  #directories(work: string): FileWorkingDirectories {
    return new FileWorkingDirectories({ root: join(this.root, work) });
  }
}

/** The store as one sees it for whom only one delta waits. */
function onlyDelta(store: ObjectStore, deltaId: string): ObjectStore {
  const list: ObjectStore['list'] = async function* (prefix, options) {
    for await (const page of store.list(prefix, options)) {
      yield page.filter(({ key }) => prefix !== inboxPrefix(COLLECTION) || key === deltaKey(COLLECTION, deltaId));
    }
  };
  return {
    url: store.url,
    list,
    get: (key, options) => store.get(key, options),
    head: (key) => store.head(key),
    putIfAbsent: (key, body, options) => store.putIfAbsent(key, body, options),
    putIfMatch: (key, body, etag) => store.putIfMatch(key, body, etag),
    deleteIfMatch: (key, etag) => store.deleteIfMatch(key, etag),
    delete: (key) => store.delete(key),
  };
}

/** Of whoever has no EFS. */
export const NO_CACHE: Pick<Cache, 'read' | 'evict'> = { read: async () => undefined, evict: async () => {} };
