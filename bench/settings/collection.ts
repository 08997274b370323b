/** One collection under measurement: a working directory that is changed, scanned and sealed by the product's own code. */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { ChromaClient, type HNSWConfiguration } from 'chromadb';
import { DATABASE } from '../../lambdas/adapters/chroma/database.ts';
import { HOST } from '../../lambdas/adapters/chroma/free-port.ts';
import { locateEngine } from '../../lambdas/adapters/chroma/locator.ts';
import { ChromaServer } from '../../lambdas/adapters/chroma/server.ts';
import { scan } from '../../lambdas/commit/scan.ts';
import { sealCommit } from '../../lambdas/commit/seal-commit.ts';
import { applyDeltas } from '../../lambdas/merge/apply-deltas.ts';
import type { WorkingDirectory } from '../../lambdas/ports.ts';
import type { DirectoryDigests } from '../../lambdas/snapshot/blocks.ts';
import { totalLength } from '../../lambdas/snapshot/changes.ts';
import type { ScannedFile } from '../../lambdas/snapshot/commit.ts';
import { parseDelta } from '../../lambdas/snapshot/delta.ts';
import { decodeManifest } from '../../lambdas/snapshot/manifest.ts';
import { createCollection } from '../../lambdas/upkeep/create-collection.ts';
import { loadCurrent } from '../../lambdas/versions/load-current.ts';
import type { LoadedManifest } from '../../lambdas/versions/load-manifest.ts';
import { COLLECTION } from '../fixture/build.ts';
import { DIMENSION, SPACE } from '../fixture/corpus.ts';
import type { PlainPorts } from '../ports.ts';
import type { Delta } from '../scenarios/deltas.ts';
import type { HnswSettings, Setting } from './matrix.ts';
import { ownersOf } from './pages.ts';

/** Its own name in the bench's fixtures, so that their directories can be measured too. */
export { COLLECTION };

/** Written at the end of every persist, and at no other time. */
const LABELS = '/index_metadata.pickle';
const SERVER_TIMES = { startMs: 60_000, graceMs: 200 };
const NO_DIGESTS: DirectoryDigests = {
  manifestKey: '',
  manifestSha256: '',
  manifest: new Uint8Array(),
  files: new Map(),
};

/** What one commit changed, in bytes. */
export interface CommitBytes {
  /** Changed 4 KiB blocks of `chroma.sqlite3` and of the HNSW files. */
  sqlite: number;
  hnsw: number;
  /** Did Chroma write its index? */
  persisted: boolean;
  /** Unchanged blocks that were written again to bound fragmentation. */
  rewritten: number;
  /** Size of the pack: all of the above, compressed. */
  stored: number;
  /** Changed blocks of `chroma.sqlite3` by what their pages hold. */
  owners: Map<string, number>;
}

export interface Sizes {
  sqlite: number;
  hnsw: number;
  /** Records in Chroma's log. */
  logged: number;
}

export class MeasuredCollection {
  readonly #ports: PlainPorts;
  readonly directory: WorkingDirectory;
  #base: LoadedManifest;
  #digests = NO_DIGESTS;
  #records = 0;

  private constructor(ports: PlainPorts, directory: WorkingDirectory, base: LoadedManifest) {
    this.#ports = ports;
    this.directory = directory;
    this.#base = base;
  }

  /** An empty directory, in which nothing has been created yet. */
  static async open(ports: PlainPorts): Promise<MeasuredCollection> {
    await createCollection(ports, { collection: COLLECTION, dimension: DIMENSION, space: SPACE, creator: 'bench' });
    const directory = await ports.directories.claim(COLLECTION);
    await directory.clear();
    return new MeasuredCollection(ports, directory, await loadCurrent(ports, COLLECTION));
  }

