/**
 * Finds out whether the engine would accept a write, before the write is acknowledged. The request is sent to a
 * collection of the scratch server whose dimension hardly any embedding has: the engine then checks everything up to
 * the dimension, reports the dimension that it found, and writes nothing. What it would check after that is checked
 * here.
 */
import { EngineUnavailableError } from '../errors/errors.ts';
import type { ApiAnswer } from '../ports.ts';
import { COLLECTIONS } from '../serving/target.ts';
import { parseJson } from '../snapshot/escaped-names.ts';
import type { RequestOp } from '../snapshot/request-delta.ts';
import { invalid, messageOf, refusal } from './replies.ts';
import type { Scratch } from './scratch.ts';

/**
 * A prime that no model uses as its dimension. Embeddings that do have it are checked as well: their writes are carried
 * out, with no effect on anything else.
 */
const DIMENSION = 4_093;
const WRONG_DIMENSION = new RegExp(`^Collection expecting embedding with dimension of ${DIMENSION}, got (\\d+)$`);
/**
 * Requests without embeddings are carried out, on records that do not exist; after this many of them the collection is
 * replaced.
 */
const MAX_CARRIED_OUT = 2_000;

export interface Accepted {
  ids: readonly string[];
  /** Numbers per embedding; `undefined` without any. */
  dimension: number | undefined;
  metadatas: readonly unknown[];
  /** The body, parsed. Numbers in it are JavaScript's. */
  parsed: object;
  /** What Chroma finds wrong once the dimension is right and fixed. */
  fault: ApiAnswer | undefined;
}

/** A collection of the scratch server that requests are tried on. */
interface Place {
  name: string;
  path: string;
  users: number;
  carriedOut: number;
}

export class Validator {
  readonly #scratch: Scratch;
  readonly #newId: () => string;
  #place: Promise<Place> | undefined;

  constructor(scratch: Scratch, newId: () => string) {
    this.#scratch = scratch;
    this.#newId = newId;
  }

  /**
   * The engine's refusal, or what it accepts. Comparing dimensions is left to the caller.
   * @throws EngineUnavailableError
   */
  async check(op: RequestOp, body: string, contentType: string | undefined): Promise<ApiAnswer | Accepted> {
    const answer = await this.#try(op, body, contentType);
    const found = WRONG_DIMENSION.exec(messageOf(answer) ?? '');
    if (found === null && answer.status >= 300) return answer;
    const columns = parseJson(body) as Columns;
    const fault = op === 'delete' ? undefined : faultIn(columns);
    const hasEmbedding = columns.embeddings?.some((embedding) => embedding !== null) ?? false;
    const dimension = found === null ? (hasEmbedding ? DIMENSION : undefined) : Number(found[1]);
    const { ids, metadatas } = columns;
    return { ids: ids ?? [], dimension, metadatas: metadatas ?? [], parsed: columns, fault };
  }

  async #try(op: RequestOp, body: string, contentType: string | undefined): Promise<ApiAnswer> {
    for (let attempt = 1; ; attempt++) {
      const opening = this.#opened();
      const place = await opening;
      place.users++;
      try {
        const path = `${place.path}/${op}`;
        const answer = await this.#scratch.send({ method: 'POST', path, body, contentType });
        if (answer.status < 300) place.carriedOut++;
        if (answer.status !== 404) return answer;
        // The scratch server was restarted.
        if (this.#place === opening) this.#place = undefined;
        if (attempt > 1) throw unusable('has lost the collection that requests are tried on', answer);
      } finally {
        place.users--;
        this.#giveUpOutworn(opening, place);
      }
    }
  }

  #opened(): Promise<Place> {
    const opening = this.#place ?? this.#open();
    this.#place = opening;
    opening.catch(() => {
      if (this.#place === opening) this.#place = undefined;
    });
    return opening;
  }

  async #open(): Promise<Place> {
    const name = `v-${this.#newId()}`;
    const made = await this.#scratch.send({ method: 'POST', path: COLLECTIONS, body: JSON.stringify({ name }) });
    if (made.status >= 300) throw unusable('makes no collection to try requests on', made);
    const path = `${COLLECTIONS}/${(JSON.parse(made.body) as { id: string }).id}`;
    const embedding = Buffer.from(new Float32Array(DIMENSION).fill(1).buffer).toString('base64');
    const body = JSON.stringify({ ids: ['dimension'], embeddings: [embedding] });
    const fixed = await this.#scratch.send({ method: 'POST', path: `${path}/add`, body });
    if (fixed.status >= 300) throw unusable('fixes no dimension of a collection to try requests on', fixed);
    return { name, path, users: 0, carriedOut: 0 };
  }

  /** Its last user deletes it. */
  #giveUpOutworn(opening: Promise<Place>, { name, users, carriedOut }: Place): void {
    if (carriedOut < MAX_CARRIED_OUT) return;
    if (this.#place === opening) this.#place = undefined;
    if (users > 0) return;
    // If this fails, the collection goes with the server at the latest.
    this.#scratch.send({ method: 'DELETE', path: `${COLLECTIONS}/${name}` }).catch(() => {});
  }
}

function unusable(what: string, { status, body }: ApiAnswer): EngineUnavailableError {
  return new EngineUnavailableError(
    `The engine ${what}: it answered ${status}: ${body.slice(0, 300)}. Send the request again.`,
  );
}

interface Columns {
  ids?: readonly string[] | null;
  embeddings?: ReadonlyArray<unknown> | null;
  documents?: ReadonlyArray<unknown> | null;
  uris?: ReadonlyArray<unknown> | null;
  metadatas?: ReadonlyArray<Record<string, unknown> | null> | null;
}

/** The key under which the engine itself keeps the document: its writer dies for good if the value is not text. */
const DOCUMENT = 'chroma:document';

/** What Chroma refuses once the dimension is right, in its order. */
function faultIn({ ids, embeddings, documents, uris, metadatas }: Columns): ApiAnswer | undefined {
  const count = ids?.length ?? 0;
  const columns = [embeddings, documents, uris, metadatas];
  if (columns.some((column) => column !== null && column !== undefined && column.length !== count)) {
    return invalid('Inconsistent number of IDs, embeddings, documents, URIs and metadatas');
  }
  if (ids?.includes('')) return invalid('Empty ID, ID must have at least one character');
  for (const metadata of metadatas ?? []) {
    const sparse = Object.entries(metadata ?? {}).find(([, value]) => isSparse(value));
    if (sparse !== undefined) {
      const message = `Unimplemented: Sparse vector is not supported for local chroma: ${sparse[0]}`;
      return refusal(501, 'ChromaError', message);
    }
    const text = metadata?.[DOCUMENT];
    if (text !== undefined && typeof text !== 'string') {
      return refusal(500, 'InternalError', `The engine breaks down over a "${DOCUMENT}" in metadata that is no text`);
    }
  }
  return undefined;
}

function isSparse(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
