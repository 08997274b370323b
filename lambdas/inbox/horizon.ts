/**
 * How far the inbox has to be listed for the next commit. A listing is by key and deltas are taken by arrival, so only a
 * whole listing tells which are the oldest; but once it has told, a part of it is enough for the commits that follow.
 */
import type { Horizon } from '../../statemachine/contract.ts';
import { type BatchLimits, type InboxEntry, selectBatch } from '../protocol/plan.ts';
import { numberIn } from '../snapshot/log-number.ts';

/**
 * One horizon for each full commit, in order; none for the rest, so that a commit that is not full sees what has come
 * meanwhile.
 * @param waiting Of a whole listing, in the order of application.
 */
export function horizonsOf(waiting: readonly InboxEntry[], limits: BatchLimits, most: number): Horizon[] {
  const horizons: Horizon[] = [];
  let [to, until] = ['', 0];
  for (let end = 0; horizons.length < most; ) {
    const batch = selectBatch(waiting.slice(end, end + limits.maxDeltas), limits);
    end += batch.length;
    if (batch.length === 0 || end === waiting.length) break;
    for (const { deltaId, lastModified } of batch) {
      if (deltaId > to) to = deltaId;
      // The place of a number does not depend on when it came.
      if (numberIn(deltaId) === undefined) until = Math.max(until, lastModified);
    }
    horizons.push({ to, until, behind: waiting.length - end });
  }
  return horizons;
}

/**
 * What may be taken of a listing up to the horizon, so that nothing is taken before a delta that lies beyond it: what has
 * arrived later, under whatever key, waits for a whole listing.
 */
export function withinHorizon(inbox: readonly InboxEntry[], { until }: Horizon): InboxEntry[] {
  return inbox.filter(({ deltaId, lastModified }) => numberIn(deltaId) !== undefined || lastModified <= until);
}
