/** Lines that a delta may not hold, one for each way to be wrong. */

import { MAX_METADATA_VALUES, MAX_TEXT_LENGTH } from '../../lambdas/snapshot/metadata.ts';
import { MAX_REPORTED_ID_LENGTH, REJECTION } from '../../lambdas/snapshot/operation.ts';

/** A valid line for dimension 2, with these fields instead of or beside its own. */
export const upsert = (fields: object) => JSON.stringify({ op: 'upsert', id: 'a', embedding: [1, 2], ...fields });
const update = (fields: object) => JSON.stringify({ op: 'update', id: 'a', ...fields });
/** Text that JSON.stringify cannot make: a number in the place of "@". */
const raw = (line: string, number: string) => line.replace('"@"', number);

function manyKeys(count: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, 1]));
}

/** What is wrong, a line with only that wrong, and the name of its rejection. */
export const BAD_LINES: Array<[what: string, line: string, error: string]> = [
  ['an unknown operation', '{"op":"truncate","id":"a"}', REJECTION.unknownOperation],
  ['an operation named like an inherited property', '{"op":"toString","id":"a"}', REJECTION.unknownOperation],
  ['no operation', '{"id":"a"}', REJECTION.unknownOperation],
  ['an empty object', '{}', REJECTION.unknownOperation],
  ['NaN', raw(upsert({ embedding: ['@', 1] }), 'NaN'), REJECTION.malformedLine],
  ['Infinity', raw(upsert({ embedding: ['@', 1] }), 'Infinity'), REJECTION.malformedLine],
  ['1e999', raw(upsert({ embedding: ['@', 1] }), '1e999'), REJECTION.invalidEmbedding],
  ['-1e999', raw(upsert({ embedding: [1, '@'] }), '-1e999'), REJECTION.invalidEmbedding],
  ['a number beyond 32-bit floats', upsert({ embedding: [1e39, 1] }), REJECTION.invalidEmbedding],
  ['null in an embedding', upsert({ embedding: [null, 1] }), REJECTION.invalidEmbedding],
  ['text in an embedding', upsert({ embedding: ['1', 1] }), REJECTION.invalidEmbedding],
  ['a nested embedding', upsert({ embedding: [[1, 2]] }), REJECTION.invalidEmbedding],
  ['an embedding that is null', upsert({ embedding: null }), REJECTION.invalidEmbedding],
  ['an embedding that is an object', update({ embedding: { 0: 1, 1: 2, length: 2 } }), REJECTION.invalidEmbedding],
  ['an empty embedding', upsert({ embedding: [] }), REJECTION.invalidEmbedding],
  ['an upsert without embedding', '{"op":"upsert","id":"a"}', REJECTION.missingEmbedding],
  ['too few dimensions', upsert({ embedding: [1] }), REJECTION.wrongDimension],
  ['too many dimensions', update({ embedding: [1, 2, 3] }), REJECTION.wrongDimension],
  ['more numbers than any dimension', upsert({ embedding: Array(65_537).fill(1) }), REJECTION.wrongDimension],
  [
    'more metadata keys than allowed',
    upsert({ metadata: manyKeys(MAX_METADATA_VALUES + 1) }),
    REJECTION.invalidMetadata,
  ],
  [
    'a metadata key that objects cannot hold',
    raw(update({ metadata: { b: '@' } }), '2,"__proto__":1'),
    REJECTION.invalidMetadata,
  ],
  ['an update of empty metadata', update({ metadata: {} }), REJECTION.invalidOperation],
  ['no id', '{"op":"delete"}', REJECTION.invalidId],
  ['an empty id', upsert({ id: '' }), REJECTION.invalidId],
  ['an over-long id', upsert({ id: 'i'.repeat(MAX_TEXT_LENGTH + 1) }), REJECTION.invalidId],
  ['an id that is a number', upsert({ id: 1 }), REJECTION.invalidId],
  ['a lone surrogate in the id', upsert({ id: '\ud800' }), REJECTION.invalidId],
  ['nested metadata', upsert({ metadata: { a: { b: 1 } } }), REJECTION.invalidMetadata],
  ['an empty list in metadata', upsert({ metadata: { a: [] } }), REJECTION.invalidMetadata],
  ['a list of several kinds', upsert({ metadata: { a: ['1', 1] } }), REJECTION.invalidMetadata],
  ['a list with null', upsert({ metadata: { a: [null, 1] } }), REJECTION.invalidMetadata],
  ['a list of lists', upsert({ metadata: { a: [[1]] } }), REJECTION.invalidMetadata],
  [
    'a list that would round an integer',
    raw(upsert({ metadata: { a: [0.5, '@'] } }), '9007199254740993'),
    REJECTION.invalidMetadata,
  ],
  [
    'a list longer than allowed',
    upsert({ metadata: { a: Array(MAX_METADATA_VALUES + 1).fill(1) } }),
    REJECTION.invalidMetadata,
  ],
  ['a sparse vector', upsert({ metadata: { a: { indices: [1], values: [0.5] } } }), REJECTION.invalidMetadata],
  [
    'lists nested without end',
    raw(upsert({ metadata: { a: '@' } }), '['.repeat(90_000) + ']'.repeat(90_000)),
    REJECTION.invalidMetadata,
  ],
  ['metadata that is an array', upsert({ metadata: [1] }), REJECTION.invalidMetadata],
  ['metadata that is null', upsert({ metadata: null }), REJECTION.invalidMetadata],
  ['a reserved metadata key', upsert({ metadata: { 'chroma:document': 'x' } }), REJECTION.invalidMetadata],
  ['an empty metadata key', upsert({ metadata: { '': 1 } }), REJECTION.invalidMetadata],
  [
    'an over-long metadata key',
    upsert({ metadata: { ['k'.repeat(MAX_TEXT_LENGTH + 1)]: 1 } }),
    REJECTION.invalidMetadata,
  ],
  [
    'an over-long text in metadata',
    upsert({ metadata: { a: 'k'.repeat(MAX_TEXT_LENGTH + 1) } }),
    REJECTION.invalidMetadata,
  ],
  ['a key that begins with $', upsert({ metadata: { $a: 1 } }), REJECTION.invalidMetadata],
  ['a key that begins with #', update({ metadata: { '#a': null } }), REJECTION.invalidMetadata],
  ['a lone surrogate in a metadata key', upsert({ metadata: { '\udfff': 1 } }), REJECTION.invalidMetadata],
  ['a lone surrogate in metadata', upsert({ metadata: { a: '\ud800' } }), REJECTION.invalidMetadata],
  ['1e999 in metadata', raw(upsert({ metadata: { a: '@' } }), '1e999'), REJECTION.invalidMetadata],
  ['an integer of 2^63', raw(upsert({ metadata: { a: '@' } }), '9223372036854775808'), REJECTION.invalidMetadata],
  ['an integer below -2^63', raw(update({ metadata: { a: '@' } }), '-9223372036854775809'), REJECTION.invalidMetadata],
  ['an over-long document', update({ document: 'd'.repeat(MAX_TEXT_LENGTH + 1) }), REJECTION.invalidDocument],
  ['a document that is a number', upsert({ document: 1 }), REJECTION.invalidDocument],
  ['a document that is null', update({ document: null }), REJECTION.invalidDocument],
  ['a lone surrogate in the document', upsert({ document: 'a\ud800b' }), REJECTION.invalidDocument],
  ['an unknown field', upsert({ embeddings: [[1, 2]] }), REJECTION.invalidOperation],
  ['an unknown field in a delete', '{"op":"delete","id":"a","document":"x"}', REJECTION.invalidOperation],
  ['an update that changes nothing', '{"op":"update","id":"a"}', REJECTION.invalidOperation],
  ['an array', '[]', REJECTION.invalidOperation],
  ['null', 'null', REJECTION.invalidOperation],
  ['a number', '17', REJECTION.invalidOperation],
  ['a string', '"upsert"', REJECTION.invalidOperation],
  ['half a line', upsert({}).slice(0, -1), REJECTION.malformedLine],
  ['two objects', `${upsert({})}${upsert({})}`, REJECTION.malformedLine],
  ['prose', 'hello', REJECTION.malformedLine],
  ['deep nesting without end', '['.repeat(100_000), REJECTION.malformedLine],
  ['a NUL', '\0', REJECTION.malformedLine],
];

/** The id that a rejection shows: of a line that is an object with a readable one. */
export function idOf(line: string): { id?: string } {
  try {
    const { id } = JSON.parse(line) as { id?: unknown };
    return typeof id === 'string' && id.length <= MAX_REPORTED_ID_LENGTH ? { id } : {};
  } catch {
    return {};
  }
}
