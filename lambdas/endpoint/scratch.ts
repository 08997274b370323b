/**
 * Finds out what only the engine knows: whether it accepts a request, and how it describes a collection. The engine is
 * asked on the server of collections without a snapshot, in collections made only for this purpose.
 */

import { ENGINE_ADVICE } from '../errors/engine-advice.ts';
import { ConfigurationError, EngineUnavailableError } from '../errors/errors.ts';
import type { Described } from '../names/directory.ts';
import type { ApiAnswer, ApiRequest, ApiServer, Space } from '../ports.ts';
import { COLLECTIONS } from '../serving/target.ts';
import { membersOf } from '../snapshot/exact-json.ts';
import { messageOf, refusal } from './replies.ts';

/** A name that Chroma allows for no database, so nothing is ever created in it. */
const NOWHERE = 'no-such-database-of-a-compactor';
const MAX_KNOWN = 256;

export class Scratch {
  readonly #server: () => Promise<ApiServer>;
  readonly #newId: () => string;
  /** Keyed by the request to create, without the name. */
  readonly #known = new Map<string, Described>();
  /** Renames use names chosen by clients, which could collide, so they run one at a time. */
  #line: Promise<unknown> = Promise.resolve();

  constructor(server: () => Promise<ApiServer>, newId: () => string) {
    this.#server = server;
    this.#newId = newId;
  }

  async send(request: ApiRequest): Promise<ApiAnswer> {
    return (await this.#server()).send(request);
  }

  /** @returns why a request to create a collection must be refused whatever already exists */
  async refuseCreation(body: string, contentType: string | undefined): Promise<ApiAnswer | undefined> {
    const path = `/api/v2/tenants/default_tenant/databases/${NOWHERE}/collections`;
    const answer = await this.send({ method: 'POST', path, body, contentType });
    return messageOf(answer) === `Database [${NOWHERE}] does not exist` ? undefined : answer;
  }

  /**
   * How the engine describes a collection created by this request, or its refusal. @param body Of a request that has
   * passed `refuseCreation`.
   */
  async describe(body: string): Promise<Described | ApiAnswer> {
    const members = membersOf(body);
    members.delete('get_or_create');
    members.delete('name');
    const key = textOf(members);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const name = `d-${this.#newId()}`;
    const made = await this.#create(name, members).catch(unlessDead);
    if (made.status !== 200) return made;
    // The collection as the engine keeps it: the answer to its creation merely repeats the request.
    const kept = await this.send({ method: 'GET', path: `${COLLECTIONS}/${name}` });
    await this.#remove(name);
    const described = describedBy(name, kept);
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(key, described);
    return described;
  }

  async describeSpace(space: Space): Promise<Described> {
    const described = await this.describe(JSON.stringify({ configuration: { hnsw: { space } } }));
    if ('status' in described) throw new EngineUnavailableError(`The engine makes no collection: ${described.body}`);
    return described;
  }

  /** How the engine describes a collection after a request to modify it. */
  async modify({ metadata, schema }: Described, body: string, contentType: string | undefined) {
    const members = new Map([['schema', schema], ...(metadata === 'null' ? [] : [['metadata', metadata] as const])]);
    const task = async (): Promise<(Described & { name: string | undefined }) | ApiAnswer> => {
      const name = `m-${this.#newId()}`;
      const made = await this.#create(name, members);
      if (made.status !== 200) throw new EngineUnavailableError(`The engine makes no such collection: ${made.body}`);
      const path = `${COLLECTIONS}/${(JSON.parse(made.body) as { id: string }).id}`;
      const answer = await this.send({ method: 'PUT', path, body, contentType });
      if (answer.status === 404) throw gone(name);
      const isDone = answer.status === 200;
      const newName = isDone ? (JSON.parse(body) as { new_name?: string | null }).new_name : undefined;
      const nameNow = newName ?? name;
      const read = await this.send({ method: 'GET', path: `${COLLECTIONS}/${nameNow}` });
      await this.#remove(nameNow);
      return isDone ? { ...describedBy(nameNow, read), name: newName ?? undefined } : answer;
    };
    const done = this.#line.then(task);
    this.#line = done.catch(() => {});
    return done;
  }

  async #create(name: string, members: ReadonlyMap<string, string>): Promise<ApiAnswer> {
    const body = textOf(new Map([['name', JSON.stringify(name)], ...members]));
    return this.send({ method: 'POST', path: COLLECTIONS, body });
  }

  async #remove(name: string): Promise<void> {
    await this.send({ method: 'DELETE', path: `${COLLECTIONS}/${name}` });
  }
}

/** Chroma 1.5 panics on an empty list in a collection's metadata: it closes the connection, and keeps running. */
function unlessDead(error: unknown): ApiAnswer {
  if (!(error instanceof EngineUnavailableError)) throw error;
  return refusal(500, 'InternalError', 'The engine gave no answer to this request');
}

/** A collection created a moment ago is not there: the server has exited since, and another one answers. */
function gone(name: string): EngineUnavailableError {
  return new EngineUnavailableError(`The engine was started anew, and "${name}" is gone. Send the request again.`);
}

/** @throws ConfigurationError (an engine without schemas), EngineUnavailableError (it was restarted) */
function describedBy(name: string, { status, body }: ApiAnswer): Described {
  if (status === 404) throw gone(name);
  const members = membersOf(body);
  const [metadata, configuration, schema] = ['metadata', 'configuration_json', 'schema'].map((name) =>
    members.get(name),
  );
  if (configuration !== undefined && schema !== undefined && schema !== 'null') {
    return { metadata: metadata ?? 'null', configuration, schema };
  }
  throw new ConfigurationError(
    'The Chroma server here is too old for an endpoint: it knows no schemas of collections, lists in metadata and reads ' +
      `by id. Set CHROMA_BIN to a "chroma" of version 1.4 or later: ${ENGINE_ADVICE}`,
  );
}

function textOf(members: ReadonlyMap<string, string>): string {
  return `{${[...members].map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}`;
}
