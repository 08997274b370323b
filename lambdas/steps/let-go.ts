/**
 * Letting go of the claim without leaving anybody's delta behind. Executions that delegated have left and rely on the
 * claimant to look again, so the claim is released only on condition that nobody has delegated since the look.
 */
import { type CompactionState, MAX_ROUNDS } from '../../statemachine/contract.ts';
import type { Ports } from '../ports.ts';
import { ObjectNotFoundError, PreconditionFailedError, StoreUnavailableError } from '../protocol/errors.ts';
import { METRICS } from '../protocol/metrics.ts';
import { successorName } from '../protocol/names.ts';
import type { InboxEntry } from '../protocol/plan.ts';
import { hashObject } from './create-once.ts';
import { listPages } from './observe-inbox.ts';
import { PATIENCE } from './read-deltas.ts';
import { loadCurrentBeside } from './read-pointer.ts';
import { releaseHeld } from './release-held.ts';

/**
 * `gone`: nothing waits and the claim is not ours any more. `more`: plan again. `unsure`: the same, and count that a delta
 * could not be read. `handed-over`: a successor runs.
 */
export type Farewell = 'gone' | 'more' | 'unsure' | 'handed-over';

/** @throws StoreUnavailableError, TableUnavailableError, and those of the pointer */
export async function letGo(ports: Ports, state: CompactionState): Promise<Farewell> {
  const { collection, execution } = state;
  if (state.attempts.rounds >= MAX_ROUNDS) return handOver(ports, state);
  for (;;) {
    const item = await ports.locks.readLock(collection);
    // By the item, not by the state: a claim whose response was lost is ours all the same.
    const token = item?.claimOwner === execution ? item.claimToken : undefined;
    // The listing begins after the read: whoever delegates later changes `wake`, and the release below is refused.
    const { isSome, unreadable } = await findWork(ports, collection);
    if (isSome) return 'more';
    if (unreadable.length > 0 && state.attempts.inboxChanges < PATIENCE) return 'unsure';
    passOver(ports, unreadable);
    if (token === undefined) return 'gone';
    if (await ports.locks.releaseClaim(collection, { owner: execution, token }, item?.wake ?? 0)) {
      recordClaim(ports, state);
      return 'gone';
    }
  }
}

/** Step Functions ends an execution at 25,000 events: release first, then start a successor, which will look. */
async function handOver(ports: Ports, state: CompactionState): Promise<Farewell> {
  const { collection, execution } = state;
  const item = await ports.locks.readLock(collection);
  const { releasedClaim } = await releaseHeld(ports, collection, execution, item);
  if (releasedClaim) recordClaim(ports, state);
  await ports.executions.start(successorName(collection, execution), { collection });
  return 'handed-over';
}

/** Is there work that an execution could do? A delta that cannot be read is none. */
export async function isAnythingWaiting(ports: Ports, collection: string): Promise<boolean> {
  const { isSome, unreadable } = await findWork(ports, collection);
  if (!isSome) passOver(ports, unreadable);
  return isSome;
}

interface Work {
  isSome: boolean;
  /** Keys of deltas that cannot be read; complete when there is no work. */
  unreadable: string[];
}

/**
 * Every readable object in the inbox is work, pending or decided, so that the first one answers; only of an inbox without
 * any are statuses read, those of the ledger.
 */
async function findWork(ports: Ports, collection: string): Promise<Work> {
  const unreadable: string[] = [];
  const lookForReadable = () => holdsReadable(ports, collection, unreadable);
  const [{ manifest }, isReadable] = await loadCurrentBeside(ports, collection, lookForReadable);
  if (isReadable) return { isSome: true, unreadable };
  const ids = manifest.ledger.map((entry) => entry.deltaId);
  const statuses = await ports.statuses.getStatuses(collection, ids);
  return { isSome: ids.some((deltaId) => !statuses.has(deltaId)), unreadable };
}

function passOver(ports: Ports, unreadable: readonly string[]): void {
  for (const key of unreadable) {
    ports.telemetry.warn('A delta stays unreadable; it does not count as work.', { key });
  }
}

async function holdsReadable(ports: Ports, collection: string, unreadable: string[]): Promise<boolean> {
  for await (const page of listPages(ports, collection)) {
    for (const entry of page) if (await isReadable(ports, entry, unreadable)) return true;
  }
  return false;
}

/** Read whole, as a merge would have to: an object that only begins well is no work either. */
async function isReadable(ports: Ports, entry: InboxEntry, unreadable: string[]): Promise<boolean> {
  try {
    await hashObject(ports, entry);
    return true;
  } catch (error) {
    if (error instanceof PreconditionFailedError) return true;
    if (error instanceof ObjectNotFoundError) return false;
    if (!(error instanceof StoreUnavailableError)) throw error;
    unreadable.push(entry.key);
    return false;
  }
}

function recordClaim(ports: Ports, { collection, claim }: CompactionState): void {
  if (claim === null) return;
  ports.telemetry.metric(METRICS.claimDuration, Math.max(0, ports.clock.now() - claim.takenAt), { collection });
}
