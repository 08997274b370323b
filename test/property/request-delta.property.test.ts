/** Laws of deltas that hold requests: the text of a body comes back as it was, and nothing is acknowledged that a merge would refuse to read. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InvalidInputError } from '../../lambdas/errors/errors.ts';
import { parseRequests } from '../../lambdas/inbox/parse-requests.ts';
import { parseDelta, REJECTION } from '../../lambdas/snapshot/delta.ts';
import { isRequestDelta, type LoggedRequest } from '../../lambdas/snapshot/request-delta.ts';
import { decodeRequests, encodeRequests } from '../support/request-deltas.ts';

const LITERALS = ['1', '1.0', '9007199254740993', '-0', '1e3', 'null', '"a\\nb"', '"\\u2028"', 'true', '[1.0,2]'];
const id = fc.string({ unit: 'grapheme', maxLength: 8 });
/** As clients write them, with the numbers that a parser would not keep. */
const request: fc.Arbitrary<LoggedRequest> = fc
  .record({
    op: fc.constantFrom('add' as const, 'upsert' as const, 'update' as const, 'delete' as const),
    ids: fc.array(id, { maxLength: 3 }),
    value: fc.constantFrom(...LITERALS),
    space: fc.constantFrom('', ' '),
  })
  .map(({ op, ids, value, space }) => {
    const own = op === 'delete' ? '' : `,"embeddings":["AACAPw=="],${space}"metadatas":[{"k":${value}}],"uris":[null]`;
    return { op, body: `{"ids":${space}${JSON.stringify(ids)}${own}}` };
  });

const parse = (text: string | Uint8Array) => {
  const body = Buffer.from(text);
  const lines = body.toString('latin1').split('\n').length - 1;
  const pieces = parseRequests(body, lines);
  for (;;) {
    const { done, value } = pieces.next();
    if (done) return value;
  }
};

describe('requests', () => {
  it('come back to the letter, in their order', () => {
    fc.assert(
      fc.property(fc.array(request, { minLength: 1, maxLength: 6 }), fc.option(fc.uuid()), (requests, own) => {
        const body = encodeRequests(requests, own ?? undefined);
        expect(isRequestDelta(body)).toBe(true);
        expect(decodeRequests(body)).toEqual(requests);
        const parsed = parse(body);
        expect(parsed).toMatchObject({ rejections: [], rejectedOperations: 0, operations: [] });
        expect(parsed.requests.map(({ op, body }) => ({ op, body }))).toEqual(requests);
        expect(parsed.requests.map(({ line }) => line)).toEqual(requests.map((_, n) => n + 2));
        expect(parsed.requests.map(({ ids }) => ids)).toEqual(requests.map(({ body }) => JSON.parse(body).ids));
      }),
    );
  });

  it('may be written over several lines', () => {
    const [found] = decodeRequests(
      encodeRequests([{ op: 'add', body: '{\r\n  "ids": ["a\\nb"],\n  "embeddings": [[1.0]]\n}\n' }]),
    );
    expect(found?.body).toBe('{   "ids": ["a\\nb"],   "embeddings": [[1.0]] }');
  });

  it('have other bytes under another id of the write', () => {
    const requests = [{ op: 'delete' as const, body: '{"ids":["a"]}' }];
    expect(encodeRequests(requests, 'one')).not.toEqual(encodeRequests(requests, 'two'));
  });

  it.each([
    ['add', '[]'],
    ['add', '{"ids":["a"]'],
    ['add', '{"ids":[1]}'],
    ['add', '{"ids":"a"}'],
    ['add', '{}'],
    ['delete', '{"ids":["a"],"where":{"k":1}}'],
    ['delete', '{"where":{"k":1}}'],
    ['get', '{"ids":["a"]}'],
    ['add', '{"ids":["a"]},"op":"delete"'],
  ])('"%s" with %s is not logged', (op, body) => {
    expect(() => encodeRequests([{ op: op as 'add', body }])).toThrow(InvalidInputError);
  });

  it('that are no requests are rejected, line by line', () => {
    const text = '{"requests":1}\nnonsense\n\n{"op":"delete","body":{"ids":["a"]}}\n{"op":"add","body":{}}\n';
    const { requests, rejections, rejectedOperations } = parse(text);
    expect(requests).toMatchObject([{ op: 'delete', ids: ['a'], line: 4 }]);
    expect(rejections.map(({ line, error }) => [line, error])).toEqual([2, 5].map((n) => [n, REJECTION.malformedLine]));
    expect(rejectedOperations).toBe(2);
    expect(() => decodeRequests(Buffer.from(text))).toThrow('Line 2');
  });

  it.each([
    ['another form', '{"requests":2}\n{"op":"delete","body":{"ids":["a"]}}\n'],
    ['a header that is cut off', '{"requests":1'],
    ['no request', '{"requests":1}\n'],
    ['text that is none', Buffer.concat([Buffer.from('{"requests":1}\n'), Buffer.from([0xff, 0x0a])])],
  ])('with %s are rejected whole', (_, text) => {
    expect(parse(text)).toMatchObject({
      requests: [],
      rejectedOperations: 1,
      rejections: [{ line: 0, error: REJECTION.notADelta }],
    });
  });

  it('are no operations, and operations are no requests', () => {
    expect(isRequestDelta(Buffer.from('{"op":"delete","id":"a"}\n'))).toBe(false);
    expect(isRequestDelta(Buffer.from(' {"requests":1}\n'))).toBe(false);
    expect(parseDelta(encodeRequests([{ op: 'delete', body: '{"ids":["a"]}' }]), 2).operations).toEqual([]);
  });

  it('in any bytes are parsed or rejected, and never throw', () => {
    const bytes = fc.tuple(fc.constantFrom('{"requests":1}\n', '{"requests":'), fc.uint8Array({ maxLength: 60 }));
    fc.assert(
      fc.property(bytes, ([head, rest]) => {
        const { requests, rejectedOperations } = parse(Buffer.concat([Buffer.from(head), rest]));
        expect(requests.length + rejectedOperations).toBeGreaterThan(0);
      }),
    );
  });
});
