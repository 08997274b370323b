/** One compactor of the predecessor on a placed fixture. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { FileWorkingDirectories } from '../../lambdas/adapters/files/working-directories.ts';
import { deltaKey } from '../../lambdas/snapshot/keys.ts';
import { type BaselinePointer, PointerFile } from '../baseline/bucket.ts';
import { type BaselineOutcome, type BaselinePorts, compactBaseline } from '../baseline/cycle.ts';
import { fetchTree } from '../baseline/files.ts';
import { COLLECTION, type Fixture } from '../fixture/build.ts';
import { placeBaseline } from '../fixture/place.ts';
import { Meter } from '../network/meter.ts';
import { MeteredStore } from '../network/metered-store.ts';
import { MeteredLocks } from '../network/metered-table.ts';
import { type NetworkModel, PRESETS } from '../network/model.ts';
import { Network } from '../network/network.ts';
import { openPorts, type PlainPorts } from '../ports.ts';
import type { Delta } from './deltas.ts';

export class Baseline {
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
    const files = await placeBaseline(fixture, this.#root);
    const first = { version: 1, prefix: 'baseline/first/', files, records: fixture.records, history: [] };
    await this.#pointer().write(first);
  }

  async submit(...deltas: readonly Delta[]): Promise<void> {
    for (const { deltaId, body } of deltas) await this.plain.store.putIfAbsent(deltaKey(COLLECTION, deltaId), body);
  }

  /** One invocation of its one Lambda, over a link of its own. */
  async compact(
    deltas: ReadonlyArray<Pick<Delta, 'deltaId'>>,
    beforeSwap?: () => Promise<void>,
  ): Promise<BaselineOutcome> {
    return this.#run(this.#model, this.meter, deltas, 'work', beforeSwap);
  }

  /** The same with no network in between, and not counted. */
  async compactAside(deltas: ReadonlyArray<Pick<Delta, 'deltaId'>>, work = 'work'): Promise<BaselineOutcome> {
    return this.#run(PRESETS.local, new Meter(), deltas, work);
  }

  /** A commit of another compactor, ready to be published: the returned function writes the pointer. */
  async rival(own: Pick<Delta, 'deltaId'>): Promise<() => Promise<void>> {
    const aside = this.#pointer();
    const before = await aside.read();
    await this.compactAside([own], 'work-rival');
    const after = await aside.read();
    await aside.write(before);
    return () => aside.write(after);
  }

  pointer(): Promise<BaselinePointer> {
    return this.#pointer().read();
  }

  /** Where the store keeps its objects. */
  get storeFolder(): string {
    return join(this.#root, 'store');
  }

  async cool(): Promise<void> {
    await rm(join(this.#root, 'cache'), { recursive: true, force: true });
  }

  /** A reader downloads the whole snapshot. */
  async refresh(network: Network): Promise<void> {
    const store = new MeteredStore(this.plain.store, network, this.meter);
    const { prefix, files } = await new PointerFile(this.plain.store, network, this.meter).read();
    const target = join(this.#root, 'reader');
    await rm(target, { recursive: true, force: true });
    await fetchTree(store, prefix, files, target);
  }

  network(): Network {
    return new Network(this.#model);
  }

  close(): void {
    this.plain.close();
  }

  /** Neither counted nor delayed. */
  #pointer(): PointerFile {
    return new PointerFile(this.plain.store, new Network(PRESETS.local), new Meter());
  }

  #run(
    model: NetworkModel,
    meter: Meter,
    deltas: ReadonlyArray<Pick<Delta, 'deltaId'>>,
    work: string,
    beforeSwap?: () => Promise<void>,
  ): Promise<BaselineOutcome> {
    const network = new Network(model);
    const { store, locks, engine, clock, ids, settings } = this.plain;
    const ports: BaselinePorts = {
      store: new MeteredStore(store, network, meter),
      plainStore: store,
      locks: new MeteredLocks(locks, network, meter),
      engine,
      directories: new FileWorkingDirectories({ root: join(this.#root, work) }),
      clock,
      ids,
      network,
      meter,
      cacheFolder: join(this.#root, 'cache'),
      collection: COLLECTION,
      lockDurationMs: settings.lockDurationMs * 3,
      ...(beforeSwap === undefined ? {} : { beforeSwap }),
    };
    return compactBaseline(
      ports,
      deltas.map(({ deltaId }) => deltaId),
    );
  }
}
