/** What is tried on the scratch server while that dies: nobody is told that a collection is not there, or the engine too old. */
import { expect, it } from 'vitest';
import { Scratch } from '../../lambdas/endpoint/scratch.ts';
import { EngineUnavailableError } from '../../lambdas/errors/errors.ts';
import { MemoryApiEngine, type MemoryApiServer } from '../support/model-api.ts';

const DESCRIBED = { metadata: 'null', configuration: '{"hnsw":{"space":"l2"}}', schema: '{"defaults":{},"keys":{}}' };

/** On servers of which the first ends before the n-th request, and another takes its place. */
function scratchThatDies(n: number): Scratch {
  const engine = new MemoryApiEngine();
  let server: Promise<MemoryApiServer> | undefined;
  let requests = 0;
  const shared = async () => {
    server ??= engine.startScratch();
    if (++requests === n) {
      (await server).die();
      server = engine.startScratch();
    }
    return server;
  };
  let ids = 0;
  return new Scratch(shared, () => String(++ids).padStart(26, '0'));
}

it.each([2])('describes nothing by a server that ends before request %i', async (n) => {
  const scratch = scratchThatDies(n);

  await expect(scratch.describe('{"name":"pets"}')).rejects.toThrow(EngineUnavailableError);

  expect(await scratch.describe('{"name":"pets"}')).toMatchObject({ metadata: 'null' });
});

it.each([2, 3])('modifies nothing by a server that ends before request %i', async (n) => {
  const scratch = scratchThatDies(n);
  const body = '{"new_metadata":{"k":1}}';

  await expect(scratch.modify(DESCRIBED, body, undefined)).rejects.toThrow(EngineUnavailableError);

  expect(await scratch.modify(DESCRIBED, body, undefined)).toMatchObject({ metadata: '{"k":1}', name: undefined });
});
