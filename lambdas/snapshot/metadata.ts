/**
 * What the metadata of a record may hold. Every write is checked against it, and every read returns it.
 *
 * The limits are the engine's, measured with Chroma 1.0.0 and 1.4.4 (ADR 33). 1.4.4 refuses empty keys, and keys that
 * begin with `$` or `#`. Both versions drop `chroma:` keys, or crash on them. Both put all values of a record into one
 * statement of SQLite, which takes 5,461; after a request with more, the database accepts no further write.
 */
import { Float, float, membersOf, parseExact } from './exact-json.ts';

/** Longest text of a record: an id, a document, a metadata key or value. In characters, however they are escaped. */
export const MAX_TEXT_LENGTH = 4 * 1024 * 1024;
/** Most values in the metadata of one operation, each element of a list counted. */
export const MAX_METADATA_VALUES = 5_461;

/** A number without a fraction is an integer; `float(5)` is 5.0; integers beyond 2^53 - 1 are bigints. */
export type MetadataScalar = string | number | bigint | boolean | Float;
/** A list holds values of one kind: all texts, all booleans, all integers or all floats. */
export type MetadataValue = MetadataScalar | MetadataScalar[];
/** `null` removes a key; metadata that were read hold none. */
export type Metadata = Record<string, MetadataValue | null>;

const RESERVED_PREFIXES = ['chroma:', '$', '#'];
const MIN_INTEGER = -(2n ** 63n);
const MAX_INTEGER = 2n ** 63n - 1n;
const SHOWN_KEY_LENGTH = 60;

/**
 * Check metadata, and read its numbers exactly.
 * @param given as `JSON.parse` reads it
 * @param line The operation's JSON, for the literals of its numbers.
 * @returns the metadata, or what is wrong with it, for a user
 */
export function readMetadata(given: unknown, line: string): Metadata | string {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return '"metadata" must be an object.';
  const entries = Object.entries(given);
  const values = entries.reduce((sum, [, value]) => sum + (Array.isArray(value) ? value.length : 1), 0);
  if (values > MAX_METADATA_VALUES) {
    return `The metadata have ${values} values (each element of a list counts); at most ${MAX_METADATA_VALUES} are allowed.`;
  }
  for (const [key, value] of entries) {
    const fault = keyFault(key) ?? valueFault(value);
    if (fault !== undefined) return `"${shown(key)}" in "metadata" ${fault}.`;
  }
  if (!entries.some(([, value]) => hasIntegral(value))) return given as Metadata;
  const exact = Object.entries(parseExact(membersOf(line).get('metadata') ?? '{}') as Metadata);
  for (const [key, value] of exact) {
    const fault = numberFault(value);
    if (fault !== undefined) return `"${shown(key)}" in "metadata" ${fault}.`;
  }
  return Object.fromEntries(exact.map(([key, value]) => [key, Array.isArray(value) ? ofOneKind(value) : value]));
}

function keyFault(key: string): string | undefined {
  if (key === '') return 'is empty, which no key may be';
  const prefix = RESERVED_PREFIXES.find((reserved) => key.startsWith(reserved));
  if (prefix !== undefined) return `begins with "${prefix}", which Chroma reserves: rename it`;
  // An object cannot hold this name like any other: it would be dropped silently.
  if (key === '__proto__') return 'is no metadata key: rename it';
  return textFault(key);
}

function valueFault(value: unknown): string | undefined {
  if (Array.isArray(value)) return listFault(value);
  if (value === null) return undefined;
  if (typeof value === 'object') {
    if ('indices' in value && 'values' in value) return 'is a sparse vector, which no local Chroma stores';
    return 'is nested: flatten it, or send it as text';
  }
  return scalarFault(value);
}

function listFault(list: readonly unknown[]): string | undefined {
  if (list.length === 0) return 'is an empty list: null removes a key';
  const kinds = new Set(list.map((element) => (element === null ? 'null' : typeof element)));
  if (kinds.size > 1) return 'is a list of several kinds of values: all must be text, all booleans, or all numbers';
  if (kinds.has('object') || kinds.has('null')) return 'is a list of other things than text, booleans or numbers';
  return list.map(scalarFault).find(Boolean);
}

function scalarFault(value: unknown): string | undefined {
  if (typeof value === 'string') return textFault(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return 'holds a number beyond 64-bit floats';
  return undefined;
}

/** Why a text cannot be stored, or `undefined`. */
export function textFault(text: string): string | undefined {
  if (text.length > MAX_TEXT_LENGTH) return `has ${text.length} characters; at most ${MAX_TEXT_LENGTH} are allowed`;
  // Chroma stores UTF-8, in which a lone surrogate cannot be represented.
  return text.isWellFormed() ? undefined : 'holds a lone surrogate';
}

function numberFault(value: unknown): string | undefined {
  const numbers = Array.isArray(value) ? value : [value];
  if (numbers.some((number) => typeof number === 'bigint' && (number < MIN_INTEGER || number > MAX_INTEGER))) {
    return 'is an integer beyond 64 bits: send it as text, or as a float (with a point or an exponent)';
  }
  const isLossy = numbers.some(isFloat) && numbers.some((number) => typeof number === 'bigint');
  return isLossy ? 'mixes floats with integers beyond 2^53, which would be rounded' : undefined;
}

function hasIntegral(value: unknown): boolean {
  return Array.isArray(value) ? value.some(Number.isInteger) : Number.isInteger(value);
}

/** Converts the numbers of a list to one kind: as in Chroma, one float turns all of them into floats. */
function ofOneKind(list: MetadataScalar[]): MetadataScalar[] {
  return list.some(isFloat) ? list.map((value) => (typeof value === 'number' ? float(value) : value)) : list;
}

function isFloat(value: unknown): boolean {
  return value instanceof Float || (typeof value === 'number' && !Number.isInteger(value));
}

/**
 * Why a value given in code would not be stored as intended: JavaScript has already lost part of it.
 * @returns `undefined` for all other values, whether valid or not
 */
export function lostInCode(value: unknown): string | undefined {
  if (Array.isArray(value)) return value.map(lostInCode).find(Boolean);
  const number = value instanceof Float ? value.value : value;
  if (typeof number !== 'number') return undefined;
  if (!Number.isFinite(number)) return `is ${number}, which JSON has not`;
  if (value instanceof Float || !Number.isInteger(number) || Number.isSafeInteger(number)) return undefined;
  return `is ${number}, beyond 2^53 - 1: give an integer as a bigint, and a float as float(${number})`;
}

function shown(key: string): string {
  return key.length > SHOWN_KEY_LENGTH ? `${key.slice(0, SHOWN_KEY_LENGTH)}…` : key;
}
