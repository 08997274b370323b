/**
 * The delta codec: a producer's operations as JSON Lines, one operation per line. An invalid line is rejected with its
 * number and a reason, and the rest of the delta stands: no producer's mistake costs another one anything.
 *
 * Operations mean what they mean to Chroma: an `upsert` of a record that exists is a patch (metadata is merged key by
 * key, `null` removes a key, what is not given stays). To start a record afresh, delete it first.
 */
import { z } from 'zod';
import { MAX_REJECTIONS_PER_DELTA, type Rejection } from '../protocol/ledger.ts';

/** Longest record id and metadata key, in characters. */
export const MAX_ID_LENGTH = 512;
/** Longest line, in characters: well within one request to the engine. */
export const MAX_LINE_LENGTH = 4 * 1024 * 1024;
/** Largest delta, in bytes. Send more as several deltas. */
export const MAX_DELTA_BYTES = 64 * 1024 * 1024;
/** Largest dimension of a collection. */
export const MAX_DIMENSION = 65_536;
const MAX_METADATA_KEYS = 1_000;
/** Reasons go into ledger, manifest and report: no producer may blow them up. */
const MAX_REASON_LENGTH = 200;
const MAX_FLOAT32 = 3.4028234663852886e38;

export type MetadataValue = string | number | boolean | null;
export type Metadata = Record<string, MetadataValue>;

export interface Upsert {
  op: 'upsert';
  id: string;
  embedding: number[];
  metadata?: Metadata;
  document?: string;
}
export interface Update {
  op: 'update';
  id: string;
  embedding?: number[];
  /** `null` removes a key. */
  metadata?: Metadata;
  document?: string;
}
export interface Delete {
  op: 'delete';
  id: string;
}
export type Operation = Upsert | Update | Delete;

/** An operation and the line that it stood on, counting from 1. */
export type NumberedOperation = Operation & { line: number };

export interface ParsedDelta {
  operations: NumberedOperation[];
  /** The first `MAX_REJECTIONS_PER_DELTA`. */
  rejections: Rejection[];
  /** All rejected lines. */
  rejectedOperations: number;
}

/** Stable names of the reasons for which a line, or (line 0) a whole delta, is rejected. */
export const REJECTION = {
  malformedLine: 'MalformedLine',
  unknownOperation: 'UnknownOperation',
  invalidId: 'InvalidId',
  missingEmbedding: 'MissingEmbedding',
  invalidEmbedding: 'InvalidEmbedding',
  wrongDimension: 'WrongDimension',
  invalidMetadata: 'InvalidMetadata',
  invalidDocument: 'InvalidDocument',
  invalidOperation: 'InvalidOperation',
  notADelta: 'NotADelta',
  deltaTooLarge: 'DeltaTooLarge',
  recordNotFound: 'RecordNotFound',
  rejectedByEngine: 'RejectedByEngine',
  deltaIdReused: 'DeltaIdReusedError',
} as const;

const id = z.string().min(1).max(MAX_ID_LENGTH).refine(isWellFormed, 'holds a lone surrogate');
const embedding = z.array(z.number().min(-MAX_FLOAT32).max(MAX_FLOAT32)).min(1);
const metadataKey = z
  .string()
  .min(1)
  .max(MAX_ID_LENGTH)
  .refine((key) => !key.startsWith('chroma:') && isWellFormed(key), 'is reserved by Chroma or malformed');
const text = z.string().refine(isWellFormed, 'holds a lone surrogate');
/** JSON has one kind of number; beyond 2^53 an integer would silently be stored as another one. */
const number = z
  .number()
  .refine((value) => !Number.isInteger(value) || Number.isSafeInteger(value), 'is an integer beyond 2^53');
const metadata = z.record(metadataKey, z.union([text, number, z.boolean(), z.null()]));

function changesSomething(update: { embedding?: unknown; metadata?: object; document?: unknown }): boolean {
  const { embedding: vector, metadata: fields = {}, document } = update;
  return vector !== undefined || document !== undefined || Object.keys(fields).length > 0;
}

const operation = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('upsert'), id, embedding, metadata: metadata.optional(), document: text.optional() }),
  z
    .strictObject({
      op: z.literal('update'),
      id,
      embedding: embedding.optional(),
      metadata: metadata.optional(),
      document: text.optional(),
    })
    .refine(changesSomething, 'an update must change something'),
  z.strictObject({ op: z.literal('delete'), id }),
]);

