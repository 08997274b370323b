/**
 * The predecessor: writers put deltas, and each has a queue whose batches of at most ten are compacted one after the
 * other, in one Lambda each. A batch that cannot have the lock is skipped, and marked as done, as it was there.
 */
import { deltaKey } from '../../lambdas/snapshot/keys.ts';
import { PointerFile } from '../baseline/bucket.ts';
import { COLLECTION } from '../fixture/build.ts';
import { Meter } from '../network/meter.ts';
import { MeteredStore } from '../network/metered-store.ts';
import { PRESETS } from '../network/model.ts';
import { Network } from '../network/network.ts';
import { Baseline } from '../scenarios/baseline.ts';
import { delta } from '../scenarios/deltas.ts';
import { type Address, type Client, idsOf, type Peer, RECORDS_PER_WRITE, recordsOf, type World } from './peer.ts';

const BATCH = 10;
/** A backlog that takes longer than this is left, and said to be. */
const SETTLE_MS = 60_000;

export class Predecessor implements Peer {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  get address(): Address {
    return { ...this.#world };
  }

  async start(): Promise<void> {
    const { folder, table, preset, fixture } = this.#world;
    const side = new Baseline(folder, table, PRESETS[preset]);
    await side.place(fixture).finally(() => side.close());
  }

  /** It has no process of its own. */
  async crash(): Promise<void> {}
  async recover(): Promise<void> {}

  /** Its writers know. */
  async waiting(): Promise<number> {
    return 0;
  }

  async stop(): Promise<void> {}
}

export async function openPredecessorClient(world: World): Promise<Client> {
  const { folder, table, preset, fixture } = world;
  const side = new Baseline(folder, table, PRESETS[preset]);
  const network = new Network(PRESETS[preset]);
  const meter = new Meter();
  const store = new MeteredStore(side.plain.store, network, meter);
  const queue: string[] = [];
  let working: Promise<void> | undefined;
  let isClosing = false;
  const work = async () => {
    while (queue.length > 0 && !isClosing) await side.compact(queue.splice(0, BATCH).map((deltaId) => ({ deltaId })));
    working = undefined;
  };
  const applied = async () => {
    const { history } = await new PointerFile(side.plain.store, network, meter).read();
    return new Set(history.flatMap(({ deltas }) => deltas));
  };
  return {
    write: async (n) => {
      const operations = recordsOf(fixture.records, n).map((record) => ({ op: 'upsert' as const, ...record }));
      const { deltaId, body } = delta(`w-${n}`, operations);
      await store.putIfAbsent(deltaKey(COLLECTION, deltaId), body);
      queue.push(deltaId);
      working ??= work();
    },
    // A reader reads the pointer; what it would then download is not waited for.
    present: async (ids) => {
      const deltas = await applied();
      const isThere = (id: string) => deltas.has(`w-${numberOf(fixture.records, id)}`);
      return new Set(ids.filter(isThere));
    },
    query: async () => [],
    settled: async () => {
      const end = performance.now() + SETTLE_MS;
      while (working !== undefined && performance.now() < end) await Promise.race([working, pause()]);
    },
    close: async () => {
      isClosing = true;
      await working;
      side.close();
    },
  };
}

/** Of the write that has a record. */
function numberOf(base: number, id: string): number {
  const [first = ''] = idsOf(base, 0);
  return Math.floor((Number(id.split('-')[1]) - Number(first.split('-')[1])) / RECORDS_PER_WRITE);
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 100));
}
