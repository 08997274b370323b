/** Ours through the library: writers submit deltas, a compactor merges what waits, readers refresh. */
import { FileWorkingDirectories } from '../../lambdas/adapters/files/working-directories.ts';
import { submitDelta } from '../../lambdas/producer/produce-delta.ts';
import { SnapshotReader } from '../../lambdas/reader/snapshot-reader.ts';
import { COLLECTION } from '../fixture/build.ts';
import { countWaiting, openOurs } from './our-processes.ts';
import { type Address, type Client, NEIGHBOURS, type Peer, recordsOf, type World } from './peer.ts';
import { PeerProcess } from './process.ts';

export class Library implements Peer {
  readonly #world: World;
  #compactor: PeerProcess | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  get address(): Address {
    return { ...this.#world };
  }

  async start(): Promise<void> {
    const ours = openOurs(this.#world);
    await ours.place(this.#world.fixture).finally(() => ours.close());
    await this.recover();
  }

  async crash(): Promise<void> {
    await this.#compactor?.kill();
  }

  async recover(): Promise<void> {
    this.#compactor = new PeerProcess();
    await this.#compactor.ask({ kind: 'compactor', world: this.#world });
  }

  async waiting(): Promise<number> {
    const ours = openOurs(this.#world);
    return countWaiting(ours).finally(() => ours.close());
  }

  async stop(): Promise<void> {
    await this.#compactor?.kill();
  }
}

export async function openLibraryClient(world: World, nth: number): Promise<Client> {
  const ours = openOurs(world);
  const ports = ours.ports(ours.network());
  let reader: Promise<SnapshotReader> | undefined;
  // Only those that read need one.
  const read = () => {
    const directories = new FileWorkingDirectories({ root: `${world.folder}/reader-${nth}-${process.pid}` });
    reader ??= SnapshotReader.open({ ...ports, directories }, COLLECTION);
    return reader;
  };
  return {
    write: async (n) => {
      const operations = recordsOf(world.fixture.records, n).map((record) => ({ op: 'upsert' as const, ...record }));
      await submitDelta(ports, { collection: COLLECTION, operations, deltaId: `w-${n}` });
    },
    present: async (ids) => {
      const opened = await read();
      await opened.refresh();
      return opened.use(async (snapshot) => new Set((await snapshot.get(ids)).map(({ id }) => id)));
    },
    query: async (vector, year) => {
      const filter = year === undefined ? {} : { where: { year } };
      const { neighbours } = await (await read()).query(vector, NEIGHBOURS, filter);
      return neighbours.map(({ id }) => id);
    },
    close: async () => {
      await (await reader)?.close();
      ours.close();
    },
  };
}
