/**
 * PlanCompaction: what is current, and what waits. Off-lock, and starts every round from nothing. It writes at one time
 * only: when another execution is compacting, it wakes that one, and leaves to it what waits.
 */
import { z } from 'zod';
import {
  type CommitTotals,
  type CompactionState,
  NEXT,
  type Next,
  type PlanInput,
} from '../../statemachine/contract.ts';
import type { Ports } from '../ports.ts';
import { InvalidInputError } from '../protocol/errors.ts';
import { checkCollection } from '../snapshot/keys.ts';
import { delegateUnlocked } from './delegate.ts';
import { listInbox, observeForPlan } from './observe-inbox.ts';
import { loadCurrentBeside } from './read-pointer.ts';

/** The execution's input; on later rounds, with the state's own `execution`. */
const input = z.object({ collection: z.string(), execution: z.string().optional() });

const NO_COMMITS: CommitTotals = {
  commits: 0,
  deltas: 0,
  operations: 0,
  rejectedOperations: 0,
  changedBytes: 0,
  uploadedBytes: 0,
};

/** No cache: it is not mounted here. */
type PlanPorts = Pick<Ports, 'clock' | 'locks' | 'settings' | 'statuses' | 'store' | 'telemetry'>;

/**
 * @throws InvalidInputError, CollectionNotFoundError, PointerMissingError, ForeignStoreError, CorruptObjectError,
 * StoreUnavailableError, TableUnavailableError
 */
export async function planCompaction(ports: PlanPorts, { input: raw, execution }: PlanInput): Promise<CompactionState> {
  const parsed = input.safeParse(raw);
  if (!parsed.success) {
    throw new InvalidInputError(
      `The execution's input must be {"collection": "<name>"}: ${z.prettifyError(parsed.error)}`,
    );
  }
  const collection = checkCollection(parsed.data.collection);
  // Carried over: nothing but tokens, counts and own commits; and only by this execution, since its input is anybody's.
  const before: Partial<CompactionState> = parsed.data.execution === execution ? (raw as CompactionState) : {};
  const [current, inbox] = await loadCurrentBeside(ports, collection, () => listInbox(ports, collection));
  const { pointer, etag } = current;
  const observation = await observeForPlan(ports, collection, current.manifest.ledger, inbox);
  const { pendingCount: pending, decided, unreported } = observation;
  const leftovers = decided.length + unreported.length;
  const { rebases = 0, mergeFailures = 0, rounds = 0, inboxChanges = 0 } = before.attempts ?? {};
  // A claim is let go of in FinishCompaction, which makes sure that nobody delegated to it in vain; after the first
  // round there may be one that the state does not know of, because the response was lost.
  const idle = leftovers > 0 || rounds > 0 ? NEXT.finish : NEXT.nothing;
  const next = pending > 0 ? await mergeOrDelegate(ports, collection, execution) : idle;
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
    },
    plannedAt: ports.clock.now(),
    pending,
    leftovers,
    lock: null,
    // Delegating, we hold none: the item says so, whatever an earlier round believed.
    claim: next === NEXT.delegated ? null : (before.claim ?? null),
    merge: null,
    committed: before.committed ?? null,
    totals: before.totals ?? NO_COMMITS,
    held: before.held ?? { validationMs: 0, swapMs: 0, claimMs: 0 },
  };
}

/** After the inbox was read, and before any lock: whoever can delegate here neither takes the lock nor waits for it. */
async function mergeOrDelegate(ports: PlanPorts, collection: string, execution: string): Promise<Next> {
  return (await delegateUnlocked(ports, collection, execution)) ? NEXT.delegated : NEXT.merge;
}
