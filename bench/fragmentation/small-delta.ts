/** The small deltas of a long history: each adds, replaces, updates and deletes a few records all over the snapshot. */
import type { Operation } from '../../lambdas/snapshot/operation.ts';
import { record, recordId } from '../fixture/corpus.ts';
import { type Delta, delta, upserts } from '../scenarios/deltas.ts';

const ADDED = 6;
const REPLACED = 4;
const UPDATED = 5;
const DELETED = 3;
/** Records of the first snapshot that one delta touches. */
const TOUCHED = REPLACED + UPDATED + DELETED;
/** Prime, and no divisor of any number of records: neighbours in the history are far apart in the snapshot. */
const STRIDE = 7_919;

/** What a delta adds to the number of records. */
export const GROWTH = ADDED - DELETED;

/** How many deltas there are for a first snapshot of `records` records, of which no two touch the same one. */
export function mostDeltas(records: number): number {
  return Math.floor(records / TOUCHED);
}

/**
 * Delta number `n`, from 0.
 * @param records of the first snapshot
 * @throws RangeError (all of them have had their turn)
 */
export function smallDelta(n: number, records: number): Delta {
  const most = mostDeltas(records);
  if (n >= most) throw new RangeError(`${records} records are enough for ${most} small deltas, not more.`);
  const turn = Array.from({ length: TOUCHED }, (_, i) => ((n * TOUCHED + i) * STRIDE) % records);
  const replaced = turn.slice(0, REPLACED);
  const updated = turn.slice(REPLACED, REPLACED + UPDATED);
  const deleted = turn.slice(REPLACED + UPDATED);
  const operations: Operation[] = [
    ...upserts(records + n * ADDED, ADDED),
    ...replaced.map((at): Operation => ({ op: 'upsert', ...record(at, 1) })),
    ...updated.map((at): Operation => ({ op: 'update', id: recordId(at), metadata: { reviewed: true, round: n } })),
    ...deleted.map((at): Operation => ({ op: 'delete', id: recordId(at) })),
  ];
  return delta(`small-${n}`, operations);
}
