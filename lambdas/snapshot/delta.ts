/**
 * The delta codec: a producer's operations as JSON Lines, one operation per line. An invalid line is rejected with its
 * number and a reason, and the rest of the delta stands: no producer's mistake costs another one anything.
 *
 * Operations mean what they mean to Chroma: an `upsert` of a record that exists is a patch (metadata is merged key by
 * key, `null` removes a key, what is not given stays). To start a record afresh, delete it first.
 */
import { z } from 'zod';
import { describeIssue } from '../errors/describe-issues.ts';
import { InvalidInputError } from '../errors/errors.ts';
import { compressDelta, decompressDelta } from './compressed-delta.ts';
import { base64, encodeEmbedding, isTooLong, isTooWide, MAX_DIMENSION, numbers } from './embedding.ts';
import { parseJson } from './escaped-names.ts';
import { writable } from './exact-json.ts';
import { MAX_REJECTIONS_PER_DELTA, type Rejection } from './ledger.ts';
import { lostInCode, type Metadata, readMetadata, textFault } from './metadata.ts';

export { MAX_DIMENSION } from './embedding.ts';
export type { Metadata, MetadataValue } from './metadata.ts';

/** Longest id that a rejection repeats, in characters: no producer may blow up ledger, manifest and report. */
export const MAX_REPORTED_ID_LENGTH = 512;
/** Largest delta, in bytes, stored and decompressed. Send more as several deltas. */
export const MAX_DELTA_BYTES = 64 * 1024 * 1024;
/**
 * Most lines of a delta, blank ones included, and most metadata values in all of them: what a merge holds in memory, and
 * the time that it takes, follow these, and 64 MiB may be 22 million lines (ADR 39).
 */
export const MAX_DELTA_LINES = 250_000;
export const MAX_DELTA_VALUES = 1_000_000;
/** Reasons go into ledger, manifest and report: no producer may blow them up. */
const MAX_REASON_LENGTH = 200;
const MAX_QUOTED_LENGTH = 100;

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
  /** Values in the metadata of all operations. */
  values: number;
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
  setAside: 'SetAside',
  deltaIdReused: 'DeltaIdReusedError',
} as const;

const text = z.string().superRefine((value, { addIssue }) => {
  const fault = textFault(value);
  if (fault !== undefined) addIssue(fault);
});
const id = text.min(1);
/** Looked at by `readMetadata`, which has the literals of its numbers. */
const metadata = z.unknown();

function operationWith(embedding: typeof numbers | typeof base64) {
  return z.discriminatedUnion('op', [
    z.strictObject({
      op: z.literal('upsert'),
      id,
      embedding,
      metadata: metadata.optional(),
      document: text.optional(),
    }),
    z.strictObject({
      op: z.literal('update'),
      id,
      embedding: embedding.optional(),
      metadata: metadata.optional(),
      document: text.optional(),
    }),
    z.strictObject({ op: z.literal('delete'), id }),
  ]);
}
const withNumbers = operationWith(numbers);
const withBase64 = operationWith(base64);

/**
 * Operations as they are stored: as text, which is compressed unless it is small.
 * @throws InvalidInputError (a number of the metadata that JavaScript has rounded already, or that JSON has not)
 */
export function encodeDelta(operations: readonly Operation[]): Uint8Array {
  return compressDelta(encodeLines(operations));
}

/** Their text, one line each. @throws InvalidInputError (as `encodeDelta`) */
export function encodeLines(operations: readonly Operation[]): Uint8Array {
  return Buffer.from(operations.map((operation, index) => `${encodeLine(operation, index + 1)}\n`).join(''));
}

function encodeLine(operation: Operation, number: number): string {
  if (operation.op === 'delete') return JSON.stringify(operation);
  // What is no embedding stays as it is, so that the parser can say what is wrong with it.
  const embedding = encodeEmbedding(operation.embedding) ?? operation.embedding;
  const line = { ...operation, ...(embedding !== undefined && { embedding }) };
  if (operation.metadata === undefined) return JSON.stringify(line);
  for (const [key, value] of Object.entries(operation.metadata ?? {})) {
    const fault = lostInCode(value);
    if (fault === undefined) continue;
    throw new InvalidInputError(
      `Operation ${number}, of record "${abbreviated(operation.id)}": "${abbreviated(key)}" in its metadata ${fault}. Nothing was sent.`,
    );
  }
  return JSON.stringify({ ...line, metadata: writable(operation.metadata) });
}

