/**
 * JSON that preserves numbers as written. JSON has one kind of number; Chroma has two, and filters by kind: a literal
 * with a point or an exponent is a float, any other is an integer (ADR 31).
 *
 * | in memory | JSON |
 * | --- | --- |
 * | `number` without a fraction, at most 2^53 - 1 | integer |
 * | `bigint` | integer |
 * | `number` with a fraction | float |
 * | `Float`, for a float without a fraction | float: `5.0`, `1e+22` |
 *
 * `-0` is the only literal that looks like an integer and is a float, for Chroma as well: integers have no minus zero.
 */

import { endOfString, hasEscapedName, parseStrictly } from './escaped-names.ts';

/** Standard since ECMAScript 2025, and in Node 24; the compiler's library does not have it yet. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): object };
type Reviver = (this: unknown, key: string, value: unknown, context: { source?: string }) => unknown;

type ExactNumber = number | bigint | Float;

/** A float without a fraction, which as a plain number would look like an integer. Made by `float`. */
export class Float {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }

  /** Makes `Number(x)`, arithmetic and comparisons by size work as for a number. */
  valueOf(): number {
    return this.value;
  }

  toString(): string {
    return literalOf(this.value);
  }

  /** `JSON.stringify` writes `5.0`. */
  toJSON(): object | null {
    return Number.isFinite(this.value) ? rawJSON(literalOf(this.value)) : null;
  }
}

/** Marks a number as a float: `float(5)` is stored as 5.0. The result is what a reader returns for it. */
export function float(value: number): number | Float {
  return Number.isInteger(value) ? new Float(value) : value;
}

function literalOf(value: number): string {
  const text = Object.is(value, -0) ? '-0' : String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/** The number that a JSON literal stands for. Integers may have any size. */
export function numberOf(literal: string): ExactNumber {
  if (literal === '-0' || /[.eE]/.test(literal)) return float(Number(literal));
  const value = Number(literal);
  return Number.isSafeInteger(value) ? value : BigInt(literal);
}

const exact: Reviver = (_key, value, { source }) =>
  typeof value === 'number' && source !== undefined ? numberOf(source) : value;

/**
 * `JSON.parse` with exact numbers. Ten times slower than `JSON.parse`, so not for embeddings: separate them with
 * `membersOf`.
 * @throws SyntaxError, RangeError (nested thousands deep)
 */
export function parseExact(text: string): unknown {
  const plain: unknown = JSON.parse(text, exact as (key: string, value: unknown) => unknown);
  return hasEscapedName(text) ? parseStrictly(text, numberOf) : plain;
}

/** `JSON.stringify` with exact numbers. */
export function stringifyExact(value: unknown, indent?: number): string {
  return JSON.stringify(value, (_key, part) => (typeof part === 'bigint' ? rawJSON(String(part)) : part), indent);
}

/** The same value in a form that `JSON.stringify` writes exactly, for callers that serialise it themselves. */
export function writable(value: unknown): unknown {
  if (typeof value === 'bigint') return rawJSON(String(value));
  if (typeof value !== 'object' || value === null || value instanceof Float) return value;
  if (Array.isArray(value)) return value.map(writable);
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, writable(part)]));
}

const STRUCTURE = /["[\]{}]/g;

/**
 * The text of each member of a JSON object, by name. As with `JSON.parse`, the last member of a name counts.
 * @param text Valid JSON, an object.
 */
export function membersOf(text: string): Map<string, string> {
  const members = new Map<string, string>();
  let at = text.indexOf('{') + 1;
  for (;;) {
    const start = text.indexOf('"', at);
    if (start < 0) return members;
    const end = endOfString(text, start);
    const colon = text.indexOf(':', end);
    at = endOfValue(text, colon + 1);
    members.set(JSON.parse(text.slice(start, end)) as string, text.slice(colon + 1, at).trim());
  }
}

/** Index of the comma or bracket after a value. */
function endOfValue(text: string, from: number): number {
  let depth = 0;
  let at = from;
  for (;;) {
    if (depth === 0) {
      // Only a string or a bracket can hide a comma.
      const end = indexOfAny(text, at, END_OF_SCALAR);
      if (text[end] === ',' || text[end] === '}') return end;
      at = end;
    }
    const found = indexOfAny(text, at, STRUCTURE);
    if (text[found] === '"') {
      at = endOfString(text, found);
      continue;
    }
    depth += text[found] === '[' || text[found] === '{' ? 1 : -1;
    at = found + 1;
  }
}
const END_OF_SCALAR = /[",[{}]/g;

function indexOfAny(text: string, from: number, pattern: RegExp): number {
  pattern.lastIndex = from;
  return pattern.exec(text)?.index ?? text.length;
}
