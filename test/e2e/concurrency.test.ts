/** Many executions at once on one collection, with real Chroma. COMPACTOR_ROUNDS=100 for the long form. */
import { describe, expect, test } from 'vitest';
import { compact, create, endingOf, readRecords, stateOf, submit, upserts, withStack } from './support.ts';

const ROUNDS = Number(process.env.COMPACTOR_ROUNDS ?? 4);
const EXECUTIONS = 20;
const DELTAS = 20;

describe(`${EXECUTIONS} executions at once for one collection with ${DELTAS} deltas waiting`, () => {
  test('apply every delta exactly once, in at most three merges; the rest delegate or find nothing to do', () =>
    withStack(async (stack) => {
      await create(stack, 'busy');
      for (let n = 0; n < DELTAS; n++) await submit(stack, 'busy', `delta-${n}`, upserts(`d${n}`, 5));

      const executions = await compact(stack, 'busy', EXECUTIONS);

      const states = executions.map(stateOf);
      expect(states.reduce((sum, state) => sum + state.totals.commits, 0)).toBeLessThanOrEqual(3);
      expect(states.reduce((sum, state) => sum + state.totals.deltas, 0)).toBe(DELTAS);
      const endings = executions.map((record) => endingOf(stack, record));
      expect(endings.filter((ending) => !ENDINGS.includes(ending))).toEqual([]);
      expect(endings.filter((ending) => ending === 'Compacted').length).toBeLessThanOrEqual(3);
      expect((await readRecords(stack, 'busy', [])).count).toBe(DELTAS * 5);
    }));

  test(`never strand a delta that comes at a random moment of the merge (${ROUNDS} rounds)`, () =>
    withStack(async (stack) => {
      for (let round = 0; round < ROUNDS; round++) {
        const collection = `round-${round}`;
        await create(stack, collection);
        for (let n = 0; n < DELTAS; n++) await submit(stack, collection, `delta-${n}`, upserts(`d${n}`, 2));
        const running = compact(stack, collection, EXECUTIONS);
        await stack.ports.clock.sleep(Math.random() * 1_200);
        await submit(stack, collection, 'late', upserts('late', 2));
        // As the object-created event would: one more execution, which may delegate.
        const late = compact(stack, collection);
        await Promise.all([running, late]);

        const status = (await stack.ports.statuses.getStatuses(collection, ['late'])).get('late');
        expect(status, `round ${round}`).toMatchObject({ outcome: 'applied' });
        expect((await readRecords(stack, collection, [])).count, `round ${round}`).toBe((DELTAS + 1) * 2);
      }
    }));
});

const ENDINGS = ['Compacted', 'Delegated', 'UpToDate'];
