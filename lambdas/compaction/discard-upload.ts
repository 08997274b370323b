/**
 * DiscardUpload: after a round that came to nothing. Counts the attempt, removes our own upload if it is proven that it
 * can never be published any more, and says how long to back off.
 */
import {
  type CompactionState,
  MAX_ALONE_FAILURES,
  MAX_BACKOFF_SECONDS,
  MAX_MERGE_FAILURES,
  MAX_REBASES,
  MAX_VACUUM_FAILURES,
  type Merge,
  type Trial,
} from '../../statemachine/contract.ts';
import { judgeOutcome } from '../commit/publish.ts';
import { MergeLimitError, RebaseLimitError } from '../errors/errors.ts';
import { messageInCause } from '../errors/lambda-cause.ts';
import type { Ports } from '../ports.ts';
import { backoffSeconds } from '../protocol/backoff.ts';
import { METRICS } from '../protocol/metrics.ts';
import { recordCommit, withCommit } from './record-commit.ts';

/** Errors that say nothing against the merge: the world moved on under it. */
const REBASE_ERRORS: ReadonlySet<string> = new Set([
  'PointerMovedError',
  'SwapUnknownError',
  'InboxChangedError',
  'StagingLostError',
]);
/** Of what a trial failed of, in characters: it goes into the state, the ledger and the report. */
const MAX_REASON_LENGTH = 300;
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
  const tried = hasFailed && !isRebase ? failedAlone(before.trial, error) : undefined;
  const mergeFailures = state.attempts.mergeFailures + Number(hasFailed && !isRebase && tried === undefined);
  const last = `The last was ${name}: ${(error?.Cause ?? 'no cause').slice(0, 500)}`;
  if (rebases > MAX_REBASES) {
    throw new RebaseLimitError(`"${collection}" was rebased ${MAX_REBASES} times without a commit. ${last}`);
  }
  if (mergeFailures > MAX_MERGE_FAILURES) {
    throw new MergeLimitError(`Merging into "${collection}" failed ${mergeFailures} times in a row. ${last}`);
  }
  if (state.vacuum === true && mergeFailures >= MAX_VACUUM_FAILURES) {
    throw new MergeLimitError(`Vacuuming "${collection}" failed ${mergeFailures} times; it is as it was. ${last}`);
  }
  ports.telemetry.metric(isRebase ? METRICS.rebase : METRICS.backoffAttempts, 1, { collection });
  const cap = name === DATA_ERROR ? 1 : MAX_BACKOFF_SECONDS;
  const attempt = isRebase ? rebases : mergeFailures + (tried?.failures ?? 0);
  return {
    ...state,
    trial: tried ?? state.trial ?? null,
    attempts: { ...state.attempts, rebases, mergeFailures, inboxChanges },
    backoffSeconds: backoffSeconds(attempt, ports.ids.random(), cap),
  };
}

/** `undefined`: it was no trial, or one that is decided already, so that the failure is somebody else's. */
function failedAlone(trial: Trial | null | undefined, error: CompactionState['error']): Trial | undefined {
  if (!trial || trial.failures >= MAX_ALONE_FAILURES) return undefined;
  const { Error: name = 'unknown', Cause: cause = '' } = error ?? {};
  return {
    ...trial,
    failures: trial.failures + 1,
    reason: `${name}: ${messageInCause(cause)}`.slice(0, MAX_REASON_LENGTH),
  };
}

async function discardIfProven(ports: Ports, state: CompactionState): Promise<CompactionState> {
  const { merge } = state;
  if (merge === null) return state;
  const { base, collection } = state;
  const planned = { baseVersion: base.version, baseEtag: base.etag, commitId: merge.commitId };
  const outcome = await judgeOutcome(ports, collection, planned);
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
