/**
 * Turns the operations of many deltas into a few engine calls with the same effect as one operation at a time: deletes,
 * then updates and upserts, with each record at most once in each of them, however many operations name it.
 *
 * Chroma reports success for an update or delete of a missing record, so existence is tracked here, starting from a
 * lookup, and such operations never reach the engine.
 */

import { MAX_REJECTIONS_PER_DELTA, type Rejection } from '../snapshot/ledger.ts';
import type { NumberedOperation, Update, Upsert } from '../snapshot/operation.ts';
import { abbreviated, REJECTION, reportedId } from '../snapshot/operation.ts';
import { RecordFold } from './fold.ts';

export interface MergePlan {
  /** Ids of records to delete first. */
  deletes: string[];
  /** Sent after the deletes, in any order: no record is in both. */
  updates: Update[];
  upserts: Upsert[];
  /** The first operations that found no record, by delta id. All operations that are not applied are rejected. */
  rejections: Map<string, Rejection[]>;
  /** Number of operations that will be carried out, by delta id. Deletes of missing records count. */
  applied: Map<string, number>;
  /** Deletes of missing records. */
  missingDeletes: number;
  /** For every id that occurs: must it exist afterwards? */
  present: Map<string, boolean>;
  /** Change in the number of records. */
  growth: number;
}

export interface DeltaOperations {
  deltaId: string;
  operations: readonly NumberedOperation[];
}

/** @param existing those of the ids that are records now */
export function planMerge(deltas: readonly DeltaOperations[], existing: ReadonlySet<string>): MergePlan {
  const folds = new Map<string, RecordFold>();
  const plan: MergePlan = {
    deletes: [],
    updates: [],
    upserts: [],
    rejections: new Map(),
    applied: new Map(),
    missingDeletes: 0,
    present: new Map(),
    growth: 0,
  };
  for (const { deltaId, operations } of deltas) {
    let missed = 0;
    for (const operation of operations) {
      const effect = foldOf(folds, operation.id, existing).take(operation);
      if (effect === 'idle') plan.missingDeletes++;
      if (effect === 'missed') {
        reject(plan, deltaId, operation);
        missed++;
      }
    }
    plan.applied.set(deltaId, operations.length - missed);
  }
  for (const fold of folds.values()) send(plan, fold);
  return plan;
}

function foldOf(folds: Map<string, RecordFold>, id: string, existing: ReadonlySet<string>): RecordFold {
  let fold = folds.get(id);
  if (fold === undefined) {
    fold = new RecordFold(id, existing.has(id));
    folds.set(id, fold);
  }
  return fold;
}

function send(plan: MergePlan, { id, isDeletedFirst, patch, isThere, growth }: RecordFold): void {
  if (isDeletedFirst) plan.deletes.push(id);
  if (patch?.op === 'update') plan.updates.push(patch);
  if (patch?.op === 'upsert') plan.upserts.push(patch);
  plan.present.set(id, isThere);
  plan.growth += growth;
}

function reject({ rejections }: MergePlan, deltaId: string, { line, id }: NumberedOperation): void {
  const known = rejections.get(deltaId) ?? [];
  if (known.length >= MAX_REJECTIONS_PER_DELTA) return;
  const reason = `There is no record "${abbreviated(id)}" to update; use an upsert to create one.`;
  known.push({ line, ...reportedId(id), error: REJECTION.recordNotFound, reason });
  rejections.set(deltaId, known);
}
