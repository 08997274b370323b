/** Ours through the endpoint: two of them, as two machines would have them, over one store, and a compactor. */
import { COLLECTION } from '../fixture/build.ts';
import type { HttpAddress } from './http-client.ts';
import { countWaiting, openOurs } from './our-processes.ts';
import type { Address, Peer, World } from './peer.ts';
import { PeerProcess } from './process.ts';

export class OwnEndpoint implements Peer {
  readonly #world: World;
  #compactor: PeerProcess | undefined;
  #endpoints: PeerProcess[] = [];
  #urls: string[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  /** Writers take the first, and the reader of the freshness the second. */
  get address(): Address {
    const { fixture, preset } = this.#world;
    const [url = ''] = this.#urls;
    const address: HttpAddress = { url, collection: COLLECTION, base: fixture.records, preset, hasLevels: true };
    return { ...address };
  }

  get otherAddress(): Address {
    return { ...this.address, url: this.#urls[1] };
  }

  async start(): Promise<void> {
    const ours = openOurs(this.#world);
    await ours.place(this.#world.fixture).finally(() => ours.close());
    await this.recover();
  }

  async crash(): Promise<void> {
    await Promise.all([this.#compactor, ...this.#endpoints].map((process) => process?.kill()));
  }

  async recover(): Promise<void> {
    this.#compactor = new PeerProcess();
    await this.#compactor.ask({ kind: 'compactor', world: this.#world });
    this.#endpoints = [new PeerProcess(), new PeerProcess()];
    this.#urls = [];
    for (const endpoint of this.#endpoints) {
      this.#urls.push((await endpoint.ask({ kind: 'endpoint', world: this.#world })).url ?? '');
    }
  }

  async waiting(): Promise<number> {
    const ours = openOurs(this.#world);
    return countWaiting(ours).finally(() => ours.close());
  }

  async stop(): Promise<void> {
    await this.crash();
  }
}
