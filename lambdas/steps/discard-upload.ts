/**
 * DiscardUpload: after a round that came to nothing. Counts the attempt, removes our own upload if it is proven that it
 * can never be published any more, and says how long to back off.
 */
import {
  type CompactionState,
  MAX_BACKOFF_SECONDS,
  MAX_MERGE_FAILURES,
  MAX_REBASES,
  type Merge,
} from '../../statemachine/contract.ts';
import type { Ports } from '../ports.ts';
import { backoffSeconds } from '../protocol/backoff.ts';
import { MergeLimitError, RebaseLimitError } from '../protocol/errors.ts';
import { METRICS } from '../protocol/metrics.ts';
import { recordCommit } from './finish-compaction.ts';
import { judge, withCommit } from './swap-pointer.ts';

/** Errors that say nothing against the merge: the world moved on under it. */
const REBASE_ERRORS: ReadonlySet<string> = new Set([
  'PointerMovedError',
  'SwapUnknownError',
  'InboxChangedError',
  'StagingLostError',
]);
/** A smaller batch is tried at once: there is nothing to wait for. */
const DATA_ERROR = 'EngineRejectedDataError';

/** @throws RebaseLimitError, MergeLimitError, StoreUnavailableError, and those of the pointer */
export async function discardUpload(ports: Ports, before: CompactionState): Promise<CompactionState> {
  const state = await discardIfProven(ports, before);
  const { collection, error } = state;
  const name = error?.Error ?? 'unknown';
  // With a merge in hand it was not the merge that failed, whatever did.
  const isRebase = before.merge !== null || REBASE_ERRORS.has(name);
  const inboxChanges = state.attempts.inboxChanges + Number(name === 'InboxChangedError');
  // A swap that turns out to have landed is no failure.
  const hasFailed = state.totals.commits === before.totals.commits;
  const rebases = state.attempts.rebases + Number(hasFailed && isRebase);
  const mergeFailures = state.attempts.mergeFailures + Number(hasFailed && !isRebase);
  const last = `The last was ${name}: ${(error?.Cause ?? 'no cause').slice(0, 500)}`;
  if (rebases > MAX_REBASES) {
    throw new RebaseLimitError(`"${collection}" was rebased ${MAX_REBASES} times without a commit. ${last}`);
  }
  if (mergeFailures > MAX_MERGE_FAILURES) {
    throw new MergeLimitError(`Merging into "${collection}" failed ${mergeFailures} times in a row. ${last}`);
  }
  ports.telemetry.metric(isRebase ? METRICS.rebase : METRICS.backoffAttempts, 1, { collection });
  const cap = name === DATA_ERROR ? 1 : MAX_BACKOFF_SECONDS;
  const attempt = isRebase ? rebases : mergeFailures;
  return {
    ...state,
    attempts: { ...state.attempts, rebases, mergeFailures, inboxChanges },
    backoffSeconds: backoffSeconds(attempt, ports.ids.random(), cap),
  };
}

async function discardIfProven(ports: Ports, state: CompactionState): Promise<CompactionState> {
  const { merge } = state;
  if (merge === null) return state;
  const outcome = await judge(ports, state, merge);
  if (outcome === 'committed') {
    recordCommit(ports, state.collection, merge);
    return withCommit(state, merge);
  }
  // Proven: the swap presents an ETag that is gone for ever. Anything less deletes nothing; garbage collection will.
  if (outcome === 'conflict') await discard(ports, merge);
  try {
    await ports.cache.discardStaged(state.collection, merge.commitId);
  } catch (error) {
    ports.telemetry.warn('Staging could not be removed; it is pruned by age.', { reason: String(error) });
  }
  return { ...state, merge: null };
}

/** The manifest first: as long as it is there, what it refers to is. */
async function discard(ports: Ports, merge: Merge): Promise<void> {
  await ports.store.delete(merge.manifest.key);
  if (merge.pack !== null) await ports.store.delete(merge.pack.key);
}
