/** LanceDB on its own store: every write is a commit of its table in S3, by `merge_insert`. */
import { record } from '../fixture/corpus.ts';
import type { Preset } from '../network/model.ts';
import { loadLanceDb } from './load-lancedb.ts';
import { type Address, type Client, NEIGHBOURS, type Peer, recordsOf, type World } from './peer.ts';
import { BUCKET, S3Server } from './s3-server.ts';

const TABLE = 'bench';
const BATCH = 2_000;
/** Below it an index is not worth its making, and LanceDB refuses small ones. */
const LEAST_INDEXED = 5_000;
const QUERY_COLUMNS = ['id', '_distance', 'document', 'source', 'year', 'score', 'edition'];

/** @param endpoints One for each process, each with a link of its own: taken in turn. */
interface LanceAddress {
  endpoints: string[];
  base: number;
}

async function openTable(endpoint: string) {
  const { connect } = await loadLanceDb();
  const connection = await connect(`s3://${BUCKET}/lance`, {
    // Every read looks for the newest version first, as read-your-writes needs.
    readConsistencyInterval: 0,
    storageOptions: {
      endpoint,
      region: 'us-east-1',
      accessKeyId: 'bench',
      secretAccessKey: 'bench',
      allowHttp: 'true',
      virtualHostedStyleRequest: 'false',
    },
  });
  return connection;
}

export class LanceDb implements Peer {
  readonly #world: World;
  readonly #store = new S3Server();
  #endpoints: string[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  get address(): Address {
    const address: LanceAddress = { endpoints: this.#endpoints, base: this.#world.fixture.records };
    return { ...address };
  }

  async start(): Promise<void> {
    const { fixture, preset } = this.#world;
    this.#endpoints = await Promise.all(Array.from({ length: 10 }, () => this.#store.listen(preset)));
    const plain = await openTable(await this.#store.listen('local' satisfies Preset));
    const rows = (from: number) =>
      Array.from({ length: Math.min(BATCH, fixture.records - from) }, (_, n) => rowOf(record(from + n)));
    const table = await plain.createTable(TABLE, rows(0));
    for (let from = BATCH; from < fixture.records; from += BATCH) await table.add(rows(from));
    if (fixture.records >= LEAST_INDEXED) {
      const { Index } = await loadLanceDb();
      await table.createIndex('vector', { config: Index.hnswSq({ distanceType: 'cosine' }) });
      await table.createIndex('id');
      await table.createIndex('year');
    }
    table.close();
    plain.close();
  }

  /** It has no process of its own. */
  async crash(): Promise<void> {}
  async recover(): Promise<void> {}

  /** A write is a commit; that it is in no index yet costs its readers a scan of it. */
  async waiting(): Promise<number> {
    return 0;
  }

  async stop(): Promise<void> {
    this.#store.close();
  }
}

/** @param nth of the processes that open one */
export async function openLanceClient({ endpoints, base }: LanceAddress, nth: number): Promise<Client> {
  const connection = await openTable(endpoints[nth % endpoints.length] ?? '');
  const table = await connection.openTable(TABLE);
  const query = async (vector: readonly number[], year?: number) => {
    const nearest = table
      .query()
      .nearestTo([...vector])
      .distanceType('cosine')
      .limit(NEIGHBOURS)
      .select(QUERY_COLUMNS);
    const found = await (year === undefined ? nearest : nearest.where(`year = ${year}`)).toArray();
    return found.map(({ id }) => String(id));
  };
  return {
    write: async (n) => {
      await table
        .mergeInsert('id')
        .whenMatchedUpdateAll()
        .whenNotMatchedInsertAll()
        .execute(recordsOf(base, n).map(rowOf));
    },
    present: async (ids) => {
      const list = ids.map((id) => `'${id}'`).join(',');
      const found = await table.query().where(`id IN (${list})`).select(['id']).limit(ids.length).toArray();
      return new Set(found.map(({ id }) => String(id)));
    },
    query,
    close: async () => {
      table.close();
      connection.close();
    },
  };
}

function rowOf({ id, embedding, metadata, document }: ReturnType<typeof recordsOf>[number]) {
  return { id, vector: embedding, document, ...metadata } as Record<string, unknown>;
}
