/** Requests about records, drawn as text: valid ones, and such with one part that nobody expects. */
import fc from 'fast-check';
import type { Line } from './requests.ts';

/** `commit`: what waits is merged, and the copy that answers is replaced. */
export type Step = Line | 'commit';

const oneOf = (...texts: string[]) => fc.constantFrom(...texts);
const quoted = (text: string) => JSON.stringify(text);

const integer = oneOf(
  ...['0', '1', '5', '-1', '9007199254740992', '9007199254740993', '-9007199254740993'],
  ...['9223372036854775807', '-9223372036854775808'],
);
const float = oneOf(
  '1.0',
  '5.0',
  '-0.0',
  '-0',
  '0.1',
  '1e2',
  '1E+2',
  '1.5e-7',
  '9007199254740993.0',
  '1e300',
  '5e-324',
);
/** Neither, or only to some. */
const oddNumber = oneOf(
  '9223372036854775808',
  '18446744073709551616',
  '-9223372036854775809',
  '1e400',
  '01',
  '+1',
  '.5',
);
const number = fc.oneof(integer, float);
const text = oneOf('"x"', '""', '"a text"', '"é😀"', '"line\\nbreak"', '"\\u0041"', '"1"', '"null"', '"#"');
const scalar = fc.oneof(number, text, oneOf('true', 'false'));
const list = fc.oneof(
  ...[integer, float, text, oneOf('true', 'false')].map((item) => fc.array(item, { minLength: 1, maxLength: 3 })),
);
const listText = list.map((items) => `[${items.join(',')}]`);
const odd = fc.oneof(
  oddNumber,
  oneOf('null', '{}', '[]', '[[]]', '[null]', '{"a":1}', '[1,"x"]', '[1,1.0]', '"', '', 'NaN', 'nul', '-'),
  oneOf('"\\ud800"', '"\\u0000"', '{"#type":"sparse_vector","indices":[1,3],"values":[0.5,1.0]}'),
  oneOf('{"#type":"sparse_vector","indices":[3,1],"values":[1.0]}', `"${'long'.repeat(200)}"`),
);
/** Mostly the first. */
const rarely = (usual: fc.Arbitrary<string>, other: fc.Arbitrary<string>, one = 24) =>
  fc.oneof({ weight: one - 1, arbitrary: usual }, { weight: 1, arbitrary: other });

const key = oneOf('"a"', '"b"', '"c"', '"d e"');
const oddKey = oneOf('""', '"#x"', '"chroma:document"', '"$and"', '"__proto__"', '"a\\u0062"', '"constructor"');
const metadata = rarely(
  fc
    .array(fc.tuple(rarely(key, oddKey, 16), rarely(fc.oneof(scalar, listText, oneOf('null')), odd, 16)), {
      minLength: 1,
      maxLength: 4,
    })
    .map((entries) => object(entries)),
  fc.oneof(oneOf('null', '{}'), odd),
  8,
);

const id = fc.integer({ min: 0, max: 9 }).map((n) => quoted(`r${n}`));
const ids = fc.uniqueArray(id, { minLength: 1, maxLength: 4 });

function object(entries: ReadonlyArray<readonly [name: string, value: string]>): string {
  return `{${entries.map(([name, value]) => `${name}:${value}`).join(',')}}`;
}

/** Members that are present, each sometimes something else. */
function body(members: Readonly<Record<string, fc.Arbitrary<string>>>): fc.Arbitrary<string> {
  const entries = Object.entries(members).map(([name, value]) =>
    rarely(value, odd).map((drawn) => [quoted(name), drawn] as const),
  );
  return rarely(
    fc.tuple(...entries).map((drawn) => object(drawn)),
    odd,
    60,
  );
}

const optional = (value: fc.Arbitrary<string>) => fc.oneof({ weight: 2, arbitrary: value }, fc.constant('null'));

let drawn = 0;
/** No two records lie at one place: among equal distances any order is right. */
function place(): string {
  drawn++;
  return `[${drawn}.25,${(drawn * 7) % 101}]`;
}

