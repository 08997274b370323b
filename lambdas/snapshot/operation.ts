/**
 * One operation of a delta, which is one line of it: what a producer may write, and why a line is rejected.
 *
 * Operations mean what they mean to Chroma: an `upsert` of a record that exists is a patch (metadata is merged key by
 * key, `null` removes a key, what is not given stays). To start a record afresh, delete it first.
 */
import { z } from 'zod';
import { describeIssue } from '../errors/describe-issues.ts';
import { InvalidInputError } from '../errors/errors.ts';
import { base64, encodeEmbedding, isTooLong, isTooWide, MAX_DIMENSION, numbers } from './embedding.ts';
import { parseJson } from './escaped-names.ts';
import { writable } from './exact-json.ts';
import type { Rejection } from './ledger.ts';
import { lostInCode, type Metadata, readMetadata, textFault } from './metadata.ts';

/** Longest id that a rejection repeats, in characters, so that no producer can blow up ledger, manifest and report. */
export const MAX_REPORTED_ID_LENGTH = 512;
/** Reasons go into ledger, manifest and report, which no producer may blow up. */
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

/** An operation and the number of its line, from 1. */
export type NumberedOperation = Operation & { line: number };

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
/** Checked by `readMetadata`, which sees the literals of its numbers. */
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
 * The line of an operation, without a line break at its end.
 * @param number Of the operation, from 1: errors name it.
 * @throws InvalidInputError (a number in the metadata was already rounded by JavaScript, or does not exist in JSON)
 */
export function encodeLine(operation: Operation, number: number): string {
  if (operation.op === 'delete') return JSON.stringify(operation);
  // A value that is not an embedding is left as it is, so that the parser can say what is wrong with it.
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

/** Parse and check one line. Never throws: a fault is returned as the result. */
export function parseLine(line: string, dimension: number): Operation | Omit<Rejection, 'line'> {
  let json: unknown;
  try {
    json = parseJson(line);
  } catch {
    return { error: REJECTION.malformedLine, reason: 'The line is not JSON (NaN and Infinity are not JSON either).' };
  }
  const given = (typeof json === 'object' && json !== null ? json : {}) as Record<string, unknown>;
  if (isTooWide(given.embedding)) {
    // Cheap to detect here, whereas reporting it element by element would be slow.
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
  // The metadata is replaced in place, which keeps the producer's order of members.
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

/** Metadata is not considered. */
function changesNothing({ op, embedding: vector, document }: Given): boolean {
  return op === 'update' && vector === undefined && document === undefined;
}

function idOf({ id: given }: Record<string, unknown>): { id?: string } {
  return typeof given === 'string' ? reportedId(given) : {};
}

/** The id as it appears in a rejection: one that is too long is left out, since a truncated one would be another id. */
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