/** It is part of no other character in UTF-8. */
const NEWLINE = 0x0a;
/** A byte order mark counts only at the beginning of a text. */
const FIRST_LINE = new TextDecoder('utf-8', { fatal: true });
const FURTHER_LINE = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What is parsed at a stretch, in bytes and lines: about 20 ms of work. */
const PIECE_BYTES = 1024 * 1024;
const PIECE_LINES = 1_000;

/** Parse a whole delta, as it is stored, for a collection of this dimension. Never throws: what is wrong becomes a rejection. */
export function parseDelta(bytes: Uint8Array, dimension: number): ParsedDelta {
  const text = textOf(bytes);
  if ('rejections' in text) return text;
  const pieces = parseInPieces(text, dimension);
  for (;;) {
    const { done, value } = pieces.next();
    if (done) return value;
  }
}

/** Of a stored delta; the same bytes if it is not compressed. Never throws. */
export function textOf(stored: Uint8Array): Uint8Array | ParsedDelta {
  const text = decompressDelta(stored, MAX_DELTA_BYTES);
  if (text instanceof Uint8Array) return text;
  return rejectedWhole(text.isTooLarge ? REJECTION.deltaTooLarge : REJECTION.notADelta, text.reason);
}

/**
 * Its text piece by piece, so that the caller can let others run in between.
 * @param lines If they are counted already.
 */
export function* parseInPieces(
  bytes: Uint8Array,
  dimension: number,
  lines = countLines(bytes),
): Generator<void, ParsedDelta> {
  if (lines > MAX_DELTA_LINES) return tooLarge(`${lines} lines`, `${MAX_DELTA_LINES} lines`);
  const parsed: ParsedDelta = { operations: [], rejections: [], rejectedOperations: 0, values: 0 };
  let number = 0;
  // Line by line: a delta may have 64 MiB, and its text as a whole is needed by nobody.
  for (let start = 0, end = 0, pieceStart = 0; start < bytes.length; start = end + 1) {
    const next = bytes.indexOf(NEWLINE, start);
    end = next < 0 ? bytes.length : next;
    number++;
    if (number % PIECE_LINES === 0 || end - pieceStart > PIECE_BYTES) {
      pieceStart = end;
      yield;
    }
    let line: string;
    try {
      line = (number === 1 ? FIRST_LINE : FURTHER_LINE).decode(bytes.subarray(start, end));
    } catch {
      return rejectedWhole(REJECTION.notADelta, 'The object is not UTF-8 text; send JSON Lines.');
    }
    if (line.trim() === '') continue;
    const result = parseLine(line, dimension);
    if ('op' in result) {
      parsed.operations.push({ ...result, line: number });
      parsed.values += valuesOf(result);
      if (parsed.values > MAX_DELTA_VALUES) return tooLarge('more', `${MAX_DELTA_VALUES} metadata values`);
    } else {
      parsed.rejectedOperations++;
      if (parsed.rejections.length < MAX_REJECTIONS_PER_DELTA) parsed.rejections.push({ line: number, ...result });
    }
  }
  if (parsed.operations.length === 0 && parsed.rejectedOperations === 0) {
    return rejectedWhole(REJECTION.notADelta, 'The object holds no operation; send JSON Lines.');
  }
  return parsed;
}

/** Lines of a delta, blank ones included; a last one need not end in a newline. */
export function countLines(bytes: Uint8Array): number {
  let lines = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) lines++;
  return lines + Number(bytes.length > 0 && bytes.at(-1) !== NEWLINE);
}

function valuesOf(operation: Operation): number {
  if (operation.op === 'delete' || operation.metadata === undefined) return 0;
  const values = Object.values(operation.metadata);
  return values.reduce<number>((sum, value) => sum + (Array.isArray(value) ? value.length : 1), 0);
}

