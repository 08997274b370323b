/** What requests are tried on before they are acknowledged: made, remade, and given back. */
import { describe, expect, it } from 'vitest';
import type { Scratch } from '../../lambdas/endpoint/scratch.ts';
import { Validator } from '../../lambdas/endpoint/validate.ts';
import { EngineUnavailableError } from '../../lambdas/errors/errors.ts';
import type { ApiAnswer, ApiRequest } from '../../lambdas/ports.ts';

const answer = (status: number, body: object = {}): ApiAnswer => ({
  status,
  body: JSON.stringify(body),
  contentType: undefined,
});
const BODY = '{"ids":["a"],"metadatas":[{"x":1,"\\\\":2}]}';

/** A scratch server with collections, which can fail, and forget. */
function scratchServer(fails: (request: ApiRequest) => ApiAnswer | undefined = () => undefined) {
  const names = new Set<string>();
  let made = 0;
  let ids = 0;
  const send = async (request: ApiRequest): Promise<ApiAnswer> => {
    const failed = fails(request);
    if (failed !== undefined) return failed;
    const [, name = '', op] = /collections\/?([^/]*)\/?(.*)$/.exec(request.path) ?? [];
    if (name === '') {
      const created = (JSON.parse(request.body ?? '') as { name: string }).name;
      names.add(created);
      made++;
      return answer(200, { id: created });
    }
    if (!names.has(name)) return answer(404, { message: 'no such collection' });
    if (request.method === 'DELETE') names.delete(name);
    return answer(op === 'add' ? 201 : 200);
  };
  const validator = new Validator({ send } as unknown as Scratch, () => String(++ids));
  return { validator, names, made: () => made };
}

describe('what requests are tried on', () => {
  it.each([
    ['is not made', '/collections'],
    ['takes no dimension', '/add'],
  ])('when it %s, nothing is said of the request, and the next one has another', async (_, where) => {
    let isBroken = true;
    const { validator } = scratchServer(({ path }) =>
      isBroken && path.endsWith(where) ? answer(500, { message: 'broken' }) : undefined,
    );

    await expect(validator.check('update', BODY, undefined)).rejects.toThrow(EngineUnavailableError);
    isBroken = false;

    expect(await validator.check('update', BODY, undefined)).toMatchObject({ ids: ['a'], fault: undefined });
  });

  it('is made once more, for all, after the server was started anew', async () => {
    const { validator, names, made } = scratchServer();
    await validator.check('update', BODY, undefined);
    names.clear();

    const checked = await Promise.all(Array.from({ length: 5 }, () => validator.check('update', BODY, undefined)));

    expect(checked.every((each) => 'ids' in each)).toBe(true);
    expect(made()).toBe(2);
  });

  it('is deleted when it is worn out', async () => {
    const { validator, names, made } = scratchServer();

    for (let round = 0; round < 50; round++) {
      await Promise.all(Array.from({ length: 100 }, () => validator.check('update', BODY, undefined)));
    }

    expect(made()).toBeGreaterThan(2);
    expect(names.size).toBe(1);
  });

  it('does not change what names of metadata are read as', async () => {
    const { validator } = scratchServer();
    await validator.check('update', BODY, undefined);

    const checked = await validator.check('update', '{"ids":["a"],"metadatas":[{"x":1,"\\"":2}]}', undefined);

    expect(checked).toMatchObject({ metadatas: [{ x: 1, '"': 2 }] });
  });
});
