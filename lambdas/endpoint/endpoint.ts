/** What an endpoint is made of. */

import { both } from '../concurrency/both.ts';
import { ENGINE_ADVICE } from '../errors/engine-advice.ts';
import { ConfigurationError } from '../errors/errors.ts';
import { NamesDirectory } from '../names/directory.ts';
import type { CollectionRecord } from '../names/records.ts';
import type { ApiRequest, EngineIdentity } from '../ports.ts';
import { compareVersions } from '../protocol/engine-versions.ts';
import { INDEX_ONLY_MS, type ReadLevel } from '../serving/looks.ts';
import { type ServingLimits, Servings } from '../serving/servings.ts';
import type { ServingPorts, Settings } from '../serving/target.ts';
import { membersOf } from '../snapshot/exact-json.ts';
import { probeStore } from '../upkeep/probe-store.ts';
import { Scratch } from './scratch.ts';
import { Validator } from './validate.ts';
import { Writes } from './writes.ts';

/** The first server that has schemas, accepts lists in metadata, and reads by id. */
export const OLDEST_ENGINE = '1.4.0';

/** How many collections' records in the directory are remembered. */
const MAX_KNOWN = 4_096;
/** Members of a delete request that select the records to delete. */
const SELECTING = ['ids', 'where', 'where_document', 'limit'];

export interface EndpointOptions {
  /** For requests that name none. */
  readLevel: ReadLevel;
  /** May clients reset the endpoint, so that all collections are forgotten? */
  allowReset: boolean;
  limits?: ServingLimits;
  /** Of one request. Default: the same limit as Chroma's own. */
  maxBodyBytes?: number;
  /** The batch size that clients are told not to exceed, in records. Default: the engine's limit. */
  maxBatchSize?: number;
  /** Set if the store is known to honour conditional writes. Default: this is tested at the start. */
  isTried?: boolean;
}

export class Endpoint {
  readonly ports: ServingPorts;
  readonly options: EndpointOptions;
  readonly directory: NamesDirectory;
  readonly scratch: Scratch;
  readonly servings: Servings;
  readonly writes: Writes;
  readonly #known = new Map<string, { record: CollectionRecord; at: number }>();

  private constructor(ports: ServingPorts, options: EndpointOptions) {
    this.ports = ports;
    this.options = options;
    this.servings = new Servings(ports, options.limits);
    const newId = () => ports.ids.ulid();
    this.scratch = new Scratch(() => this.servings.shared(), newId);
    this.directory = new NamesDirectory(ports, (space) => this.scratch.describeSpace(space));
    const validator = new Validator(this.scratch, newId);
    this.writes = new Writes(ports, this.directory, validator, (record, body) => this.#select(record, body));
  }

  /**
   * @throws ConfigurationError (the engine is too old), UnsafeStoreError, EngineUnavailableError, StoreUnavailableError
   */
  static async start(ports: ServingPorts, options: EndpointOptions): Promise<Endpoint> {
    refuseOldEngine(await ports.api.identify());
    if (!options.isTried) await probeStore(ports);
    const endpoint = new Endpoint(ports, options);
    try {
      await endpoint.servings.shared();
      return endpoint;
    } catch (error) {
      await endpoint.close();
      throw error;
    }
  }

  /**
   * Answer a question about a collection, given its id. If the collection is already known, the endpoint checks while
   * the question is being answered that it still exists (at `index_only`, unless it did a second ago); if it does not,
   * the answer is discarded.
   * @returns `undefined`: there is no such collection
   */
  async askById(id: string, level: ReadLevel, request: ApiRequest) {
    const known = this.#known.get(id);
    if (known === undefined) {
      const record = await this.findById(id);
      return record && this.ask(record, level, request);
    }
    if (level === 'index_only' && this.ports.clock.monotonic() - known.at < INDEX_ONLY_MS) {
      return this.ask(known.record, level, request);
    }
    const [record, answer] = await both(
      this.findById(id),
      this.ask(known.record, level, request).then(
        (value) => ({ value }),
        (error: unknown) => ({ error }),
      ),
    );
    if (record === undefined) return undefined;
    if (record.configuration !== known.record.configuration) return this.ask(record, level, request);
    if ('error' in answer) throw answer.error;
    return answer.value;
  }

  /** Name under which a collection is stored, if it was asked for recently; otherwise its id. */
  storedName(id: string): string {
    return this.#known.get(id)?.record.collection ?? id;
  }

  /** The collection's record as it is now. */
  async findById(id: string): Promise<CollectionRecord | undefined> {
    const at = this.ports.clock.monotonic();
    const record = await this.directory.findById(id);
    if (record === undefined) this.#known.delete(id);
    else {
      if (this.#known.size >= MAX_KNOWN) this.#known.clear();
      this.#known.set(id, { record, at });
    }
    return record;
  }

  /** Pass a client's request to the collection's server unchanged, except for the path, which differs there. */
  async ask(record: CollectionRecord, level: ReadLevel, { path: rest, ...request }: ApiRequest) {
    // Another endpoint may have changed the settings.
    await this.servings.configure(settingsOf(record));
    return this.servings.ask(settingsOf(record), level, async ({ server, path }) => {
      const answer = await server.send({ ...request, path: `${path}/${rest}` });
      if (answer.status < 400) return answer;
      // An error may contain the collection's name, which differs on that server.
      const own = path.slice(path.lastIndexOf('/') + 1);
      return { ...answer, body: answer.body.replaceAll(own, record.id) };
    });
  }

  close(): Promise<void> {
    return this.servings.close();
  }

  /** Ids of the records that a delete by filter selects, including everything acknowledged before it. */
  async #select(record: CollectionRecord, body: string) {
    // Members are kept as text, so that numbers in filters stay exactly as they were written.
    const members = [...membersOf(body)].filter(([name]) => SELECTING.includes(name));
    const wanted = [...members.map(([name, text]) => `${JSON.stringify(name)}:${text}`), '"include":[]'];
    const answer = await this.ask(record, 'index_and_wal', {
      method: 'POST',
      path: 'get',
      body: `{${wanted.join(',')}}`,
    });
    return answer.status === 200 ? (JSON.parse(answer.body) as { ids: string[] }).ids : answer;
  }
}

/** @throws ConfigurationError (an endpoint cannot work with it) */
export function refuseOldEngine({ version, source }: EngineIdentity): void {
  if (compareVersions(version, OLDEST_ENGINE) >= 0) return;
  throw new ConfigurationError(
    `The Chroma server here is ${version} (${source}), and an endpoint needs ${OLDEST_ENGINE} or later. Set CHROMA_BIN to ` +
      `a newer "chroma": ${ENGINE_ADVICE}`,
  );
}

export function settingsOf({ collection, configuration, schema }: CollectionRecord): Settings {
  return { collection, configuration, schema };
}
