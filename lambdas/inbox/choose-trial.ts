/** Which delta a merge must take alone after merges have failed. */
import type { Attempts, Trial } from '../../statemachine/contract.ts';
import type { Settings } from '../ports.ts';
import { deltaCap } from '../protocol/plan.ts';
import { commitLimits, type InboxObservation } from './observe-inbox.ts';
import { PATIENCE } from './read-deltas.ts';

/**
 * The oldest pending delta, if the next batch would consist of it alone. `null` before the first failure, and once
 * deltas have turned out to be unreadable: a merge skips those, so it would be unclear which delta a failure belongs
 * to.
 * @throws TableUnavailableError
 */
export async function chooseTrial(
  observation: InboxObservation,
  settings: Settings,
  { mergeFailures, inboxChanges }: Pick<Attempts, 'mergeFailures' | 'inboxChanges'>,
  before: Trial | null | undefined,
): Promise<Trial | null> {
  if (mergeFailures === 0 || inboxChanges >= PATIENCE) return null;
  const { maxDeltas, maxBytes } = commitLimits(settings);
  const cap = deltaCap(Math.min(maxDeltas, observation.pendingCount), mergeFailures);
  const [only, ...others] = await observation.batchAfter(0, { maxDeltas: cap, maxBytes });
  if (only === undefined || others.length > 0) return null;
  const { deltaId, etag } = only;
  const isSame = before?.deltaId === deltaId && before.etag === etag;
  return isSame ? before : { deltaId, etag, failures: 0 };
}
