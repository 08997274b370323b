/**
 * Turns the operations of many deltas into few engine calls with the same effect as one operation at a time.
 *
 * Operations on one record keep their order: the k-th operation of each record goes into round k, and within a round
 * every record occurs at most once, so that its upserts, updates and deletes can go as one batch each. Chroma reports
 * success for an update or delete of a record that is not there; so existence is followed here, from what was looked
 * up beforehand, and such operations never reach the engine.
 */
import type { Delete, NumberedOperation, Update, Upsert } from '../snapshot/delta.ts';
import { REJECTION } from '../snapshot/delta.ts';
import type { Rejection } from './ledger.ts';

export interface Round {
  upserts: Upsert[];
  updates: Update[];
  deletes: Delete[];
}

export interface MergePlan {
  rounds: Round[];
  /** Of operations that met no record, by delta id. */
  rejections: Map<string, Rejection[]>;
  /** Number of operations that will be carried out, by delta id. Deletes of missing records count. */
  applied: Map<string, number>;
  /** Deletes of records that were not there. */
  missingDeletes: number;
  /** Ids that must exist afterwards, and ids that must not. */
  present: Set<string>;
  absent: Set<string>;
  /** Records afterwards minus records before. */
  growth: number;
}

export interface DeltaOperations {
  deltaId: string;
  operations: readonly NumberedOperation[];
}

/** @param existing Which of the ids that occur are records now. */
export function planMerge(deltas: readonly DeltaOperations[], existing: ReadonlySet<string>): MergePlan {
  const exists = new Map<string, boolean>();
  const depth = new Map<string, number>();
  const result: MergePlan = {
    rounds: [],
    rejections: new Map(),
    applied: new Map(),
    missingDeletes: 0,
    present: new Set(),
    absent: new Set(),
    growth: 0,
  };
  for (const { deltaId, operations } of deltas) {
    let applied = 0;
    for (const operation of operations) {
      const { id } = operation;
      const isThere = exists.get(id) ?? existing.has(id);
      exists.set(id, operation.op === 'upsert' || (operation.op === 'update' && isThere));
      if (operation.op === 'update' && !isThere) {
        reject(result, deltaId, operation);
        continue;
      }
      applied++;
      if (operation.op === 'delete' && !isThere) {
        result.missingDeletes++;
        continue;
      }
      const round = depth.get(id) ?? 0;
      depth.set(id, round + 1);
      addTo(result.rounds, round, operation);
    }
    result.applied.set(deltaId, applied);
  }
  for (const [id, isThere] of exists) {
    (isThere ? result.present : result.absent).add(id);
    result.growth += Number(isThere) - Number(existing.has(id));
  }
  return result;
}

function reject(result: MergePlan, deltaId: string, operation: NumberedOperation): void {
  const rejections = result.rejections.get(deltaId) ?? [];
  const reason = `There is no record "${operation.id}" to update; use an upsert to create one.`;
  rejections.push({ line: operation.line, id: operation.id, error: REJECTION.recordNotFound, reason });
  result.rejections.set(deltaId, rejections);
}

function addTo(rounds: Round[], index: number, operation: NumberedOperation): void {
  let round = rounds[index];
  if (round === undefined) {
    round = { upserts: [], updates: [], deletes: [] };
    rounds[index] = round;
  }
  const { line: _line, ...rest } = operation;
  if (rest.op === 'upsert') round.upserts.push(rest);
  else if (rest.op === 'update') round.updates.push(rest);
  else round.deletes.push(rest);
}
