/**
 * Requests that are drawn, beside plain Chroma of the same version, by raw text. `ENDPOINT_SEED` and `ENDPOINT_RUNS` ask for
 * others than those that always run.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EngineUnavailableError } from '../../lambdas/errors/errors.ts';
import { compact, stateOf } from '../e2e/support.ts';
import { steps as drawnSteps, type Step } from './differential-requests.ts';
import { type Ask, canonical, create, HAS_ENGINE, withEndpoint, withPlain } from './support.ts';

const SEED = Number(process.env.ENDPOINT_SEED ?? 1);
const RUNS = Number(process.env.ENDPOINT_RUNS ?? 12);

/** Plain Chroma breaks down over a few requests, and answers nothing of the kind any more: what it says then, and before. */
const BROKEN = /^ended the connection$|sending (?:message|backfill request) to compactor/;
/** It answers so, with 500, while nothing is in the index of a collection that was written to. */
const NO_INDEX = 'Error creating hnsw segment reader: Nothing found on disk';

describe.skipIf(!HAS_ENGINE)('beside plain Chroma', () => {
  it('whatever is asked is answered alike', () =>
    withEndpoint(async ({ ours: ask, stack, endpoint }) => {
      let runs = 0;
      const counts = { accepted: 0, refused: 0 };
      const play = async (steps: readonly Step[], askPlain: Ask) => {
        const name = `run-${++runs}`;
        const configuration = { hnsw: { space: 'l2' } };
        const [ours, plain] = [
          await create(ask, name, { configuration }),
          await create(askPlain, name, { configuration }),
        ];
        let isWritten = false;
        for (const step of steps) {
          if (step === 'commit') {
            const record = await endpoint.directory.findByName('default_tenant', 'default_database', name);
            const [run] = record && isWritten ? await compact(stack, record.collection) : [];
            if (run !== undefined) stateOf(run);
            continue;
          }
          const [method, path, body] = step;
          const request = `${method} ${path} ${body ?? ''}`;
          const found = await ask(method, path.replace(/^C/, ours), body);
          const expected = await askPlain(method, path.replace(/^C/, plain), body).catch(unlessDead);
          // More than plain Chroma, which dies of it only if a record is there to be changed.
          if (found.text.includes('The engine breaks down over')) return;
          if (BROKEN.test(expected.text)) {
            expect({ request, status: found.status }).toEqual({ request, status: 500 });
            expect((await ask('POST', `${ours}/get`, '{}')).status).toBe(200);
            return;
          }
          if (expected.text.includes(NO_INDEX)) continue;
          isWritten ||= found.status < 300 && /C\/(?:add|upsert|update)$/.test(path);
          counts[expected.status < 400 ? 'accepted' : 'refused']++;
          expect({ request, status: found.status, text: canonical(found.text) }).toEqual({
            request,
            status: expected.status,
            text: canonical(expected.text),
          });
        }
      };
      const property = fc.asyncProperty(drawnSteps, (steps) => withPlain((askPlain) => play(steps, askPlain)));

      await fc.assert(property, { seed: SEED, numRuns: RUNS, endOnFailure: true });

      expect(counts.accepted).toBeGreaterThan(RUNS * 10);
      expect(counts.refused).toBeGreaterThan(RUNS);
    }));
});

/** There are requests that plain Chroma gives no answer to: it ends the connection. */
function unlessDead(error: unknown): { status: number; text: string } {
  if (!(error instanceof EngineUnavailableError)) throw error;
  return { status: 0, text: 'ended the connection' };
}