const write: fc.Arbitrary<Line> = ids.chain((each) => {
  const of = (item: fc.Arbitrary<string>) =>
    fc.array(item, { minLength: each.length, maxLength: each.length }).map((items) => `[${items.join(',')}]`);
  const places = fc.constant(0).map(() => `[${each.map(() => place()).join(',')}]`);
  const fields = {
    ids: rarely(fc.constant(`[${each.join(',')}]`), fc.constant(`[${each[0]},${each[0]}]`)),
    embeddings: rarely(places, oneOf('[[1,2,3]]', '[[]]', '[[1]]', '[["x",1]]', '[[1e39,1]]', '["AACAPwAAAEA="]')),
    documents: optional(of(fc.oneof(text, oneOf('null')))),
    metadatas: optional(of(metadata)),
    uris: rarely(fc.constant('null'), of(oneOf('"u"', 'null')), 4),
  };
  return fc
    .tuple(fc.constantFrom('add', 'upsert', 'update'), body(fields))
    .map(([op, sent]): Line => ['POST', `C/${op}`, sent]);
});

const operand = fc.oneof({ weight: 6, arbitrary: scalar }, { weight: 1, arbitrary: odd });
const comparison = fc
  .tuple(rarely(key, oddKey), oneOf('$eq', '$ne', '$gt', '$gte', '$lt', '$lte', '$contains', '$not_contains'), operand)
  .map(([name, op, value]) => object([[name, object([[quoted(op), value]])]]));
const among = fc
  .tuple(key, rarely(oneOf('$in', '$nin'), oneOf('$x', '$and')), fc.oneof(listText, odd))
  .map(([name, op, value]) => object([[name, object([[quoted(op), value]])]]));
const direct = fc.tuple(key, operand).map(([name, value]) => object([[name, value]]));
const leaf = fc.oneof(comparison, among, direct);
const where = fc.oneof(
  { weight: 3, arbitrary: leaf },
  {
    weight: 1,
    arbitrary: fc
      .tuple(oneOf('"$and"', '"$or"'), fc.array(leaf, { minLength: 1, maxLength: 3 }))
      .map(([op, parts]) => object([[op, `[${parts.join(',')}]`]])),
  },
);
const whereDocument = fc
  .tuple(
    oneOf('$contains', '$not_contains', '$regex', '$not_regex', '$x'),
    fc.oneof(text, oneOf('"^a"', '"["', '"x|y"')),
  )
  .map(([op, value]) => object([[quoted(op), value]]));

const count = oneOf('0', '1', '2', '3', '7', '100');
const include = fc
  .subarray(['"documents"', '"metadatas"', '"embeddings"', '"uris"'])
  .map((parts) => `[${parts.join(',')}]`);
const some = optional(ids.map((each) => `[${each.join(',')}]`));
const filters = { where: optional(where), where_document: rarely(fc.constant('null'), whereDocument, 4) };

const get = body({ ids: some, ...filters, limit: optional(count), offset: optional(count), include }).map(
  (sent): Line => ['POST', 'C/get', sent],
);
const page = body({ limit: count, offset: count, include }).map((sent): Line => ['POST', 'C/get', sent]);
const query = body({
  query_embeddings: rarely(oneOf('[[1.5,2.25]]', '[[40.125,3],[7,90.5]]'), oneOf('[]', '[[1]]', '[["x"]]')),
  n_results: count,
  ids: rarely(fc.constant('null'), some, 4),
  ...filters,
  include: rarely(oneOf('["distances"]', '["distances","documents","metadatas"]'), include),
}).map((sent): Line => ['POST', 'C/query', sent]);
const remove = fc
  .oneof(body({ ids: some }), body({ where }), body({ ids: some, ...filters }), body({ where, limit: optional(count) }))
  .map((sent): Line => ['POST', 'C/delete', sent]);
const all: Line = ['POST', 'C/get', '{"include":["documents","metadatas","embeddings","uris"]}'];

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: write },
    { weight: 4, arbitrary: get },
    { weight: 3, arbitrary: page },
    { weight: 3, arbitrary: query },
    { weight: 1, arbitrary: remove },
    { weight: 1, arbitrary: fc.constant(all) },
    { weight: 1, arbitrary: fc.constant<Line>(['GET', 'C/count']) },
    { weight: 1, arbitrary: fc.constant<Step>('commit') },
  ),
  { minLength: 20, maxLength: 60, size: 'max' },
);
