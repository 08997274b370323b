/** Laws of the merge plan: few batches with the effect of one operation at a time. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DeltaOperations, type MergePlan, planMerge } from '../../lambdas/protocol/merge-plan.ts';
import type { Metadata } from '../../lambdas/snapshot/metadata.ts';
import { type Operation, REJECTION, type Update, type Upsert } from '../../lambdas/snapshot/operation.ts';

interface Stored {
  embedding: number[];
  metadata: Metadata;
  document: string | undefined;
}
type Records = Map<string, Stored>;

/** Few records, keys and values, so that operations meet often. */
const id = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const embedding = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 1 });
const metadata: fc.Arbitrary<Metadata> = fc.dictionary(
  fc.constantFrom('x', 'y', '1', 'old'),
  fc.constantFrom<Metadata[string]>('text', 1, 0.5, true, null),
);
const rest = { metadata, document: fc.constantFrom('', 'words', 'other words') };
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record(
    { op: fc.constant('upsert' as const), id, embedding, ...rest },
    { requiredKeys: ['op', 'id', 'embedding'] },
  ),
  fc.record({ op: fc.constant('update' as const), id, embedding, ...rest }, { requiredKeys: ['op', 'id'] }),
  fc.record({ op: fc.constant('delete' as const), id }),
);
const deltas: fc.Arbitrary<DeltaOperations[]> = fc
  .array(fc.array(fc.tuple(operation, fc.integer({ min: 1, max: 3 })), { maxLength: 8 }), { maxLength: 5 })
  .map((deltas) =>
    deltas.map((operations, index) => {
      let line = 0;
      return {
        deltaId: `delta-${index}`,
        operations: operations.map(([operation, gap]) => {
          line += gap;
          return { ...operation, line };
        }),
      };
    }),
  );
const records: fc.Arbitrary<Records> = fc.uniqueArray(id).map((ids) => {
  return new Map(ids.map((id) => [id, { embedding: [0], metadata: { old: id, x: 0 }, document: `old ${id}` }]));
});

/** As Chroma does: what is given replaces, metadata key by key. An update of nothing has no effect, without a word. */
function patch(records: Records, { op, id, embedding, metadata, document }: Upsert | Update): void {
  const before = records.get(id);
  if (before === undefined && op === 'update') return;
  records.set(id, {
    embedding: embedding ?? before?.embedding ?? [],
    metadata: withoutNulls({ ...before?.metadata, ...metadata }),
    document: document ?? before?.document,
  });
}
function withoutNulls(metadata: Metadata): Metadata {
  return Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== null));
}

/** The definition: one operation at a time, in order. */
function oneByOne(start: Records, deltas: readonly DeltaOperations[]) {
  const records: Records = new Map(start);
  const missing: Array<[deltaId: string, line: number, id: string]> = [];
  let missingDeletes = 0;
  for (const { deltaId, operations } of deltas) {
    for (const operation of operations) {
      if (operation.op === 'update' && !records.has(operation.id)) {
        missing.push([deltaId, operation.line, operation.id]);
      } else if (operation.op !== 'delete') patch(records, operation);
      else if (!records.delete(operation.id)) missingDeletes++;
    }
  }
  return { records, missing, missingDeletes };
}

/** Deletes first; then updates and upserts in any order. */
function execute(start: Records, { deletes, updates, upserts }: MergePlan, shuffle: Shuffle): Records {
  const records: Records = new Map(start);
  for (const id of deletes) records.delete(id);
  for (const one of shuffle<Upsert | Update>([...updates, ...upserts])) patch(records, one);
  return records;
}

type Shuffle = <T>(items: T[]) => T[];
const shuffling: fc.Arbitrary<Shuffle> = fc.infiniteStream(fc.nat()).map((stream) => <T>(items: T[]): T[] => {
  const rest = [...items];
  return items.map(() => rest.splice((stream.next().value as number) % rest.length, 1)[0] as T);
});