function tooLarge(given: string, limit: string): ParsedDelta {
  return rejectedWhole(
    REJECTION.deltaTooLarge,
    `The delta has ${given}; at most ${limit} are read. Send several smaller ones.`,
  );
}

/** A delta none of whose operations can be applied, for one reason. */
export function rejectedWhole(error: string, reason: string): ParsedDelta {
  return { operations: [], rejections: [{ line: 0, error, reason }], rejectedOperations: 1, values: 0 };
}

/** Parse and check one line. */
export function parseLine(line: string, dimension: number): Operation | Omit<Rejection, 'line'> {
  let json: unknown;
  try {
    json = parseJson(line);
  } catch {
    return { error: REJECTION.malformedLine, reason: 'The line is not JSON (NaN and Infinity are not JSON either).' };
  }
  const given = (typeof json === 'object' && json !== null ? json : {}) as Record<string, unknown>;
  if (isTooWide(given.embedding)) {
    // Cheap to see, and slow to explain element by element.
    const reason = `The embedding has more than ${MAX_DIMENSION} numbers.`;
    return { ...idOf(given), error: REJECTION.wrongDimension, reason };
  }
  const parsed = (typeof given.embedding === 'string' ? withBase64 : withNumbers).safeParse(json);
  if (!parsed.success) return { ...idOf(given), ...explain(given, parsed.error) };
  const { data } = parsed;
  if (data.op === 'delete') return data;
  const fault = findFault(data, dimension);
  if (fault !== undefined) return { ...idOf(given), ...fault };
  const { metadata: fields, ...rest } = data;
  if (fields === undefined) return rest;
  const read = readMetadata(fields, line);
  if (typeof read === 'string') return { ...idOf(given), error: REJECTION.invalidMetadata, reason: read };
  if (Object.keys(read).length === 0 && changesNothing(rest)) return { ...idOf(given), ...NO_CHANGE };
  // In its place: the order of members is the producer's.
  return { ...data, metadata: read };
}

interface Given {
  op: string;
  embedding?: number[] | undefined;
  metadata?: unknown;
  document?: string | undefined;
}

const NO_CHANGE = { error: REJECTION.invalidOperation, reason: 'The line: an update must change something.' };

function findFault(given: Given, dimension: number): Pick<Rejection, 'error' | 'reason'> | undefined {
  const { embedding: vector, metadata: fields } = given;
  if (vector !== undefined && vector.length !== dimension) {
    const reason = `The embedding has ${vector.length} numbers; the collection has dimension ${dimension}.`;
    return { error: REJECTION.wrongDimension, reason };
  }
  if (isTooLong(vector)) {
    const reason =
      'The embedding is so long that its square exceeds a 32-bit float; distances to it would not be finite.';
    return { error: REJECTION.invalidEmbedding, reason };
  }
  return fields === undefined && changesNothing(given) ? NO_CHANGE : undefined;
}

/** Metadata aside. */
function changesNothing({ op, embedding: vector, document }: Given): boolean {
  return op === 'update' && vector === undefined && document === undefined;
}

function idOf({ id: given }: Record<string, unknown>): { id?: string } {
  return typeof given === 'string' ? reportedId(given) : {};
}

/** As it stands in a rejection: an id that is too long for it is left out, since half of it would be another one. */
export function reportedId(given: string): { id?: string } {
  return given.length <= MAX_REPORTED_ID_LENGTH ? { id: given } : {};
}

/** A text as messages quote it. */
export function abbreviated(text: string): string {
  return text.length > MAX_QUOTED_LENGTH ? `${text.slice(0, MAX_QUOTED_LENGTH)}…` : text;
}

function explain(given: Record<string, unknown>, error: z.ZodError): Pick<Rejection, 'error' | 'reason'> {
  const issue = error.issues[0];
  const field = String(issue?.path[0] ?? '');
  const what = issue === undefined ? 'The line is not valid' : describeIssue(issue, given, 'The line');
  return { error: errorOf(field, given), reason: `${what.slice(0, MAX_REASON_LENGTH)}.` };
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
