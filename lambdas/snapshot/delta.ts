/**
 * The delta codec: a producer's operations as JSON Lines, one operation per line. An invalid line is rejected with its
 * number and a reason, and the rest of the delta is applied: no producer's mistake affects another producer.
 */
import { compressDelta, decompressDelta } from './compressed-delta.ts';
import { MAX_REJECTIONS_PER_DELTA, type Rejection } from './ledger.ts';
import { encodeLine, type NumberedOperation, type Operation, parseLine, REJECTION } from './operation.ts';

/** Largest delta, in bytes, stored and decompressed. Send more as several deltas. */
export const MAX_DELTA_BYTES = 64 * 1024 * 1024;
/**
 * Most lines of a delta, including blank ones, and most metadata values in all of them: they determine the memory and
 * time of a merge, and 64 MiB may be 22 million lines (ADR 39).
 */
export const MAX_DELTA_LINES = 250_000;
export const MAX_DELTA_VALUES = 1_000_000;

export interface ParsedDelta {
  operations: NumberedOperation[];
  /** The first `MAX_REJECTIONS_PER_DELTA`. */
  rejections: Rejection[];
  /** All rejected lines. */
  rejectedOperations: number;
  /** Values in the metadata of all operations. */
  values: number;
}

/**
 * Operations in the form in which they are stored: as text, which is compressed unless it is small.
 * @throws InvalidInputError (a number in the metadata was already rounded by JavaScript, or does not exist in JSON)
 */
export function encodeDelta(operations: readonly Operation[]): Uint8Array {
  return compressDelta(encodeLines(operations));
}

/** The text of the operations, one line each. @throws InvalidInputError (as `encodeDelta`) */
export function encodeLines(operations: readonly Operation[]): Uint8Array {
  return Buffer.from(operations.map((operation, index) => `${encodeLine(operation, index + 1)}\n`).join(''));
}

/** In UTF-8 this byte is never part of another character. */
const NEWLINE = 0x0a;
/** A byte order mark counts only at the beginning of a text. */
const FIRST_LINE = new TextDecoder('utf-8', { fatal: true });
const FURTHER_LINE = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** How much is parsed without a pause, in bytes and lines: about 20 ms of work. */
const PIECE_BYTES = 1024 * 1024;
const PIECE_LINES = 1_000;

/**
 * Parse a whole delta, as it is stored, for a collection of this dimension. Never throws: every fault becomes a
 * rejection.
 */
export function parseDelta(bytes: Uint8Array, dimension: number): ParsedDelta {
  const text = textOf(bytes);
  if ('rejections' in text) return text;
  const pieces = parseInPieces(text, dimension);
  for (;;) {
    const { done, value } = pieces.next();
    if (done) return value;
  }
}

/** The text of a stored delta; the same bytes if it is not compressed. Never throws. */
export function textOf(stored: Uint8Array): Uint8Array | ParsedDelta {
  const text = decompressDelta(stored, MAX_DELTA_BYTES);
  if (text instanceof Uint8Array) return text;
  return rejectedWhole(text.isTooLarge ? REJECTION.deltaTooLarge : REJECTION.notADelta, text.reason);
}

/**
 * Parses a text piece by piece, so that the caller can yield to other tasks in between.
 * @param lines the number of lines, if already known
 */
export function* parseInPieces(
  bytes: Uint8Array,
  dimension: number,
  lines = countLines(bytes),
): Generator<void, ParsedDelta> {
  if (lines > MAX_DELTA_LINES) return tooLarge(`${lines} lines`, `${MAX_DELTA_LINES} lines`);
  const parsed: ParsedDelta = { operations: [], rejections: [], rejectedOperations: 0, values: 0 };
  let number = 0;
  // Line by line: a delta may have 64 MiB, and its text is never needed as a whole.
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

/** A delta that is rejected as a whole, for one reason. */
export function rejectedWhole(error: string, reason: string): ParsedDelta {
  return { operations: [], rejections: [{ line: 0, error, reason }], rejectedOperations: 1, values: 0 };
}
