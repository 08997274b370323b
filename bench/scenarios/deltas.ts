/** The deltas that scenarios submit. Every delta has an id of its own and touches records of its own. */
import { encodeDelta } from '../../lambdas/snapshot/delta.ts';
import type { Operation } from '../../lambdas/snapshot/operation.ts';
import { record, recordId } from '../fixture/corpus.ts';

export type DeltaKind = 'upserts-100' | 'updates-50' | 'deletes-50' | 'upserts-2000';

/** What a delta is made from. */
export interface DeltaName {
  kind: DeltaKind;
  /** Of the run. */
  n: number;
}

export interface Delta {
  deltaId: string;
  operations: Operation[];
  body: Uint8Array;
}

/** Delta number `n` of a run on a snapshot of `records` records. */
export function deltaOf(kind: DeltaKind, n: number, records: number): Delta {
  const fresh = (count: number) => upserts(records + n * count, count);
  // Spread over the whole snapshot, and never the same record twice.
  const spread = (index: number) => recordId(((n * 50 + index) * 379) % records);
  const operations: Record<DeltaKind, () => Operation[]> = {
    'upserts-100': () => fresh(100),
    'upserts-2000': () => fresh(2_000),
    'updates-50': () =>
      Array.from({ length: 50 }, (_, i) => ({ op: 'update', id: spread(i), metadata: { reviewed: true, round: n } })),
    'deletes-50': () => Array.from({ length: 50 }, (_, i) => ({ op: 'delete', id: spread(i) })),
  };
  return delta(idOf({ kind, n }), operations[kind]());
}

export function idOf({ kind, n }: DeltaName): string {
  return `${kind}-${n}`;
}

export function upserts(from: number, count: number): Operation[] {
  return Array.from({ length: count }, (_, i) => ({ op: 'upsert', ...record(from + i) }));
}

export function delta(deltaId: string, operations: Operation[]): Delta {
  return { deltaId, operations, body: encodeDelta(operations) };
}
