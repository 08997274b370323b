/** One compactor of ours on a placed fixture. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { FileWorkingDirectories } from '../../lambdas/adapters/files/working-directories.ts';
import { mergeDeltas } from '../../lambdas/compaction/merge-deltas.ts';
import { planCompaction } from '../../lambdas/compaction/plan-compaction.ts';
import { swapPointer } from '../../lambdas/compaction/swap-pointer.ts';
import { syncEfs } from '../../lambdas/compaction/sync-efs.ts';
import { uploadSnapshot } from '../../lambdas/compaction/upload-snapshot.ts';
import type { Cache, Engine, ObjectStore, Ports } from '../../lambdas/ports.ts';
import { putDelta } from '../../lambdas/producer/put-delta.ts';
import { deltaKey, inboxPrefix } from '../../lambdas/snapshot/keys.ts';
import { isFragmented } from '../../lambdas/snapshot/rewrite.ts';
import { adoptCollection } from '../../lambdas/upkeep/adopt-collection.ts';
import { hydrate } from '../../lambdas/versions/hydrate.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import { findVersion } from '../../lambdas/versions/walk-versions.ts';
import { COLLECTION, type Fixture } from '../fixture/build.ts';
import { placeOurs } from '../fixture/place.ts';
import { Meter } from '../network/meter.ts';
import { MeteredCache } from '../network/metered-cache.ts';
import { MeteredStore } from '../network/metered-store.ts';
import { MeteredLocks, MeteredStatuses } from '../network/metered-table.ts';
import { type NetworkModel, PRESETS } from '../network/model.ts';
import { Network } from '../network/network.ts';
import { type Execution, execute } from '../ours/execution.ts';
import { openPorts, type PlainPorts } from '../ports.ts';
import type { Delta } from './deltas.ts';

export class Ours {
  readonly plain: PlainPorts;
  readonly meter = new Meter();
  readonly #root: string;
  readonly #model: NetworkModel;

  constructor(root: string, table: DynamoDBClientConfig, model: NetworkModel) {
    this.#root = root;
    this.plain = openPorts(root, table);
    this.#model = model;
  }

  /** Lay out a fixture in the empty root. */
  async place(fixture: Fixture): Promise<void> {
    await placeOurs(fixture, this.#root);
    // It was made beside another table, which is gone.
    const { pointer } = await readPointer(this.plain, COLLECTION);
    await adoptCollection(this.plain, { collection: COLLECTION, from: pointer.statusTable });
  }

  /** Put deltas into the inbox, as producers do: neither counted nor delayed. */
  async submit(...deltas: readonly Delta[]): Promise<void> {
    for (const { deltaId, body } of deltas) {
      await putDelta(this.plain, { collection: COLLECTION, deltaId, body });
    }
  }

  /** One execution of the state machine, over a link of its own. */
  async compact(before?: (state: string) => Promise<void>): Promise<Execution> {
    const network = new Network(this.#model);
    return execute({ ...this.#execution(network), ...(before === undefined ? {} : { before }) });
  }

  /** The same with no network in between, and not counted. */
  async compactAside(work = 'work'): Promise<Execution> {
    const meter = new Meter();
    const network = new Network(PRESETS.local);
    const ports = { ...this.#metered(network, meter), directories: this.#directories(work) };
    return execute({ ports, network, meter, collection: COLLECTION });
  }

  /** Forget the container, and what EFS holds too when `cache` says so. */
  async cool({ cache }: { cache: boolean }): Promise<void> {
    await rm(join(this.#root, 'work'), { recursive: true, force: true });
    if (cache) await rm(join(this.#root, 'cache', 'objects'), { recursive: true, force: true });
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

  network(): Network {
    return new Network(this.#model);
  }

  ports(network: Network): Ports {
    return this.#metered(network, this.meter);
  }

  close(): void {
    this.plain.close();
  }

  #execution(network: Network) {
    return { ports: this.ports(network), network, meter: this.meter, collection: COLLECTION };
  }

  #metered(network: Network, meter: Meter): Ports {
    const { store, locks, statuses, cache, engine } = this.plain;
    return {
      ...this.plain,
      store: new MeteredStore(store, network, meter),
      locks: new MeteredLocks(locks, network, meter),
      statuses: new MeteredStatuses(statuses, network, meter),
      cache: new MeteredCache(cache, network, meter),
      engine: countedEngine(engine, meter),
    };
  }

  #directories(work: string): FileWorkingDirectories {
    return new FileWorkingDirectories({ root: join(this.#root, work) });
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

function countedEngine(engine: Engine, meter: Meter): Engine {
  return {
    writtenAtStart: engine.writtenAtStart,
    identify: () => engine.identify(),
    open: (directory, options) => {
      meter.count('engineStarts');
      return engine.open(directory, options);
    },
    inspect: (directory, collection, options) => engine.inspect(directory, collection, options),
    measureWaste: (directory, collection) => engine.measureWaste(directory, collection),
    vacuum: (directory, collection, shape) => engine.vacuum(directory, collection, shape),
    isAsNew: (directory, collection, shape) => engine.isAsNew(directory, collection, shape),
  };
}