/** Serialise operations, one line each. */
export function encodeDelta(operations: readonly Operation[]): Uint8Array {
  return Buffer.from(operations.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

/** It is part of no other character in UTF-8. */
const NEWLINE = 0x0a;
/** A byte order mark counts only at the beginning of a text. */
const FIRST_LINE = new TextDecoder('utf-8', { fatal: true });
const FURTHER_LINE = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Parse a whole delta for a collection of this dimension. Never throws: what is wrong becomes a rejection. */
export function parseDelta(bytes: Uint8Array, dimension: number): ParsedDelta {
  const parsed: ParsedDelta = { operations: [], rejections: [], rejectedOperations: 0 };
  let number = 0;
  // Line by line: a delta may have 64 MiB, and its text as a whole is needed by nobody.
  for (let start = 0, end = 0; start < bytes.length; start = end + 1) {
    const next = bytes.indexOf(NEWLINE, start);
    end = next < 0 ? bytes.length : next;
    number++;
    let line: string;
    try {
      line = (number === 1 ? FIRST_LINE : FURTHER_LINE).decode(bytes.subarray(start, end));
    } catch {
      return rejectedWhole(REJECTION.notADelta, 'The object is not UTF-8 text; send JSON Lines.');
    }
    if (line.trim() === '') continue;
    const result = parseLine(line, dimension);
    if ('op' in result) parsed.operations.push({ ...result, line: number });
    else {
      parsed.rejectedOperations++;
      if (parsed.rejections.length < MAX_REJECTIONS_PER_DELTA) parsed.rejections.push({ line: number, ...result });
    }
  }
  if (parsed.operations.length === 0 && parsed.rejectedOperations === 0) {
    return rejectedWhole(REJECTION.notADelta, 'The object holds no operation; send JSON Lines.');
  }
  return parsed;
}

/** A delta none of whose operations can be applied, for one reason. */
export function rejectedWhole(error: string, reason: string): ParsedDelta {
  return { operations: [], rejections: [{ line: 0, error, reason }], rejectedOperations: 1 };
}

/** Parse and check one line. */
export function parseLine(line: string, dimension: number): Operation | Omit<Rejection, 'line'> {
  if (line.length > MAX_LINE_LENGTH) {
    return { error: REJECTION.malformedLine, reason: `The line has more than ${MAX_LINE_LENGTH} characters.` };
  }
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return { error: REJECTION.malformedLine, reason: 'The line is not JSON (NaN and Infinity are not JSON either).' };
  }
  const given = (typeof json === 'object' && json !== null ? json : {}) as Record<string, unknown>;
  const outsized = findOutsized(given);
  if (outsized !== undefined) return { ...idOf(given), ...outsized };
  const parsed = operation.safeParse(json);
  if (!parsed.success) return { ...idOf(given), ...explain(given, parsed.error) };
  const value = parsed.data;
  if (value.op !== 'delete' && value.embedding !== undefined && value.embedding.length !== dimension) {
    const reason = `The embedding has ${value.embedding.length} numbers; the collection has dimension ${dimension}.`;
    return { id: value.id, error: REJECTION.wrongDimension, reason };
  }
  if (value.op !== 'delete' && isTooLong(value.embedding)) {
    const reason = 'The embedding is so long that its square exceeds a 32-bit float; distances to it would be none.';
    return { id: value.id, error: REJECTION.invalidEmbedding, reason };
  }
  return value;
}

/** What is cheap to see and would be slow to explain element by element, or would pass by unseen. */
function findOutsized({
  embedding: vector,
  metadata: fields,
}: Record<string, unknown>): Pick<Rejection, 'error' | 'reason'> | undefined {
  if (Array.isArray(vector) && vector.length > MAX_DIMENSION) {
    return { error: REJECTION.wrongDimension, reason: `The embedding has more than ${MAX_DIMENSION} numbers.` };
  }
  const keys = typeof fields === 'object' && fields !== null ? Object.keys(fields) : [];
  if (keys.length > MAX_METADATA_KEYS) {
    const reason = `The metadata has ${keys.length} keys; at most ${MAX_METADATA_KEYS} are allowed.`;
    return { error: REJECTION.invalidMetadata, reason };
  }
  // Objects cannot hold this key like any other; it would be dropped in silence.
  if (keys.includes('__proto__'))
    return { error: REJECTION.invalidMetadata, reason: '"__proto__" is no metadata key.' };
  return undefined;
}

function isTooLong(embedding: readonly number[] = []): boolean {
  return embedding.reduce((sum, value) => sum + value * value, 0) > MAX_FLOAT32;
}

function idOf({ id: given }: Record<string, unknown>): { id?: string } {
  return typeof given === 'string' && given.length <= MAX_ID_LENGTH ? { id: given } : {};
}

function explain(given: Record<string, unknown>, error: z.ZodError): Pick<Rejection, 'error' | 'reason'> {
  const issue = error.issues[0];
  const field = String(issue?.path[0] ?? '');
  const where = issue?.path.map(String).join('.').slice(0, 80) ?? '';
  const message = (issue?.message ?? 'invalid').slice(0, MAX_REASON_LENGTH);
  return { error: errorOf(field, given), reason: `${where === '' ? 'The line' : `"${where}"`}: ${message}.` };
}

function errorOf(field: string, given: Record<string, unknown>): string {
  if (field === 'op') return REJECTION.unknownOperation;
  if (field === 'id') return REJECTION.invalidId;
  if (field === 'embedding')
    return given.embedding === undefined ? REJECTION.missingEmbedding : REJECTION.invalidEmbedding;
  if (field === 'metadata') return REJECTION.invalidMetadata;
  if (field === 'document') return REJECTION.invalidDocument;
  return REJECTION.invalidOperation;
}

/** Chroma stores UTF-8; a lone surrogate would not come back as it was sent. */
function isWellFormed(value: string): boolean {
  return value.isWellFormed();
}
