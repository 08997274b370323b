/** PlanCompaction beside large backlogs: its time, its memory, and what it asks for. */

import { planCompaction } from '../../lambdas/compaction/plan-compaction.ts';
import type { ObjectInfo, ObjectStore, Ports } from '../../lambdas/ports.ts';
import { deltaKey, inboxPrefix } from '../../lambdas/snapshot/keys.ts';
import { COLLECTION } from '../fixture/build.ts';
import { seeded } from '../fixture/random.ts';
import type { Counts } from '../network/meter.ts';
import { MeteredStore } from '../network/metered-store.ts';
import type { Ours } from '../scenarios/ours.ts';
import { measureProcess } from '../usage.ts';
import type { PlanRow } from './document.ts';

const PAGE = 1_000;

/** Plan once with so many deltas in the inbox. A plan reads none of them, so that it is enough that they are listed. */
export async function measurePlan(ours: Ours, deltas: number): Promise<PlanRow> {
  const network = ours.network();
  const ports = ours.ports(network);
  const before = { ...ours.meter.counts };
  const heap = new HeapSampler();
  const crowded = new MeteredStore(crowdedStore(ours.plain.store, deltas), network, ours.meter);
  const store = sampled(crowded, heap);
  const end = measureProcess();
  heap.begin();
  const state = await planCompaction({ ...ports, store } as Ports, {
    input: { collection: COLLECTION },
    execution: 'bench',
  });
  heap.sample();
  const { wallMs, cpuMs, peakBytes, startBytes } = end();
  if (state.pending !== deltas) throw new Error(`The plan counts ${state.pending} deltas of ${deltas}.`);
  const added = (name: keyof Counts) => ours.meter.counts[name] - before[name];
  return {
    ...{ deltas, wallMs, cpuMs },
    heapBytes: heap.added,
    residentBytes: Math.max(0, peakBytes - startBytes),
    pages: added('storeLists'),
    otherStoreRequests: added('storeGets'),
    tableReads: added('tableReads'),
    readUnits: added('tableReadUnits'),
  };
}

/** The store, but with so many small deltas in the inbox, which arrived in another order than that of their keys. */
function crowdedStore(store: ObjectStore, deltas: number): ObjectStore {
  const random = seeded(deltas);
  return Object.assign(Object.create(store) as ObjectStore, {
    get: (...args: Parameters<ObjectStore['get']>) => store.get(...args),
    async *list(prefix: string, options?: Parameters<ObjectStore['list']>[1]): AsyncGenerator<ObjectInfo[]> {
      if (prefix !== inboxPrefix(COLLECTION)) return yield* store.list(prefix, options);
      for (let from = 0; from < deltas; from += PAGE) {
        yield Array.from({ length: Math.min(PAGE, deltas - from) }, (_, i) => ({
          key: deltaKey(COLLECTION, `crowd-${String(from + i).padStart(8, '0')}`),
          size: 8_000,
          etag: `"${Math.floor(random() * 2 ** 48).toString(16)}"`,
          lastModified: 1_790_000_000_000 + Math.floor(random() * 86_400_000),
        }));
      }
    },
  });
}

function sampled(store: ObjectStore, heap: HeapSampler): ObjectStore {
  return Object.assign(Object.create(store) as ObjectStore, {
    get: (...args: Parameters<ObjectStore['get']>) => store.get(...args),
    async *list(...args: Parameters<ObjectStore['list']>): AsyncGenerator<ObjectInfo[]> {
      for await (const page of store.list(...args)) {
        yield page;
        heap.sample();
      }
    },
  });
}

class HeapSampler {
  #start = 0;
  #most = 0;

  begin(): void {
    this.#start = used();
    this.#most = this.#start;
  }

  sample(): void {
    this.#most = Math.max(this.#most, used());
  }

  get added(): number {
    return this.#most - this.#start;
  }
}

function used(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
