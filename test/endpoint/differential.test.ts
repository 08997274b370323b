/** Every request is answered as plain Chroma of the same version answers it, by raw text: before a commit and after. */
import { describe, expect, it } from 'vitest';
import { compact, stateOf } from '../e2e/support.ts';
import { COLLECTIONS } from '../support/chroma-api.ts';
import { CHANGED, DELETED, type Line, NAMES, READ, WRITTEN } from './requests.ts';
import { type Ask, canonical, create, HAS_ENGINE, withEndpoint, withPlain } from './support.ts';

interface Side {
  ask: Ask;
  collection: string;
}

async function both(ours: Side, plain: Side, [method, path, body, headers]: Line): Promise<void> {
  const send = async ({ ask, collection }: Side) => {
    const { status, text } = await ask(method, path.replace(/^C/, collection), body, headers);
    return { request: `${method} ${path} ${body ?? ''}`, status, text: canonical(text) };
  };
  expect(await send(ours)).toEqual(await send(plain));
}

/** No two records lie at one place: among equal distances any order is right. */
const WRITES: readonly Line[] = WRITTEN.flatMap((body, n) =>
  ['add', 'upsert', 'update'].map(
    (op): Line => ['POST', `C/${op}`, body.replace('[[1,2]', `[[${1 + n / 7},${2 + n * n}]`)],
  ),
);

it('answers count as alike only when their numbers are written alike', () => {
  const alike = canonical('{"a":1.0,"b":[9007199254740993]}');

  expect(canonical('{"b":[9007199254740993],"a":1.0}')).toBe(alike);
  for (const other of ['{"a":1,"b":[9007199254740993]}', '{"a":1.00,"b":[9007199254740993]}']) {
    expect(canonical(other)).not.toBe(alike);
  }
});

describe.skipIf(!HAS_ENGINE)('beside plain Chroma', () => {
  it('names are taken, found and refused alike', () =>
    withEndpoint(({ ours }) =>
      withPlain(async (ask) => {
        for (const line of NAMES) await both({ ask: ours, collection: '' }, { ask, collection: '' }, line);
      }),
    ));

  it('records are written, read, filtered and deleted alike, before and after commits', () =>
    withEndpoint(({ ours: ask, stack, endpoint }) =>
      withPlain(async (askPlain) => {
        const configuration = { hnsw: { space: 'l2' } };
        const ours = { ask, collection: await create(ask, 'pets', { configuration }) };
        const plain = { ask: askPlain, collection: await create(askPlain, 'pets', { configuration }) };
        const commit = async () => {
          const record = await endpoint.directory.findByName('default_tenant', 'default_database', 'pets');
          const [run] = await compact(stack, record?.collection ?? '');
          if (run !== undefined) stateOf(run);
        };

        for (const line of READ) await both(ours, plain, line);
        for (const line of WRITES) await both(ours, plain, line);
        for (const line of READ) await both(ours, plain, line);
        await commit();
        for (const line of READ) await both(ours, plain, line);
        for (const line of DELETED) await both(ours, plain, line);
        for (const line of READ) await both(ours, plain, line);
        await commit();
        for (const line of [...READ, ...WRITES, ...READ]) await both(ours, plain, line);
      }),
    ));

  it('collections are changed and shown alike', () =>
    withEndpoint(({ ours: ask }) =>
      withPlain(async (askPlain) => {
        const ours = { ask, collection: await create(ask, 'pets', { metadata: { a: 1 } }) };
        const plain = { ask: askPlain, collection: await create(askPlain, 'pets', { metadata: { a: 1 } }) };
        for (const each of [ask, askPlain]) await create(each, 'taken');

        for (const line of CHANGED) await both(ours, plain, line);
        const body =
          '{"ids":["a"],"embeddings":[[1,2]],"metadatas":[{"i":1,"f":1.0,"s":"x","b":true,"l":[1.5],"e":[]}]}';
        await both(ours, plain, ['POST', 'C/add', body]);
        await both(ours, plain, ['GET', `${COLLECTIONS}/renamed`]);
      }),
    ));
});
