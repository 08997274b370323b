/** What an endpoint is made of. */

import { both } from '../concurrency/both.ts';
import { ConfigurationError } from '../errors/errors.ts';
import { NamesDirectory } from '../names/directory.ts';
import type { CollectionRecord } from '../names/records.ts';
import type { ApiRequest } from '../ports.ts';
import { compareVersions } from '../protocol/versions.ts';
import { INDEX_ONLY_MS, type ReadLevel } from '../serving/looks.ts';
import { type ServingLimits, Servings } from '../serving/servings.ts';
import type { ServingPorts, Settings } from '../serving/target.ts';
import { membersOf } from '../snapshot/exact-json.ts';
import { probeStore } from '../upkeep/probe-store.ts';
import { Scratch } from './scratch.ts';
import { Validator } from './validate.ts';
import { Writes } from './writes.ts';

/** The first server that has schemas, lists in metadata and reads by id. */
export const OLDEST_ENGINE = '1.4.0';

/** Collections whose records are remembered. */
const MAX_KNOWN = 4_096;
/** Members of a request to delete that say which records it means. */
const SELECTING = ['ids', 'where', 'where_document', 'limit'];

export interface EndpointOptions {
  /** Of requests that name none. */
  readLevel: ReadLevel;
  /** May clients forget everything that there is? */
  allowReset: boolean;
  limits?: ServingLimits;
  /** Of a request. Default: as Chroma's own. */
  maxBodyBytes?: number;
  /** Records of one request that clients are told to send at most. Default: as many as the engine says. */
  maxBatchSize?: number;
  /** The store is known to keep the conditions of writes. Default: it is tried. */
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
    const newId = () => ports.ids.commitId();
    this.scratch = new Scratch(() => this.servings.shared(), newId);
    this.directory = new NamesDirectory(ports, (space) => this.scratch.describeSpace(space));
    const validator = new Validator(this.scratch, newId);
    this.writes = new Writes(ports, this.directory, validator, (record, body) => this.#select(record, body));
  }

  /**
   * @throws ConfigurationError (the engine is too old), UnsafeStoreError, EngineUnavailableError, StoreUnavailableError
   */
  static async start(ports: ServingPorts, options: EndpointOptions): Promise<Endpoint> {
    const { version, source } = await ports.api.identify();
    if (compareVersions(version, OLDEST_ENGINE) < 0) {
      throw new ConfigurationError(
        `The Chroma server here is ${version} (${source}), and an endpoint needs ${OLDEST_ENGINE} or later. Set CHROMA_BIN to ` +
          'a newer "chroma": see docs/how-to/use-a-chroma-client.md.',
      );
    }
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
   * Answer a question about a collection by its id. Whether it still exists is found out while it is asked, once it is
   * known; an answer about one that does not is not given.
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

  /** Of a collection that was asked for a moment ago; of others, their id. */
  storedName(id: string): string {
    return this.#known.get(id)?.record.collection ?? id;
  }

  /** As it is now. */
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

  /** Send a request of a client to the collection's server as it is, with its path there. */
  async ask(record: CollectionRecord, level: ReadLevel, { path: rest, ...request }: ApiRequest) {
    // Another endpoint may have changed them.
    await this.servings.configure(settingsOf(record));
    return this.servings.ask(settingsOf(record), level, async ({ server, path }) => {
      const answer = await server.send({ ...request, path: `${path}/${rest}` });
      if (answer.status < 400) return answer;
      // An error may name the collection, which is called otherwise there.
      const own = path.slice(path.lastIndexOf('/') + 1);
      return { ...answer, body: answer.body.replaceAll(own, record.id) };
    });
  }

  close(): Promise<void> {
    return this.servings.close();
  }

  /** Ids that a request to delete by filter means, with all that was acknowledged before it. */
  async #select(record: CollectionRecord, body: string) {
    // As texts, since numbers in filters are what they are written as.
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

export function settingsOf({ collection, configuration, schema }: CollectionRecord): Settings {
  return { collection, configuration, schema };
}
