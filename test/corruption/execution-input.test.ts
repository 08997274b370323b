/** What an execution is started with, by anybody who may start one: it fails by name, soon, and holds nothing afterwards. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Json } from '../../local/sfn/definition.ts';
import { COLLECTION, createCollection, memoryPorts } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';

const RUNS = { numRuns: Number(process.env.COMPACTOR_RUNS ?? 500) };

describe('the input of an execution', () => {
  /** The names that an execution may fail with, for an input that is none. */
  const NAMED = ['InvalidInputError', 'CollectionNotFoundError'];
  const field = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom(COLLECTION, '../x', '', 'a'.repeat(500), 1e308, -1),
  );
  /** What a later round carries over, forged by whoever starts executions. */
  const carried = fc.record(
    {
      attempts: fc.oneof(field, fc.record({ rebases: fc.double(), mergeFailures: fc.double(), rounds: fc.double() })),
      claim: fc.oneof(field, fc.record({ token: fc.double(), takenAt: fc.double() })),
      committed: field,
      totals: field,
      held: field,
      lock: field,
      merge: field,
      base: field,
      next: field,
    },
    { requiredKeys: [] },
  );

  test('that is any JSON fails with a name, and nothing is held afterwards', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.jsonValue(),
          field.map((collection) => ({ collection })),
        ),
        async (given) => {
          const ports = memoryPorts();
          const { status, error, cause } = await run(ports, given as Json);
          expect(status).toBe('FAILED');
          expect(NAMED).toContain(error);
          expectNoStack(cause);
          expect(ports.table.items().locks.size).toBe(0);
        },
      ),
      RUNS,
    );
  });

  test('with a forged state of an earlier round is refused, or taken for its collection alone', async () => {
    await fc.assert(
      fc.asyncProperty(carried, field, async (state, execution) => {
        const ports = memoryPorts();
        await createCollection(ports);
        const { status, error, path, output } = await run(ports, {
          ...state,
          collection: COLLECTION,
          execution,
        } as Json);
        if (status === 'FAILED') {
          expect(error).toBe('InvalidInputError');
          return;
        }
        expect(path.at(-1)).toBe('UpToDate');
        expect(output).toMatchObject({ attempts: { rounds: 1 }, claim: null, committed: null });
      }),
      RUNS,
    );
  });

  test('with a forged state under the right name fails with a name, or ends without having held anything', async () => {
    await fc.assert(
      fc.asyncProperty(carried, async (state) => {
        const ports = memoryPorts();
        await createCollection(ports);
        // The first plan is told that the input is its own.
        const wrap = {
          PlanCompaction: (real: (input: never) => Promise<unknown>) => (given: { input: object; execution: string }) =>
            real({ ...given, input: { ...given.input, execution: given.execution } } as never),
        };
        const { status, error, cause } = await run(ports, { ...state, collection: COLLECTION } as Json, { wrap });
        if (status === 'FAILED') expect(NAMED).toContain(error);
        expectNoStack(cause);
        expect(ports.table.items().locks.get(COLLECTION)?.owner).toBeUndefined();
      }),
      RUNS,
    );
  });
});

/** Lambda gives the trace in a field of its own, `trace`; the rest is what people read. */
function expectNoStack(cause = ''): void {
  const message = cause.startsWith('{') ? (JSON.parse(cause) as { errorMessage: string }).errorMessage : cause;
  expect(message).not.toMatch(/^\s+at /m);
}