  /** Create the collection with these settings. Chroma keeps whatever it is given at this point. */
  async create(hnsw: HnswSettings): Promise<void> {
    await this.#administer((client) =>
      client.createCollection({
        name: COLLECTION,
        configuration: { hnsw: { space: SPACE, ...hnsw } as HNSWConfiguration },
        embeddingFunction: null,
      }),
    );
  }

  /** Begin as a copy of another directory at rest. */
  async copyFrom(path: string): Promise<void> {
    await cp(path, this.directory.path, { recursive: true });
  }

  /** Settings of a collection that exists already. */
  async change({ hnsw, purge, sql }: Setting): Promise<void> {
    if (hnsw !== undefined) {
      await this.#administer(async (client) => {
        const collection = await client.getCollection({ name: COLLECTION });
        await collection.modify({ configuration: { hnsw } });
      });
    }
    const database = new DatabaseSync(join(this.directory.path, DATABASE));
    try {
      if (purge === false) {
        database.exec(
          "UPDATE embeddings_queue_config SET config_json_str = json_set(config_json_str, '$.automatically_purge', json('false'))",
        );
      }
      if (sql !== undefined) database.exec(sql);
    } finally {
      database.close();
    }
  }

  /** Apply a delta as a merge does, and seal it as the next version. Nothing stays in staging. */
  async commit({ deltaId, body }: Delta): Promise<CommitBytes> {
    const parsed = parseDelta(body, DIMENSION);
    const session = await this.#ports.engine.open(this.directory, { incomingBytes: body.length });
    try {
      const shape = { collection: COLLECTION, space: SPACE, dimension: DIMENSION, records: this.#records } as const;
      const plan = await applyDeltas(session, shape, [{ ...parsed, deltaId, sha256: '', bytes: body.length }]);
      this.#records += plan.growth;
    } finally {
      await session.close();
    }
    return this.seal();
  }

  /** Seal what is in the closed directory now. The first time that is all of it. */
  async seal(records = this.#records): Promise<CommitBytes> {
    this.#records = records;
    const scanned = await scan(this.directory, this.#digests);
    const input = { base: this.#base, scanned, engine: null, records, ledger: [] };
    const { merge, digests } = await sealCommit(this.#ports, this.directory, input);
    const owners = ownersOf(this.directory.path, scanned.find(({ path }) => path === DATABASE)?.changed ?? []);
    this.#digests = digests;
    this.#base = {
      ref: merge.manifest,
      bytes: digests.manifest,
      manifest: decodeManifest(merge.manifest.key, digests.manifest, merge.manifest.sha256),
    };
    await this.directory.writeDigests(digests);
    await this.directory.markClean(digests);
    await this.#ports.cache.discardStaged(COLLECTION, merge.commitId);
    return {
      sqlite: changedIn(scanned, true),
      hnsw: changedIn(scanned, false),
      persisted: scanned.some(({ path, changed }) => path.endsWith(LABELS) && changed.length > 0),
      rewritten: merge.rewrittenBytes,
      stored: merge.pack?.size ?? 0,
      owners,
    };
  }

  async sizes(): Promise<Sizes> {
    const files = await this.directory.list();
    const size = (own: boolean) =>
      files.filter(({ path }) => (path === DATABASE) === own).reduce((sum, file) => sum + file.size, 0);
    const database = new DatabaseSync(join(this.directory.path, DATABASE), { readOnly: true });
    try {
      const row = database.prepare('SELECT count(*) AS logged FROM embeddings_queue').get();
      return { sqlite: size(true), hnsw: size(false), logged: Number(row?.logged) };
    } finally {
      database.close();
    }
  }

  release(): Promise<void> {
    return this.directory.release();
  }

  /** By a server and client of our own: the product's session knows no settings. */
  async #administer(task: (client: ChromaClient) => Promise<unknown>): Promise<void> {
    const server = await ChromaServer.start(await locateEngine(), this.directory.path, SERVER_TIMES);
    try {
      await task(new ChromaClient({ host: HOST, port: server.port }));
    } finally {
      await server.stop();
    }
  }
}

function changedIn(scanned: readonly ScannedFile[], database: boolean): number {
  return scanned
    .filter(({ path }) => (path === DATABASE) === database)
    .reduce((sum, { changed }) => sum + totalLength(changed), 0);
}
