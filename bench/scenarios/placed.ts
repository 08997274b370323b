/** What of ours is placed on a directory, behind the network model. It knows nothing of executions: see `Ours`. */
import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import type { Engine, Ports } from '../../lambdas/ports.ts';
import { adoptCollection } from '../../lambdas/upkeep/adopt-collection.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import { COLLECTION, type Fixture } from '../fixture/build.ts';
import { placeOurs } from '../fixture/place.ts';
import { Meter } from '../network/meter.ts';
import { MeteredCache } from '../network/metered-cache.ts';
import { MeteredStore } from '../network/metered-store.ts';
import { MeteredLocks, MeteredStatuses } from '../network/metered-table.ts';
import type { NetworkModel } from '../network/model.ts';
import { Network } from '../network/network.ts';
import { openPorts, type PlainPorts } from '../ports.ts';

export class Placed {
  readonly plain: PlainPorts;
  readonly meter = new Meter();
  readonly root: string;
  readonly #model: NetworkModel;

  constructor(root: string, table: DynamoDBClientConfig, model: NetworkModel) {
    this.root = root;
    this.plain = openPorts(root, table);
    this.#model = model;
  }

  /** Lay out a fixture in the empty root. */
  async place(fixture: Fixture): Promise<void> {
    await placeOurs(fixture, this.root);
    // It was made beside another table, which is gone.
    const { pointer } = await readPointer(this.plain, COLLECTION);
    await adoptCollection(this.plain, { collection: COLLECTION, from: pointer.statusTable });
  }

  network(): Network {
    return new Network(this.#model);
  }

  ports(network: Network, meter = this.meter): Ports {
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

  close(): void {
    this.plain.close();
  }
}

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
