/**
 * What Chroma answers about a record that came in through a delta, beside the same record that its own server was given
 * over HTTP as raw JSON: the two collections must not be told apart by any filter or answer.
 */
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { ChromaEngine } from '../../lambdas/adapters/chroma/engine.ts';
import { EngineRejectedDataError } from '../../lambdas/errors/errors.ts';
import { encodeDelta, parseDelta } from '../../lambdas/snapshot/delta.ts';
import { Float, float, numberOf } from '../../lambdas/snapshot/exact-json.ts';
import type { MetadataValue } from '../../lambdas/snapshot/metadata.ts';
import type { Operation, Upsert } from '../../lambdas/snapshot/operation.ts';
import {
  cleanUpAfterEach,
  makeDirectory,
  onCleanup,
  SERVERS,
  type TestDirectory,
  useNotes,
  withNative,
} from './support.ts';

const LITERALS = [
  ...['5.0', '5', '4.5', '1e3', '1000', '-0.0', '-0', '0', '0.1', '1E22', '5e-324', '0.30000000000000004', '1e300'],
  ...['9007199254740991', '9007199254740992', '9007199254740993', '-9007199254740993', '9007199254740992.0'],
  ...['9223372036854775807', '-9223372036854775808', '9223372036854775808.0', '5.5', '-5'],
];
const COMPARED = [
  '5.0',
  '5',
  '4.5',
  '4.7',
  '5.2',
  '5.5',
  '0',
  '0.0',
  '1000',
  '0.1',
  '9007199254740993',
  '9223372036854775807',
  '1e19',
];
const OPERATORS = ['$eq', '$ne', '$gt', '$gte', '$lt', '$lte'];
const FILTERS = [
  ...OPERATORS.flatMap((operator) => COMPARED.map((literal) => `{"v":{"${operator}":${literal}}}`)),
  ...['$in', '$nin'].flatMap((operator) => COMPARED.map((literal) => `{"v":{"${operator}":[${literal}]}}`)),
  ...['{"v":{"$in":[5.0,0.1]}}', '{"v":{"$nin":[5,4]}}', '{"v":5}', '{"v":5.0}'],
];

const engine = new ChromaEngine();
cleanUpAfterEach();

const idOf = (literal: string) => `is ${literal}`;
const lineOf = (literal: string) =>
  `{"op":"upsert","id":"${idOf(literal)}","embedding":[1,2,3],"metadata":{"v":${literal}}}`;
/** By filter, which records pass it; and all metadata, as text. */
async function answers(directory: TestDirectory): Promise<Record<string, string[]>> {
  return withNative(directory, async (post) => {
    const found: Record<string, string[]> = {};
    for (const where of FILTERS) {
      const { status, text } = await post('get', `{"where":${where},"include":[]}`);
      expect(status, `${where}: ${text}`).toBe(200);
      found[where] = (JSON.parse(text) as { ids: string[] }).ids.sort();
    }
    for (const literal of LITERALS) {
      const { text } = await post('get', JSON.stringify({ ids: [idOf(literal)], include: ['metadatas'] }));
      found[literal] = [text];
    }
    return found;
  });
}

async function apply(directory: TestDirectory, operations: readonly Operation[]): Promise<void> {
  const session = await engine.open(directory);
  try {
    await useNotes(session);
    await session.upsert(operations as readonly Upsert[]);
  } finally {
    await session.close();
  }
}

