/** Laws of the delta codec: what is valid comes through as it was sent, and what is not harms nothing but itself. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeDelta, parseDelta } from '../../lambdas/snapshot/delta.ts';
import { stringifyExact } from '../../lambdas/snapshot/exact-json.ts';
import { MAX_REJECTIONS_PER_DELTA } from '../../lambdas/snapshot/ledger.ts';
import { MAX_METADATA_VALUES, MAX_TEXT_LENGTH } from '../../lambdas/snapshot/metadata.ts';
import { REJECTION } from '../../lambdas/snapshot/operation.ts';
import { operation } from '../support/arbitraries.ts';
import { BAD_LINES, idOf, upsert } from './bad-lines.ts';

const DIMENSION = 2;
const operations = fc.array(operation(DIMENSION), { minLength: 1, maxLength: 8 });
const parse = (text: string) => parseDelta(Buffer.from(text), DIMENSION);

describe('a delta of valid operations', () => {
  it('parses to what was encoded, line by line', () => {
    fc.assert(
      fc.property(operations, (operations) => {
        const { operations: parsed, rejections, rejectedOperations } = parseDelta(encodeDelta(operations), DIMENSION);
        expect(parsed).toEqual(operations.map((operation, index) => ({ ...operation, line: index + 1 })));
        expect([rejections, rejectedOperations]).toEqual([[], 0]);
      }),
    );
  });

  it('keeps its line numbers through blank lines, CRLF, spaces and a missing last line break', () => {
    const blanks = fc.array(fc.constantFrom('', ' ', '\t', '\r', ' \r'), { maxLength: 3 });
    const layout = fc.array(fc.tuple(blanks, operation(DIMENSION), fc.constantFrom('', '\r', '  ')), { minLength: 1 });
    fc.assert(
      fc.property(layout, fc.boolean(), (layout, ended) => {
        // Prepare
        const lines: string[] = [];
        const expected = layout.map(([before, operation, after]) => {
          lines.push(...before, `${stringifyExact(operation)}${after}`);
          return { ...operation, line: lines.length };
        });
        // Act and assess
        expect(parse(lines.join('\n') + (ended ? '\n' : '')).operations).toEqual(expected);
      }),
    );
  });

  it('may begin with a byte order mark', () => {
    expect(parse(`\ufeff${upsert({})}\r\n`).operations).toHaveLength(1);
  });

  it('may use every limit to the full', () => {
    const line = upsert({
      id: 'i'.repeat(MAX_TEXT_LENGTH),
      metadata: { ['k'.repeat(MAX_TEXT_LENGTH)]: 1, list: Array(MAX_METADATA_VALUES - 2).fill('x'), gone: null },
      // Characters count, and not what they are escaped to.
      document: '\u0001'.repeat(MAX_TEXT_LENGTH),
      // Both halves of the longest squared length: the largest 32-bit float.
      embedding: [1.304381743659671e19, -1.304381743659671e19],
    });
    expect(parse(line).rejections).toEqual([]);
  });
});

describe('an embedding', () => {
  const MAX_FLOAT32 = 3.4028234663852886e38;

  it('is accepted exactly when its squared length is a 32-bit float', () => {
    const component = fc.oneof(
      fc.double({ noNaN: true, min: -2e19, max: 2e19 }),
      fc.double({ noNaN: true, min: -MAX_FLOAT32, max: MAX_FLOAT32 }),
    );
    fc.assert(
      fc.property(component, component, fc.constantFrom('upsert', 'update'), (x, y, op) => {
        const { operations, rejections } = parse(JSON.stringify({ op, id: 'a', embedding: [x, y] }));
        const isShort = x * x + y * y <= MAX_FLOAT32;
        expect([operations.length, rejections.map(({ error }) => error)]).toEqual(
          isShort ? [1, []] : [0, [REJECTION.invalidEmbedding]],
        );
      }),
    );
  });
});

describe('a bad line', () => {
  it.each(BAD_LINES)('with %s is rejected by its own name', (_what, line, error) => {
    const { operations, rejections, rejectedOperations } = parse(line);
    expect(operations).toEqual([]);
    expect(rejectedOperations).toBe(1);
    expect(rejections).toEqual([{ line: 1, error, reason: expect.stringMatching(/\w+.*\.$/), ...idOf(line) }]);
  });

  it('leaves all the other lines standing, each under its own number', () => {
    const bad = fc.constantFrom(...BAD_LINES);
    const mixed = fc.array(fc.oneof(operation(DIMENSION), bad), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(mixed, (mixed) => {
        const text = mixed.map((entry) => (Array.isArray(entry) ? entry[1] : stringifyExact(entry))).join('\n');
        const parsed = parse(text);
        const numbered = mixed.map((entry, index) => ({ entry, line: index + 1 }));
        expect(parsed.operations).toEqual(
          numbered.flatMap(({ entry, line }) => (Array.isArray(entry) ? [] : [{ ...entry, line }])),
        );
        expect(parsed.rejections.map(({ line, error }) => [line, error])).toEqual(
          numbered.flatMap(({ entry, line }) => (Array.isArray(entry) ? [[line, entry[2]]] : [])),
        );
      }),
    );
  });

  it('is counted beyond the number of rejections that are kept', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 * MAX_REJECTIONS_PER_DELTA }), (count) => {
        const { rejections, rejectedOperations, operations } = parse(`${'x\n'.repeat(count)}${upsert({})}`);
        expect(rejectedOperations).toBe(count);
        expect(rejections.map(({ line }) => line)).toEqual(
          Array.from({ length: Math.min(count, MAX_REJECTIONS_PER_DELTA) }, (_, index) => index + 1),
        );
        expect(operations.map(({ line }) => line)).toEqual([count + 1]);
      }),
      { numRuns: 20 },
    );
  });
});

describe('a delta that is none', () => {
  it.each([
    ['nothing', Buffer.alloc(0)],
    ['blank lines', Buffer.from('\n\r\n \n')],
    ['invalid UTF-8', Buffer.concat([Buffer.from(`${upsert({})}\n`), Buffer.from([0xff])])],
    ['UTF-8 cut off inside a character', Buffer.from(upsert({ document: 'é' })).subarray(0, -3)],
    ['UTF-16', Buffer.from(upsert({ document: '\u8fff' }), 'utf16le')],
  ])('is rejected as a whole: %s', (_what, bytes) => {
    expect(parseDelta(bytes, DIMENSION)).toEqual({
      operations: [],
      rejections: [{ line: 0, error: REJECTION.notADelta, reason: expect.any(String) }],
      rejectedOperations: 1,
      values: 0,
    });
  });

  it('never makes the parser throw, and never goes without a word', () => {
    const line = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.constantFrom('\n', '{"op":"upsert",', upsert({})),
    );
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(line).map((lines) => Buffer.from(lines.join('\n'))),
    );
    fc.assert(
      fc.property(bytes, fc.integer({ min: 1, max: 3 }), (bytes, dimension) => {
        const { operations, rejections, rejectedOperations } = parseDelta(bytes, dimension);
        expect(operations.length + rejections.length).toBeGreaterThan(0);
        expect(rejectedOperations).toBeGreaterThanOrEqual(rejections.length);
      }),
      { numRuns: 300 },
    );
  });

  it('never makes the parser throw with any value in any field', () => {
    const field = fc.option(fc.jsonValue(), { nil: undefined });
    const object = fc.record({
      op: fc.oneof(fc.constantFrom('upsert', 'update', 'delete'), field),
      id: fc.oneof(fc.constant('a'), field),
      embedding: fc.oneof(fc.constant([1, 2]), field),
      metadata: field,
      document: field,
    });
    fc.assert(
      fc.property(object, (object) => {
        const { operations, rejections } = parse(JSON.stringify(object));
        expect(operations.length + rejections.length).toBe(1);
      }),
      { numRuns: 300 },
    );
  });

  it('never makes the parser throw with a great many faults in one line', () => {
    const many = 50_000;
    const faults = [
      upsert({ embedding: Array(many).fill(null) }),
      upsert({ metadata: Object.fromEntries(Array.from({ length: many }, (_, i) => [`k${i}`, []])) }),
      upsert(Object.fromEntries(Array.from({ length: many }, (_, i) => [`k${i}`, 1]))),
    ];
    expect(parse(faults.join('\n')).rejections.map(({ error }) => error)).toEqual([
      REJECTION.invalidEmbedding,
      REJECTION.invalidMetadata,
      REJECTION.invalidOperation,
    ]);
  });

  it('never gives a reason as long as the line', () => {
    const line = upsert(Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`k${i}`, 1])));
    expect(parse(line).rejections[0]?.reason.length).toBeLessThan(400);
  });

  it('lets a document be emptied', () => {
    expect(parse('{"op":"update","id":"a","document":""}').operations).toHaveLength(1);
  });
});
