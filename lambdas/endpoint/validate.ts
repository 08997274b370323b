/**
 * Whether the engine would take a write, found out before it is acknowledged. The request is sent to a collection of the
 * scratch server whose dimension hardly any embedding has: the engine then checks everything down to the dimension, names
 * the one that it found, and writes nothing. What it looks at after that is looked at here.
 */
import type { ApiAnswer } from '../ports.ts';
import { COLLECTIONS } from '../serving/target.ts';
import type { RequestOp } from '../snapshot/request-delta.ts';
import { invalid, messageOf, refusal } from './replies.ts';
import type { Scratch } from './scratch.ts';

/** A prime that no model's embeddings have. One that has them is checked as well: its writes are carried out, for nothing. */
const DIMENSION = 4_093;
const WRONG_DIMENSION = new RegExp(`^Collection expecting embedding with dimension of ${DIMENSION}, got (\\d+)$`);
/** Requests without embeddings are carried out, on records that are not there; at some point the collection is made anew. */
const MAX_CARRIED_OUT = 2_000;

export interface Accepted {
  ids: readonly string[];
  /** Numbers per embedding; `undefined` without any. */
  dimension: number | undefined;
  metadatas: readonly unknown[];
  /** What Chroma finds wrong once the dimension is right, and fixed. */
  fault: ApiAnswer | undefined;
}

export class Validator {
  readonly #scratch: Scratch;
  readonly #newId: () => string;
  #path: Promise<string> | undefined;
  #carriedOut = 0;

  constructor(scratch: Scratch, newId: () => string) {
    this.#scratch = scratch;
    this.#newId = newId;
  }

  /** The engine's refusal, or what it takes. Dimensions are for the caller to compare. */
  async check(op: RequestOp, body: string, contentType: string | undefined): Promise<ApiAnswer | Accepted> {
    let answer = await this.#send(op, body, contentType);
    if (answer.status === 404) {
      // The scratch server was started anew.
      this.#path = undefined;
      answer = await this.#send(op, body, contentType);
    }
    const found = WRONG_DIMENSION.exec(messageOf(answer) ?? '');
    if (found === null && answer.status >= 300) return answer;
    if (found === null) this.#countCarriedOut();
    const columns = JSON.parse(body) as Columns;
    const fault = op === 'delete' ? undefined : faultIn(columns);
    const hasEmbedding = columns.embeddings?.some((embedding) => embedding !== null) ?? false;
    const dimension = found === null ? (hasEmbedding ? DIMENSION : undefined) : Number(found[1]);
    return { ids: columns.ids ?? [], dimension, metadatas: columns.metadatas ?? [], fault };
  }

  async #send(op: RequestOp, body: string, contentType: string | undefined): Promise<ApiAnswer> {
    this.#path ??= this.#open();
    const opening = this.#path;
    opening.catch(() => {
      if (this.#path === opening) this.#path = undefined;
    });
    return this.#scratch.send({ method: 'POST', path: `${await opening}/${op}`, body, contentType });
  }

  async #open(): Promise<string> {
    const body = JSON.stringify({ name: `v-${this.#newId()}` });
    const made = await this.#scratch.send({ method: 'POST', path: COLLECTIONS, body });
    const path = `${COLLECTIONS}/${(JSON.parse(made.body) as { id: string }).id}`;
    const embedding = Buffer.from(new Float32Array(DIMENSION).fill(1).buffer).toString('base64');
    await this.#scratch.send({
      method: 'POST',
      path: `${path}/add`,
      body: JSON.stringify({ ids: ['dimension'], embeddings: [embedding] }),
    });
    return path;
  }

  #countCarriedOut(): void {
    this.#carriedOut++;
    if (this.#carriedOut < MAX_CARRIED_OUT) return;
    this.#carriedOut = 0;
    this.#path = undefined;
  }
}

interface Columns {
  ids?: readonly string[] | null;
  embeddings?: ReadonlyArray<unknown> | null;
  documents?: ReadonlyArray<unknown> | null;
  uris?: ReadonlyArray<unknown> | null;
  metadatas?: ReadonlyArray<Record<string, unknown> | null> | null;
}

/** Where the engine itself keeps the document: its writer dies, for good, of anything but a text there. */
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
