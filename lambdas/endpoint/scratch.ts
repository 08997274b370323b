/**
 * What only the engine knows: whether it takes a request, and what it makes of a collection. It is asked on the server of
 * collections without a snapshot, in collections that are nobody's.
 */

import { ConfigurationError, EngineUnavailableError } from '../errors/errors.ts';
import type { Described } from '../names/directory.ts';
import type { ApiAnswer, ApiRequest, ApiServer, Space } from '../ports.ts';
import { COLLECTIONS } from '../serving/target.ts';
import { membersOf } from '../snapshot/exact-json.ts';
import { messageOf, refusal } from './replies.ts';

/** No name that Chroma would give a database: nothing is ever created in it. */
const NOWHERE = 'no-such-database-of-a-compactor';
const MAX_KNOWN = 256;

export class Scratch {
  readonly #server: () => Promise<ApiServer>;
  readonly #newId: () => string;
  /** By what was asked for, without the name. */
  readonly #known = new Map<string, Described>();
  /** Renames take names that clients choose: one at a time. */
  #line: Promise<unknown> = Promise.resolve();

  constructor(server: () => Promise<ApiServer>, newId: () => string) {
    this.#server = server;
    this.#newId = newId;
  }

  async send(request: ApiRequest): Promise<ApiAnswer> {
    return (await this.#server()).send(request);
  }

  /** @returns why a request to create a collection is refused whatever there is */
  async refuseCreation(body: string, contentType: string | undefined): Promise<ApiAnswer | undefined> {
    const path = `/api/v2/tenants/default_tenant/databases/${NOWHERE}/collections`;
    const answer = await this.send({ method: 'POST', path, body, contentType });
    return messageOf(answer) === `Database [${NOWHERE}] does not exist` ? undefined : answer;
  }

  /** What a collection is that is created so; or why there can be none. @param body Of a request that is not refused. */
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
    // As it is kept: the answer to its creation repeats what came.
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

  /** What becomes of a collection by a request to modify it. */
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

/** Chroma 1.5 breaks down over an empty list in metadata of a collection, ends the connection, and goes on. */
function unlessDead(error: unknown): ApiAnswer {
  if (!(error instanceof EngineUnavailableError)) throw error;
  return refusal(500, 'InternalError', 'The engine gave no answer to this request');
}

/** What was made a moment ago is not there: the server has ended meanwhile, and another one answers. */
function gone(name: string): EngineUnavailableError {
  return new EngineUnavailableError(`The engine was started anew, and "${name}" is gone. Send the request again.`);
}

/** @throws ConfigurationError (an engine without schemas), EngineUnavailableError (it was started anew) */
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
      'by id. Set CHROMA_BIN to a "chroma" of version 1.4 or later.',
  );
}

function textOf(members: ReadonlyMap<string, string>): string {
  return `{${[...members].map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(',')}}`;
}