describe('the merge plan', () => {
  it('has the effect of one operation at a time', () => {
    fc.assert(
      fc.property(records, deltas, shuffling, (records, deltas, shuffle) => {
        const plan = planMerge(deltas, new Set(records.keys()));
        expect(sorted(execute(records, plan, shuffle))).toEqual(sorted(oneByOne(records, deltas).records));
      }),
      { numRuns: 2_000 },
    );
  });

  it('sends at most one delete and one patch of each record', () => {
    fc.assert(
      fc.property(records, deltas, (records, deltas) => {
        const { deletes, updates, upserts } = planMerge(deltas, new Set(records.keys()));
        const patched = [...updates, ...upserts].map(({ id }) => id);
        expect(new Set(patched).size).toBe(patched.length);
        expect(new Set(deletes).size).toBe(deletes.length);
      }),
    );
  });

  it('leaves the operations of a delta as they are, since a merge may be tried again', () => {
    fc.assert(
      fc.property(records, deltas, (records, deltas) => {
        const before = structuredClone(deltas);
        planMerge(deltas, new Set(records.keys()));
        expect(deltas).toEqual(before);
      }),
    );
  });

  it('sends no update and no delete to a record that is not there', () => {
    fc.assert(
      fc.property(records, deltas, (records, deltas) => {
        const { deletes, updates } = planMerge(deltas, new Set(records.keys()));
        for (const id of [...deletes, ...updates.map((update) => update.id)]) expect(records.has(id)).toBe(true);
        for (const { id } of updates) expect(deletes).not.toContain(id);
      }),
    );
  });

  it('rejects exactly the updates of missing records, by delta and line', () => {
    fc.assert(
      fc.property(records, deltas, (records, deltas) => {
        const { rejections } = planMerge(deltas, new Set(records.keys()));
        const found = [...rejections].flatMap(([deltaId, list]) =>
          list.map(({ line, id, error }) => [deltaId, line, id, error]),
        );
        const expected = oneByOne(records, deltas).missing.map((missing) => [...missing, REJECTION.recordNotFound]);
        expect(found).toEqual(expected);
      }),
    );
  });

  it('counts every operation of every delta as applied or as rejected', () => {
    fc.assert(
      fc.property(records, deltas, (records, deltas) => {
        const { applied, rejections } = planMerge(deltas, new Set(records.keys()));
        const counts = deltas.map(
          ({ deltaId }) => (applied.get(deltaId) ?? 0) + (rejections.get(deltaId)?.length ?? 0),
        );
        expect(counts).toEqual(deltas.map(({ operations }) => operations.length));
      }),
    );
  });

  it('foretells which of the records are there afterwards, and by how many they grow', () => {
    fc.assert(
      fc.property(records, deltas, (records, deltas) => {
        const { present, growth, missingDeletes } = planMerge(deltas, new Set(records.keys()));
        const after = oneByOne(records, deltas);
        const touched = new Set(deltas.flatMap((delta) => delta.operations.map((operation) => operation.id)));
        expect(present).toEqual(new Map([...touched].map((id) => [id, after.records.has(id)])));
        expect(growth).toBe(after.records.size - records.size);
        expect(missingDeletes).toBe(after.missingDeletes);
      }),
    );
  });

  it('does not care what else exists, nor how operations are spread over deltas', () => {
    fc.assert(
      fc.property(records, deltas, (records, deltas) => {
        const existing = new Set(records.keys());
        const { deletes, updates, upserts } = planMerge(deltas, existing);
        const together = [{ deltaId: 'one', operations: deltas.flatMap((delta) => delta.operations) }];
        const plan = planMerge(together, new Set([...existing, 'stranger']));
        expect(plan).toMatchObject({ deletes, updates, upserts });
      }),
    );
  });
});

function sorted(records: Records): Array<[string, Stored]> {
  return [...records].sort(([a], [b]) => (a < b ? -1 : 1));
}
