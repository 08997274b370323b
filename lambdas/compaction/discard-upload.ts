/**
 * DiscardUpload: cleans up after a failed round. Counts the attempt, deletes our own upload if it is proven that it can
 * never be published, and sets the backoff.
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

/** Errors that do not count against the merge: its inputs changed meanwhile. */
const REBASE_ERRORS: ReadonlySet<string> = new Set([
  'PointerMovedError',
  'SwapUnknownError',
  'InboxChangedError',
  'StagingLostError',
]);
/** Longest reason of a failed trial, in characters: it goes into the state, the ledger and the report. */
const MAX_REASON_LENGTH = 300;
/** A smaller batch is tried without a wait: waiting would not help it. */
const DATA_ERROR = 'EngineRejectedDataError';

/** @throws RebaseLimitError, MergeLimitError, StoreUnavailableError, and those of the pointer */
export async function discardUpload(ports: Ports, before: CompactionState): Promise<CompactionState> {
  const state = await discardIfProven(ports, before);
  const { collection, error } = state;
  const name = error?.Error ?? 'unknown';
  // If the state has a merge, some later step failed.
  const isRebase = before.merge !== null || REBASE_ERRORS.has(name);
  const inboxChanges = state.attempts.inboxChanges + Number(name === 'InboxChangedError');
  // If the swap turns out to have landed, there was no failure.
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

/** `undefined`: it was not a trial, or the delta was decided meanwhile, so the failure had another cause. */
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
  // Proven means that the swap's ETag can never be current again. Without that proof nothing is deleted here; garbage
  // collection will do it.
  if (outcome === 'conflict') await discard(ports, merge);
  try {
    await ports.cache.discardStaged(state.collection, merge.commitId);
  } catch (error) {
    ports.telemetry.warn('Staging could not be removed; it is pruned by age.', { reason: String(error) });
  }
  return { ...state, merge: null };
}

/** The manifest first, so that a manifest never outlives what it refers to. */
async function discard(ports: Ports, merge: Merge): Promise<void> {
  await ports.store.delete(merge.manifest.key);
  if (merge.pack !== null) await ports.store.delete(merge.pack.key);
}
