/** Applies deltas to an open engine and proves the result by reading back. */
import type { EngineSession, Space } from '../ports.ts';
import { MergeVerificationError } from '../protocol/errors.ts';
import { type LedgerEntry, MAX_REJECTIONS_PER_DELTA, type Rejection } from '../protocol/ledger.ts';
import { type MergePlan, planMerge } from '../protocol/merge-plan.ts';
import type { ReadDelta } from './read-deltas.ts';

/** Rejections kept in one manifest; beyond it only their number is. */
const MAX_REJECTIONS_PER_COMMIT = 2_000;

export interface CollectionShape {
  collection: string;
  space: Space;
  dimension: number;
  /** Records before the merge. */
  records: number;
}

/**
 * @param ready Awaited once everything is read and before the first write; what it throws, this throws.
 * @throws MergeVerificationError, EngineRejectedDataError, EngineUnavailableError: in each case the directory must be
 * discarded or repaired
 */
export async function applyDeltas(
  session: EngineSession,
  shape: CollectionShape,
  deltas: readonly ReadDelta[],
  ready: () => Promise<void> = async () => {},
): Promise<MergePlan> {
  await session.useCollection(shape.collection, shape);
  await expectCount(session, shape.records, 'before the merge');
  const ids = new Set(deltas.flatMap((delta) => delta.operations.map((operation) => operation.id)));
  const touched = [...ids];
  const plan = planMerge(deltas, await session.existing(touched));
  await ready();
  for (const round of plan.rounds) {
    if (round.deletes.length > 0) await session.remove(round.deletes.map((operation) => operation.id));
    if (round.updates.length > 0) await session.update(round.updates);
    if (round.upserts.length > 0) await session.upsert(round.upserts);
  }
  await expectCount(session, shape.records + plan.growth, 'after the merge');
  const present = await session.existing(touched);
  const wrong = touched.find((id) => present.has(id) !== plan.present.has(id));
  if (wrong !== undefined) {
    throw new MergeVerificationError(
      `After the merge, record "${wrong}" of "${shape.collection}" is ${present.has(wrong) ? 'present' : 'absent'}, ` +
        'which is not what its operations say. Nothing was published; the merge is tried again.',
    );
  }
  return plan;
}

async function expectCount(session: EngineSession, expected: number, when: string): Promise<void> {
  const actual = await session.count();
  if (actual === expected) return;
  throw new MergeVerificationError(
    `The engine counts ${actual} records ${when}, not ${expected}. Nothing was published; the merge is tried again.`,
  );
}

/** Ledger entries of a commit: what became of each delta. */
export function outcomes(version: number, deltas: readonly ReadDelta[], plan: MergePlan): LedgerEntry[] {
  let room = MAX_REJECTIONS_PER_COMMIT;
  return deltas.map((delta): LedgerEntry => {
    const missing = plan.rejections.get(delta.deltaId) ?? [];
    const rejections = [...delta.rejections, ...missing]
      .sort(byLine)
      .slice(0, Math.min(MAX_REJECTIONS_PER_DELTA, room));
    room -= rejections.length;
    return {
      deltaId: delta.deltaId,
      outcome: (plan.applied.get(delta.deltaId) ?? 0) > 0 ? 'applied' : 'rejected',
      version,
      sha256: delta.sha256,
      rejectedOperations: delta.rejectedOperations + missing.length,
      ...(rejections.length > 0 ? { rejections } : {}),
    };
  });
}

function byLine(a: Rejection, b: Rejection): number {
  return a.line - b.line;
}
