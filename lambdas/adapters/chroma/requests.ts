/**
 * Requests to one collection of a Chroma server and their answers, as JSON text: the `chromadb` client uses plain
 * numbers, which cannot tell 5.0 from 5 and round 2^53 + 1 (ADR 31).
 */
import { membersOf, parseExact, stringifyExact } from '../../snapshot/exact-json.ts';
import { HOST } from './free-port.ts';

const DATABASE_URL = 'api/v2/tenants/default_tenant/databases/default_database';
/** Statuses by which a server blames the data. It answers 501 for values that only its hosted form stores. */
const BLAMES_DATA = new Set([400, 413, 422, 501]);
const MAX_MESSAGE_LENGTH = 1_000;

/** The server answered that it did not do what was asked. */
export class AnswerError extends Error {
  readonly status: number;
  /** The server's message, without the JSON around it. */
  readonly said: string;

  constructor(status: number, said: string) {
    super(`it answered ${status}: ${said}`);
    this.status = status;
    this.said = said;
  }

  get blamesData(): boolean {
    return BLAMES_DATA.has(this.status);
  }
}

/**
 * @param body JSON of the request
 * @returns the members of the answer, each as JSON text
 * @throws AnswerError, Error (no answer)
 */
export async function ask(port: number, collection: string, verb: string, body: string): Promise<Map<string, string>> {
  const response = await fetch(`http://${HOST}:${port}/${DATABASE_URL}/collections/${collection}/${verb}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  const text = await response.text();
  if (response.ok) return membersOf(text);
  throw new AnswerError(response.status, messageIn(text));
}

/**
 * Create the collection unless it exists. @param schema JSON text, as a server gives it. @throws AnswerError, Error (no
 * answer)
 */
export async function createBySchema(port: number, name: string, schema: string): Promise<void> {
  const response = await fetch(`http://${HOST}:${port}/${DATABASE_URL}/collections`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: `{"name":${JSON.stringify(name)},"schema":${schema},"get_or_create":true}`,
  });
  const text = await response.text();
  if (!response.ok) throw new AnswerError(response.status, messageIn(text));
}

function messageIn(text: string): string {
  let said = text;
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    if (typeof message === 'string') said = message;
  } catch {
    // Not every refusal is JSON: the text of any other is used as it is.
  }
  return said.slice(0, MAX_MESSAGE_LENGTH);
}

/** One column of an answer: a value per record; empty if the server left the column out. */
export function column<T>(answer: ReadonlyMap<string, string>, name: string): T[] {
  const text = answer.get(name) ?? 'null';
  return ((name === 'metadatas' ? parseExact(text) : JSON.parse(text)) ?? []) as T[];
}

/** Members that hold numbers written by users. */
const EXACT = new Set(['metadatas', 'where', 'where_document']);

/** Serialised column by column: embeddings hold most of the numbers, and need no exact form. */
export function body(columns: Readonly<Record<string, unknown>>): string {
  const members = Object.entries(columns).map(([name, values]) => {
    const text = EXACT.has(name) ? stringifyExact(values) : JSON.stringify(values);
    return `${JSON.stringify(name)}:${text}`;
  });
  return `{${members.join(',')}}`;
}

/** An embedding as Chroma takes it in a third of the bytes: its 32-bit floats, little-endian, in base64. */
export function base64(embedding: readonly number[]): string {
  return Buffer.from(Float32Array.from(embedding).buffer).toString('base64');
}