describe.each(SERVERS)('values with $server', ({ bin }) => {
  beforeEach(() => void vi.stubEnv('CHROMA_BIN', bin));

  test('answer every filter as what was written natively', async () => {
    const [native, ours, again] = await Promise.all([makeDirectory(), makeDirectory(), makeDirectory()]);
    await withNative(native, async (post) => {
      for (const literal of LITERALS) {
        const body = `{"ids":["${idOf(literal)}"],"embeddings":[[1,2,3]],"metadatas":[{"v":${literal}}]}`;
        expect(await post('upsert', body)).toMatchObject({ status: expect.toBeOneOf([200, 201]) });
      }
    });
    const parsed = parseDelta(Buffer.from(LITERALS.map(lineOf).join('\n')), 3);
    expect(parsed.rejections).toEqual([]);

    await apply(ours, parsed.operations);
    // What a reader gives, given back to a producer.
    const session = await engine.open(ours);
    onCleanup(() => session.close());
    await useNotes(session);
    const read = await session.get(LITERALS.map(idOf));
    await session.close();
    const returned = read.map((record) => ({ op: 'upsert', ...record }) as Upsert);
    await apply(again, parseDelta(encodeDelta(returned), 3).operations);

    const expected = await answers(native);
    expect(await answers(ours)).toEqual(expected);
    expect(await answers(again)).toEqual(expected);
  });

  test('are read as they were written', async () => {
    const session = await engine.open(await makeDirectory());
    onCleanup(() => session.close());
    await useNotes(session);

    await session.upsert(parseDelta(Buffer.from(LITERALS.map(lineOf).join('\n')), 3).operations as Upsert[]);

    const read = await session.get(LITERALS.map(idOf));
    // SQLite keeps no minus zero, and so does Chroma not.
    const kept = LITERALS.map((literal) =>
      numberOf(literal.replace(/^-0/, '0').replace(/^0$/, literal === '-0' ? '0.0' : '0')),
    );
    expect(read.map(({ metadata }) => metadata?.v)).toEqual(kept);
    const neighbours = await session.query([1, 2, 3], LITERALS.length);
    expect(new Map(neighbours.map(({ id, metadata }) => [id, metadata?.v]))).toEqual(
      new Map(LITERALS.map((literal, n) => [idOf(literal), kept[n]])),
    );
  });

  test('are patched key by key, from integer to float and back', async () => {
    const session = await engine.open(await makeDirectory());
    onCleanup(() => session.close());
    await useNotes(session);
    const steps: Array<MetadataValue | null> = [5, float(5), 2n ** 60n, 'x', true, null, float(-1e22), -(2n ** 63n)];

    const seen: unknown[] = [];
    for (const v of steps) {
      await session.upsert([{ id: 'a', embedding: [1, 2, 3], metadata: { v, kept: float(1) } }]);
      seen.push((await session.get(['a']))[0]?.metadata);
    }

    expect(seen).toEqual(steps.map((v) => ({ ...(v !== null && { v }), kept: new Float(1) })));
  });

  test('of a list are kept, or the record that has it is refused for that', async () => {
    const session = await engine.open(await makeDirectory());
    onCleanup(() => session.close());
    await useNotes(session);
    const lists = { s: ['a', 'é'], b: [true, false], i: [1, 2n ** 60n], f: [float(1), 2.5] };
    const line =
      '{"op":"upsert","id":"a","embedding":[1,2,3],"metadata":{"s":["a","é"],"b":[true,false],"i":[1,1152921504606846976],"f":[1,2.5]}}';
    const { operations } = parseDelta(Buffer.from(line), 3);
    expect(operations).toMatchObject([{ metadata: lists }]);

    const refusal = await session.upsert(operations as Upsert[]).then(
      () => undefined,
      (error: unknown) => error,
    );

    const [read] = await session.get(['a']);
    if (refusal === undefined) expect(read?.metadata).toEqual(lists);
    else {
      expect(refusal).toBeInstanceOf(EngineRejectedDataError);
      expect((refusal as EngineRejectedDataError).reason).toBe('this version stores no lists in metadata');
      expect(read).toBeUndefined();
    }
  });

  test('are as many as one delta line may have, and more in one call', async () => {
    const session = await engine.open(await makeDirectory());
    onCleanup(() => session.close());
    await useNotes(session);
    const metadata = Object.fromEntries(Array.from({ length: 12_000 }, (_, n) => [`k${n}`, n]));

    await session.upsert([{ id: 'a', embedding: [1, 2, 3], metadata }]);

    expect((await session.get(['a']))[0]?.metadata).toEqual(metadata);
    await session.upsert([{ id: 'b', embedding: [1, 2, 3] }]);
    expect(await session.count()).toBe(2);
  });

  test('that an id makes long are found and deleted', async () => {
    const session = await engine.open(await makeDirectory());
    onCleanup(() => session.close());
    await useNotes(session);
    const id = 'é'.repeat(70_000);

    await session.upsert([{ id, embedding: [1, 2, 3] }]);

    expect(await session.existing([id])).toEqual(new Set([id]));
    await session.remove([id]);
    expect(await session.count()).toBe(0);
  });
});
