/**
 * PlanCompaction: finds out what is current and what waits. Runs without the lock and starts every round from scratch.
 * It writes in two cases only: if another execution is compacting, it wakes that one and leaves the waiting deltas to
 * it; and it gives the table an identity if it has none.
 */
import { z } from 'zod';
import {
  type CommitTotals,
  type CompactionState,
  type Horizon,
  MAX_ROUNDS,
  NEXT,
  type Next,
  type PlanInput,
} from '../../statemachine/contract.ts';
import { describeIssues } from '../errors/describe-issues.ts';
import { InvalidInputError } from '../errors/errors.ts';
import { chooseTrial } from '../inbox/choose-trial.ts';
import { loadCurrentInbox } from '../inbox/current-inbox.ts';
import { horizonsOf } from '../inbox/horizon.ts';
import { commitLimits, type InboxObservation, observeForPlan } from '../inbox/observe-inbox.ts';
import type { Ports } from '../ports.ts';
import { checkCollection } from '../snapshot/keys.ts';
import { isFragmented } from '../snapshot/rewrite.ts';
import type { CurrentVersion } from '../versions/load-current.ts';
import { withIdentity } from '../versions/own-pointer.ts';
import { delegateUnlocked } from './delegate.ts';

/** The input of later rounds. */
const state = z.object({
  collection: z.string(),
  execution: z.string().optional(),
  vacuum: z.boolean().optional(),
});
/**
 * The input with which people and triggers start an execution. It is strict, so that a misspelt `vacuum` does not
 * become a compaction. An input that names an execution is a state: either this execution's own, or that of another
 * execution with whose state this one was started, which is then ignored.
 */
const started = z.strictObject({
  collection: z.string(),
  vacuum: z.boolean().optional(),
  // By convention, from another state machine, so that the console links the two.
  AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID: z.string().optional(),
});

const NO_COMMITS: CommitTotals = {
  commits: 0,
  deltas: 0,
  operations: 0,
  rejectedOperations: 0,
  changedBytes: 0,
  uploadedBytes: 0,
};

/** Without a cache, because this function does not mount it. */
type PlanPorts = Pick<Ports, 'clock' | 'ids' | 'locks' | 'settings' | 'statuses' | 'store' | 'telemetry'>;

/**
 * @throws InvalidInputError, CollectionNotFoundError, PointerMissingError, ForeignStoreError, CorruptObjectError,
 * StoreUnavailableError, TableUnavailableError
 */
export async function planCompaction(ports: PlanPorts, { input: raw, execution }: PlanInput): Promise<CompactionState> {
  const isState = typeof raw === 'object' && raw !== null && 'execution' in raw;
  const parsed = (isState ? state : started).safeParse(raw);
  if (!parsed.success) {
    throw new InvalidInputError(
      'The execution\'s input must be {"collection": "<name>"}, with "vacuum": true for a vacuum: ' +
        describeIssues(parsed.error, raw),
    );
  }
  const collection = checkCollection(parsed.data.collection);
  // Only tokens, counts and own commits are carried over, and only from this execution's own state: anybody can pass
  // any input to a new one.
  const before: Partial<CompactionState> =
    isState && (raw as CompactionState).execution === execution ? (raw as CompactionState) : {};
  const { rebases = 0, mergeFailures = 0, rounds = 0, inboxChanges = 0 } = before.attempts ?? {};
  const vacuum = parsed.data.vacuum === true;
  const look = await lookAt(ports, collection, vacuum ? [] : horizonsLeft(before));
  const { observation, statusTable } = look;
  const { pointer, etag } = look.current;
  const { decided, unreported, horizon } = observation;
  const pending = observation.pendingCount + (horizon?.behind ?? 0);
  const leftovers = decided.length + unreported.length;
  // The claim is released in FinishCompaction, which makes sure that no execution delegated in vain. After the first
  // round there may be a claim that the state does not know of, because its response was lost.
  const idle = leftovers > 0 || rounds > 0 ? NEXT.finish : NEXT.nothing;
  // Only when nothing waits: no delta waits for a defragmentation that has not begun (ADR 58).
  const isDue = pending === 0 && isFragmented(look.current.manifest, ports.settings.scale);
  const next = pending > 0 || vacuum || isDue ? await mergeOrDelegate(ports, collection, execution) : idle;
  const trial = vacuum
    ? null
    : await chooseTrial(observation, ports.settings, { mergeFailures, inboxChanges }, before.trial);
  // After a failure nothing is taken for granted.
  const isCalm = !vacuum && mergeFailures === 0 && inboxChanges === 0;
  const horizons = isCalm ? look.horizons : [];
  return {
    collection,
    execution,
    next,
    attempts: { rebases, mergeFailures, rounds: rounds + 1, inboxChanges, lockLosses: 0 },
    base: {
      version: pointer.version,
      etag,
      commitId: pointer.commitId,
      token: pointer.token,
      fence: pointer.fence,
      fencedBy: pointer.fencedBy,
      retainedFrom: pointer.retainedFrom,
      manifest: pointer.manifest,
      statusTable,
    },
    plannedAt: ports.clock.now(),
    pending,
    ...(horizons.length > 0 && { horizons }),
    leftovers,
    lock: null,
    // When delegating we hold no claim: the item says so, whatever an earlier round recorded.
    claim: next === NEXT.delegated ? null : (before.claim ?? null),
    merge: null,
    ...(vacuum && { vacuum }),
    trial,
    committed: before.committed ?? null,
    totals: before.totals ?? NO_COMMITS,
    held: before.held ?? { validationMs: 0, swapMs: 0, claimMs: 0 },
  };
}

interface Look {
  current: CurrentVersion;
  statusTable: string;
  observation: InboxObservation;
  /** Of this round and those after it. */
  horizons: Horizon[];
}

/** Up to the first horizon, if there is one and anything to take before it; otherwise at the whole inbox. */
async function lookAt(ports: PlanPorts, collection: string, horizons: Horizon[]): Promise<Look> {
  const [horizon] = horizons;
  const [current, inbox] = await loadCurrentInbox(ports, collection, horizon?.to);
  const statusTable = await withIdentity(ports, current.pointer.statusTable);
  const observation = await observeForPlan(ports, collection, current.manifest, inbox, horizon);
  if (horizon === undefined) {
    const made = horizonsOf(observation.waiting, commitLimits(ports.settings), MAX_ROUNDS);
    return { current, statusTable, observation, horizons: made };
  }
  if (observation.pending.length > 0) return { current, statusTable, observation, horizons };
  return lookAt(ports, collection, []);
}

/** The next ones, if the round before ended with a commit, and none has failed. */
function horizonsLeft({ horizons = [], merge, committed, attempts }: Partial<CompactionState>): Horizon[] {
  const isCommitted = merge != null && merge.commitId === committed?.commitId;
  const isCalm = attempts?.mergeFailures === 0 && attempts.inboxChanges === 0;
  return isCommitted && isCalm ? horizons.slice(1) : [];
}

/**
 * After reading the inbox and before taking any lock: an execution that can delegate here neither takes the lock nor
 * waits for it.
 */
async function mergeOrDelegate(ports: PlanPorts, collection: string, execution: string): Promise<Next> {
  return (await delegateUnlocked(ports, collection, execution)) ? NEXT.delegated : NEXT.merge;
}
