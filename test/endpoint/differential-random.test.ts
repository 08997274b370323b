/**
 * Requests that are drawn, beside plain Chroma of the same version, by raw text. `ENDPOINT_SEED` and `ENDPOINT_RUNS` ask for
 * others than those that always run.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compact, stateOf } from '../e2e/support.ts';
import { type Step, steps } from './differential-requests.ts';
import { canonical, create, HAS_ENGINE, withEndpoint, withPlain } from './support.ts';

const SEED = Number(process.env.ENDPOINT_SEED ?? 1);
const RUNS = Number(process.env.ENDPOINT_RUNS ?? 12);

describe.skipIf(!HAS_ENGINE)('beside plain Chroma', () => {
  it('whatever is asked is answered alike', () =>
    withEndpoint(({ ours: ask, stack, endpoint }) =>
      withPlain(async (askPlain) => {
        let runs = 0;
        const counts = { accepted: 0, refused: 0 };
        const play = async (drawn: readonly Step[]) => {
          const name = `run-${++runs}`;
          const configuration = { hnsw: { space: 'l2' } };
          const [ours, plain] = [
            await create(ask, name, { configuration }),
            await create(askPlain, name, { configuration }),
          ];
          for (const step of drawn) {
            if (step === 'commit') {
              const record = await endpoint.directory.findByName('default_tenant', 'default_database', name);
              const [run] = record?.dimension ? await compact(stack, record.collection) : [];
              if (run !== undefined) stateOf(run);
              continue;
            }
            const [method, path, body] = step;
            const found = await ask(method, path.replace(/^C/, ours), body);
            const expected = await askPlain(method, path.replace(/^C/, plain), body);
            counts[expected.status < 400 ? 'accepted' : 'refused']++;
            const request = `${method} ${path} ${body ?? ''}`;
            expect({ request, status: found.status, text: canonical(found.text) }).toEqual({
              request,
              status: expected.status,
              text: canonical(expected.text),
            });
          }
        };

        await fc.assert(fc.asyncProperty(steps, play), { seed: SEED, numRuns: RUNS, endOnFailure: true });

        expect(counts.accepted).toBeGreaterThan(RUNS * 10);
        expect(counts.refused).toBeGreaterThan(RUNS);
      }),
    ));
});
