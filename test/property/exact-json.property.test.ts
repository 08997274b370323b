/** Laws of the exact codec: every number comes back as what it was, in JSON that every other reader can read. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJson } from '../../lambdas/snapshot/escaped-names.ts';
import {
  Float,
  float,
  membersOf,
  numberOf,
  parseExact,
  stringifyExact,
  writable,
} from '../../lambdas/snapshot/exact-json.ts';
import { parseLine } from '../../lambdas/snapshot/operation.ts';
import { metadataValue } from '../support/arbitraries.ts';

const values = fc.dictionary(fc.string(), metadataValue, { noNullPrototype: true });

describe('exact JSON', () => {
  it('comes back as it was, by either way of writing', () => {
    fc.assert(
      fc.property(values, (values) => {
        expect(parseExact(stringifyExact(values))).toEqual(values);
        expect(JSON.stringify(writable(values))).toBe(stringifyExact(values));
      }),
    );
  });

  it('is what any reader of JSON reads, its numbers rounded', () => {
    const rounded = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(rounded);
      return typeof value === 'bigint' || value instanceof Float ? Number(value) : value;
    };
    fc.assert(
      fc.property(values, (values) => {
        const expected = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, rounded(value)]));
        expect(JSON.parse(stringifyExact(values))).toEqual(expected);
      }),
    );
  });

  it.each<[string, unknown]>([
    ['5', 5],
    ['5.0', new Float(5)],
    ['5e0', new Float(5)],
    ['1E3', new Float(1000)],
    ['4.5', 4.5],
    ['-0.0', new Float(-0)],
    ['-0', new Float(-0)],
    ['0', 0],
    ['9007199254740991', 9_007_199_254_740_991],
    ['9007199254740992', 9_007_199_254_740_992n],
    ['-9007199254740993', -9_007_199_254_740_993n],
    ['9223372036854775808', 2n ** 63n],
    ['1e400', Number.POSITIVE_INFINITY],
  ])('reads %s by its literal', (literal, value) => {
    expect(numberOf(literal)).toEqual(value);
    expect(parseExact(`{"v":[${literal}]}`)).toEqual({ v: [value] });
  });

  it.each<[number, string]>([
    [5, '5.0'],
    [-0, '-0.0'],
    [1e21, '1e+21'],
    [1e300, '1e+300'],
    [4.5, '4.5'],
    [5e-324, '5e-324'],
  ])('writes float(%d) as %s', (value, literal) => {
    expect(stringifyExact([float(value)])).toBe(`[${literal}]`);
    expect(Number(float(value))).toBe(value);
  });
});

describe('members of an object', () => {
  const hard = fc.string({ unit: fc.constantFrom('"', '\\', '{', '}', '[', ']', ',', ':', ' ', 'a', '\n', 'é') });
  const json = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      ...[hard, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.constant(null)],
      ...[fc.array(tie('value'), { maxLength: 3 }), fc.dictionary(hard, tie('value'), { maxKeys: 3 })],
    ),
  })).value;
  const object = fc.dictionary(hard, json, { noNullPrototype: true });

  it('are the texts of their values', () => {
    fc.assert(
      fc.property(object, fc.constantFrom(undefined, 1, '\t\r\n '), (object, indent) => {
        const text = JSON.stringify(object, null, indent);
        const found = [...membersOf(text)].map(([name, value]) => [name, JSON.parse(value)]);
        expect(Object.fromEntries(found)).toEqual(parseJson(text));
      }),
      { numRuns: 500 },
    );
  });

  it('are the last ones of their name, however it is written', () => {
    expect([...membersOf(String.raw` { "a" : 1 , "\u0061":[2, {"a":3}] ,"b":"\\"} `)]).toEqual([
      ['a', '[2, {"a":3}]'],
      ['b', String.raw`"\\"`],
    ]);
    expect(membersOf('{}').size).toBe(0);
  });

  it('are found past texts of millions of escapes', () => {
    const text = `{"a":"${'\\\\\\"'.repeat(1_000_000)}","metadata":{"v":5.0}}`;
    expect(membersOf(text).get('metadata')).toBe('{"v":5.0}');
  });
});

describe('names with escapes', () => {
  const escaped = fc.string({ unit: fc.constantFrom('"', '\\', '\n', '\t', 'a', 'é', '\u2028', ':', '😀') });
  const leaf = fc.oneof(escaped, fc.integer(), fc.boolean(), fc.constant(null));
  const value = fc.oneof(leaf, fc.array(leaf, { maxLength: 3 }), fc.dictionary(escaped, leaf, { maxKeys: 3 }));
  const object = fc.dictionary(escaped, value, { noNullPrototype: true });

  it('are read as what they are, whatever was read before', () => {
    JSON.parse(String.raw`{"x":1,"\\":2}`);

    const read = String.raw`{"x":1,"\"":2}`;

    expect(Object.keys(parseExact(read) as object)).toEqual(['x', '"']);
    expect(Object.keys(parseJson(read) as object)).toEqual(['x', '"']);
  });

  it('are the keys of metadata in a delta', () => {
    const lines = ['\\\\', '\\"'].map((key) => `{"op":"update","id":"a","metadata":{"x":true,"${key}":"two"}}`);

    const keys = lines.map((line) => Object.keys((parseLine(line, 3) as { metadata: object }).metadata));

    expect(keys).toEqual([
      ['x', '\\'],
      ['x', '"'],
    ]);
  });

  it('come back as they were written', () => {
    fc.assert(
      fc.property(object, fc.constantFrom(undefined, 1), (given, indent) => {
        const text = JSON.stringify(given, null, indent);
        expect(stringifyExact(parseExact(text), indent)).toBe(text);
        expect(JSON.stringify(parseJson(text), null, indent)).toBe(text);
      }),
      { numRuns: 2_000 },
    );
  });

  it('keep exact numbers beside them, the last of a name, and `__proto__`', () => {
    const text = String.raw`{"\\":5.0,"\u005c":9007199254740993,"n":{"\t":[-0,1e3]},"__proto__":1}`;

    const read = parseExact(text) as Record<string, unknown>;

    expect(stringifyExact(read)).toBe(String.raw`{"\\":9007199254740993,"n":{"\t":[-0.0,1000.0]},"__proto__":1}`);
  });

  it('are an error where JSON is none', () => {
    for (const text of [String.raw`{"\q":1}`, String.raw`{"\n":1,}`, String.raw`{"\n":1} /* */`, String.raw`{"\n" 1}`])
      expect(() => parseExact(text), text).toThrow(SyntaxError);
  });
});
