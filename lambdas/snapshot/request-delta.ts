/**
 * Requests of Chroma's own API as a delta (ADR 47): what an endpoint accepted, to be sent to the engine again, in order
 * and unchanged. The text of a body is kept, since 1.0, 2^53 + 1, nulls, uris and embeddings in base64 do not survive a
 * parser unchanged (ADR 31).
 *
 * JSON Lines. The first line is `{"requests":1,"id":"<ULID>"}`; each line after it is one request,
 * `{"op":...,"body":...}`.
 */
import { InvalidInputError } from '../errors/errors.ts';
import { compressDelta } from './compressed-delta.ts';
import { membersOf } from './exact-json.ts';

/** Number of this format, in the first line. */
const FORM = 1;
const HEADER = Buffer.from('{"requests":');
const NEWLINE = 0x0a;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export type RequestOp = 'add' | 'upsert' | 'update' | 'delete';
const OPS: ReadonlySet<string> = new Set<RequestOp>(['add', 'upsert', 'update', 'delete']);
const NO_OP = 'it is not add, upsert, update or delete, or not JSON.';

export interface LoggedRequest {
  op: RequestOp;
  /** JSON text of the body, unchanged. For a `delete` only `{"ids":[...]}`: filters have been resolved. */
  body: string;
}

/** A request, the records that it names, and the number of its line, from 1. */
export interface NumberedRequest extends LoggedRequest {
  ids: readonly string[];
  line: number;
}

/** Why a line, or (line 0) the delta as a whole, is not valid. */
export interface RequestFault {
  line: number;
  reason: string;
}

/**
 * One line, without a line break at its end.
 * @param parsed The parsed body, if the caller has it.
 * @throws InvalidInputError (the body is not a valid request of its kind, so it must not be acknowledged)
 */
export function encodeRequest({ op, body }: LoggedRequest, parsed: unknown = parse(body)): string {
  const fault = OPS.has(op) ? bodyFault(op, parsed) : NO_OP;
  if (fault !== undefined) throw new InvalidInputError(`This cannot be logged as "${op}": ${fault}`);
  // Line breaks in JSON are white space: within a string they are written as \n.
  return `{"op":${JSON.stringify(op)},"body":${body.replace(/[\r\n]+/g, ' ').trim()}}`;
}

/**
 * A delta of such lines, in the form in which it is stored.
 * @param id Unique to this write, so that its bytes differ from those of every other write, and a writer recognises its
 * own object.
 */
export function joinRequests(lines: readonly string[], id?: string): Uint8Array {
  const header = JSON.stringify({ requests: FORM, ...(id !== undefined && { id }) });
  return compressDelta(Buffer.from(`${[header, ...lines].join('\n')}\n`));
}

/** A delta of requests is recognised by the first bytes of its text: no line of an ordinary delta begins like that. */
export function isRequestDelta(body: Uint8Array): boolean {
  return HEADER.equals(body.subarray(0, HEADER.length));
}

/** Parses line by line; the first line is the header. Never throws. A fault of line 0 is always the last result. */
export function* requestsIn(body: Uint8Array): Generator<NumberedRequest | RequestFault> {
  let line = 0;
  for (let start = 0, end = 0; start < body.length; start = end + 1) {
    const next = body.indexOf(NEWLINE, start);
    end = next < 0 ? body.length : next;
    line++;
    const text = decodeText(body.subarray(start, end));
    if (text === undefined) return yield { line: 0, reason: 'The object is not UTF-8 text.' };
    if (line === 1) {
      const fault = headerFault(text);
      if (fault !== undefined) return yield { line: 0, reason: fault };
    } else if (text.trim() !== '') {
      const request = parseRequestLine(text);
      yield typeof request === 'string' ? { line, reason: request } : { ...request, line };
    }
  }
}

function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return UTF8.decode(bytes);
  } catch {
    return undefined;
  }
}

function headerFault(line: string): string | undefined {
  const header = parse(line) as { requests?: unknown } | undefined;
  if (header?.requests === FORM) return undefined;
  return `The delta holds requests in another form than ${FORM}; a newer version may read it.`;
}

/** A request, or what is wrong with it. */
function parseRequestLine(line: string): Omit<NumberedRequest, 'line'> | string {
  const { op, body, ...more } = (parse(line) ?? {}) as { op?: unknown; body?: unknown };
  if (typeof op !== 'string' || !OPS.has(op)) return NO_OP;
  if (Object.keys(more).length > 0) return 'it has other members than "op" and "body".';
  const fault = bodyFault(op as RequestOp, body);
  if (fault !== undefined) return fault;
  const { ids } = body as { ids: readonly string[] };
  return { op: op as RequestOp, body: membersOf(line).get('body') ?? '', ids };
}

function bodyFault(op: RequestOp, body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return 'its body is no object.';
  const { ids } = body as { ids?: unknown };
  if (!Array.isArray(ids) || !ids.every((id) => typeof id === 'string')) return 'its body has no "ids" that are texts.';
  return op === 'delete' && Object.keys(body).length > 1 ? 'a delete is by "ids" alone.' : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
