/** Applies deltas to an open engine, and verifies the result by reading it back. */

import { MergeVerificationError } from '../errors/errors.ts';
import { operationsLeft, type ReadDelta } from '../inbox/read-deltas.ts';
import type { EngineSession, Space } from '../ports.ts';
import { type MergePlan, planMerge } from '../protocol/merge-plan.ts';
import { type LedgerEntry, MAX_REJECTIONS_PER_DELTA, type Rejection } from '../snapshot/ledger.ts';
import { abbreviated } from '../snapshot/operation.ts';
import { Presence } from './presence.ts';
import { replayRequests } from './replay-requests.ts';

/** What became of all the deltas together. */
export type Merged = Pick<MergePlan, 'applied' | 'rejections' | 'missingDeletes' | 'growth'>;

/** The result of merging no deltas. */
export function nothingMerged(): Merged {
  return { applied: new Map(), rejections: new Map(), missingDeletes: 0, growth: 0 };
}

/** Rejections that one manifest lists; of any more, only the number is kept. */
const MAX_REJECTIONS_PER_COMMIT = 2_000;

interface MergedCollection {
  collection: string;
  space: Space;
  dimension: number;
  /** Records before the merge. */
  records: number;
}

/**
 * @param ready Awaited once everything is read and before the first write; if it rejects, this function throws its
 * error.
 * @throws MergeVerificationError, EngineRejectedDataError, EngineUnavailableError: in each case the directory must be
 * discarded or repaired
 */
export async function applyDeltas(
  session: EngineSession,
  shape: MergedCollection,
  deltas: readonly ReadDelta[],
  ready: () => Promise<void> = async () => {},
): Promise<Merged> {
  await session.useCollection(shape.collection, shape);
  return applyInOrder(session, shape, deltas, ready);
}

/** The same for a session whose collection is already open. */
export async function applyInOrder(
  session: EngineSession,
  shape: MergedCollection,
  deltas: readonly ReadDelta[],
  ready: () => Promise<void> = async () => {},
): Promise<Merged> {
  await expectCount(session, shape.records, 'before the merge');
  const touched = [...new Set(deltas.flatMap(idsOf))];
  const presence = new Presence(await session.existing(touched));
  await ready();
  const plan = nothingMerged();
  for (const stretch of inStretches(deltas)) {
    if (Array.isArray(stretch)) await applyOperations(session, stretch, presence, plan);
    else await replayRequests(session, stretch, presence, plan);
  }
  plan.growth = presence.growth;
  await expectCount(session, shape.records + plan.growth, 'after the merge');
  const present = await session.existing(touched);
  const wrong = touched.find((id) => present.has(id) !== presence.present.has(id));
  if (wrong !== undefined) {
    throw new MergeVerificationError(
      `After the merge, record "${abbreviated(wrong)}" of "${shape.collection}" is ${present.has(wrong) ? 'present' : 'absent'}, ` +
        'which is not what its operations say. Nothing was published; the merge is tried again.',
    );
  }
  return plan;
}

/**
 * Splits the deltas in their order: consecutive deltas of operations are folded together, each delta of requests stands
 * by itself.
 */
function inStretches(deltas: readonly ReadDelta[]): Array<ReadDelta[] | ReadDelta> {
  const stretches: Array<ReadDelta[] | ReadDelta> = [];
  for (const delta of deltas) {
    const last = stretches.at(-1);
    if (delta.requests !== undefined) stretches.push(delta);
    else if (Array.isArray(last)) last.push(delta);
    else stretches.push([delta]);
  }
  return stretches;
}

/** Folds the operations and sends them in few calls. What became of them is added to `whole`. */
async function applyOperations(
  session: EngineSession,
  deltas: readonly ReadDelta[],
  presence: Presence,
  whole: Merged,
): Promise<void> {
  const plan = planMerge(deltas, presence.present);
  if (plan.deletes.length > 0) await session.remove(plan.deletes);
  if (plan.updates.length > 0) await session.update(plan.updates);
  if (plan.upserts.length > 0) await session.upsert(plan.upserts);
  for (const [id, isThere] of plan.present) presence.set(id, isThere);
  for (const [deltaId, applied] of plan.applied) whole.applied.set(deltaId, applied);
  for (const [deltaId, rejections] of plan.rejections) whole.rejections.set(deltaId, rejections);
  whole.missingDeletes += plan.missingDeletes;
}

function idsOf({ operations, requests = [] }: ReadDelta): string[] {
  return [...operations.map(({ id }) => id), ...requests.flatMap(({ ids }) => ids)];
}

async function expectCount(session: EngineSession, expected: number, when: string): Promise<void> {
  const actual = await session.count();
  if (actual === expected) return;
  throw new MergeVerificationError(
    `The engine counts ${actual} records ${when}, not ${expected}. Nothing was published; the merge is tried again.`,
  );
}

/** Ledger entries of a commit: what became of each delta. */
export function outcomes(version: number, deltas: readonly ReadDelta[], plan: Merged): LedgerEntry[] {
  let room = MAX_REJECTIONS_PER_COMMIT;
  return deltas.map((delta): LedgerEntry => {
    const applied = plan.applied.get(delta.deltaId) ?? 0;
    const missing = plan.rejections.get(delta.deltaId) ?? [];
    const rejections = [...delta.rejections, ...missing]
      .sort(byLine)
      .slice(0, Math.min(MAX_REJECTIONS_PER_DELTA, room));
    room -= rejections.length;
    return {
      deltaId: delta.deltaId,
      outcome: applied > 0 ? 'applied' : 'rejected',
      version,
      sha256: delta.sha256,
      rejectedOperations: delta.rejectedOperations + operationsLeft(delta) - applied,
      ...(rejections.length > 0 ? { rejections } : {}),
    };
  });
}

function byLine(a: Rejection, b: Rejection): number {
  return a.line - b.line;
}
