/** Laws of the merge plan: few batches with the effect of one operation at a time. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DeltaOperations, planMerge, type Round } from '../../lambdas/protocol/merge-plan.ts';
import {
  type Delete,
  type Metadata,
  type Operation,
  REJECTION,
  type Update,
  type Upsert,
} from '../../lambdas/snapshot/delta.ts';
import { operation } from '../support/arbitraries.ts';

interface Stored {
  embedding: number[];
  metadata: Metadata;
  document: string | undefined;
}
type Records = Map<string, Stored>;

/** Few records, so that operations meet often. */
const id = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const deltas: fc.Arbitrary<DeltaOperations[]> = fc
  .array(fc.array(fc.tuple(operation(1, id), fc.integer({ min: 1, max: 3 })), { maxLength: 6 }), { maxLength: 4 })
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
  return new Map(ids.map((id) => [id, { embedding: [0], metadata: { old: id }, document: `old ${id}` }]));
});

function upsert(records: Records, { id, embedding, metadata = {}, document }: Upsert): void {
  records.set(id, { embedding, metadata: withoutNulls(metadata), document });
}
function update(records: Records, { id, embedding, metadata, document }: Update): void {
  const before = records.get(id);
  // As Chroma does: no word, no effect. The plan must never let it come to this.
  if (before === undefined) return;
  records.set(id, {
    embedding: embedding ?? before.embedding,
    metadata: withoutNulls({ ...before.metadata, ...metadata }),
    document: document ?? before.document,
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
      if (operation.op === 'upsert') upsert(records, operation);
      else if (operation.op === 'update') {
        if (records.has(operation.id)) update(records, operation);
        else missing.push([deltaId, operation.line, operation.id]);
      } else if (!records.delete(operation.id)) missingDeletes++;
    }
  }
  return { records, missing, missingDeletes };
}

/** Batches in any order, and each batch in any order. */
function execute(start: Records, rounds: readonly Round[], shuffle: <T>(items: T[]) => T[]): Records {
  const records: Records = new Map(start);
  for (const { upserts, updates, deletes } of rounds) {
    const operations: Operation[] = shuffle<Operation>([...upserts, ...updates, ...deletes]);
    for (const operation of operations) {
      if (operation.op === 'upsert') upsert(records, operation);
      else if (operation.op === 'update') update(records, operation);
      else records.delete(operation.id);
    }
  }
  return records;
}

const shuffling = fc.infiniteStream(fc.nat()).map((stream) => <T>(items: T[]): T[] => {
  const rest = [...items];
  return items.map(() => rest.splice((stream.next().value as number) % rest.length, 1)[0] as T);
});

describe('the merge plan', () => {
  it('has the effect of one operation at a time, in whatever order a round is carried out', () => {
    fc.assert(
      fc.property(records, deltas, shuffling, (records, deltas, shuffle) => {
        const { rounds } = planMerge(deltas, new Set(records.keys()));
        expect(sorted(execute(records, rounds, shuffle))).toEqual(sorted(oneByOne(records, deltas).records));
      }),
      { numRuns: 500 },
    );
  });

  it('touches every record at most once in a round', () => {
    fc.assert(
      fc.property(records, deltas, (records, deltas) => {
        for (const round of planMerge(deltas, new Set(records.keys())).rounds) {
          const ids = operationsOf(round).map((operation) => operation.id);
          expect(new Set(ids).size).toBe(ids.length);
        }
      }),
    );
  });

  it('never has an empty round, nor more rounds than the busiest record has operations', () => {
    fc.assert(
      fc.property(records, deltas, (records, deltas) => {
        const { rounds } = planMerge(deltas, new Set(records.keys()));
        expect(rounds.every((round) => operationsOf(round).length > 0)).toBe(true);
        const uses = new Map<string, number>();
        for (const { id } of deltas.flatMap((delta) => delta.operations)) uses.set(id, (uses.get(id) ?? 0) + 1);
        expect(rounds.length).toBeLessThanOrEqual(Math.max(0, ...uses.values()));
      }),
    );
  });

  it('sends no update and no delete to a record that is not there', () => {
    fc.assert(
      fc.property(records, deltas, (records, deltas) => {
        const there = new Set(records.keys());
        for (const round of planMerge(deltas, new Set(records.keys())).rounds) {
          for (const { id } of [...round.updates, ...round.deletes]) expect(there.has(id)).toBe(true);
          for (const { id } of round.upserts) there.add(id);
          for (const { id } of round.deletes) there.delete(id);
        }
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
        const { present, absent, growth, missingDeletes } = planMerge(deltas, new Set(records.keys()));
        const after = oneByOne(records, deltas);
        const touched = new Set(deltas.flatMap((delta) => delta.operations.map((operation) => operation.id)));
        expect(present).toEqual(new Set([...touched].filter((id) => after.records.has(id))));
        expect(absent).toEqual(new Set([...touched].filter((id) => !after.records.has(id))));
        expect(growth).toBe(after.records.size - records.size);
        expect(missingDeletes).toBe(after.missingDeletes);
      }),
    );
  });

  it('does not care what else exists, nor how operations are spread over deltas', () => {
    fc.assert(
      fc.property(records, deltas, (records, deltas) => {
        const existing = new Set(records.keys());
        const { rounds } = planMerge(deltas, existing);
        const together = [{ deltaId: 'one', operations: deltas.flatMap((delta) => delta.operations) }];
        expect(planMerge(together, new Set([...existing, 'stranger'])).rounds).toEqual(rounds);
      }),
    );
  });
});

function operationsOf({ upserts, updates, deletes }: Round): Array<Upsert | Update | Delete> {
  return [...upserts, ...updates, ...deletes];
}

function sorted(records: Records): Array<[string, Stored]> {
  return [...records].sort(([a], [b]) => (a < b ? -1 : 1));
}
