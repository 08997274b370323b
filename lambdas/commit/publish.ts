/**
 * The one place that moves a pointer: a swap, a rollback, an import and a correction publish a version; garbage
 * collection and adoption fence the pointer. Each is one conditional PUT on the ETag that was read when planning.
 * Safety rests on that alone; the lock around a swap merely saves work.
 */
import { retry } from '../concurrency/retry.ts';
import {
  ConditionalRequestConflictError,
  InvalidInputError,
  ObjectNotFoundError,
  PointerMovedError,
  PreconditionFailedError,
  StoreUnavailableError,
  SwapUnknownError,
} from '../errors/errors.ts';
import type { Ports } from '../ports.ts';
import { fenceViolations, refuse, swapViolations } from '../protocol/invariants.ts';
import { encodePointer, type Pointer, type ReadPointer } from '../protocol/pointer.ts';
import { fencedPointer } from '../protocol/retention.ts';
import { judgeSwap, type PlannedSwap, type SwapOutcome } from '../protocol/swap.ts';
import { pointerKey } from '../snapshot/keys.ts';
import { readPointer } from '../versions/read-pointer.ts';
import { whileCurrent } from '../versions/while-current.ts';
import { observeSuccessor } from './observe-successor.ts';

const SWAP_ATTEMPTS = 4;
const FENCE_ATTEMPTS = 10;

type PublishPorts = Pick<Ports, 'store' | 'clock' | 'ids'>;

/** The part of the pointer that a version builds on, as it was read when planning. */
export interface PublishBase
  extends Pick<
    Pointer,
    'collection' | 'version' | 'commitId' | 'token' | 'fence' | 'fencedBy' | 'retainedFrom' | 'statusTable'
  > {
  etag: string;
}

/** What is new in the version to publish. */
export interface NewVersion extends Pick<Pointer, 'commitId' | 'manifest' | 'records' | 'execution'> {
  /** The lock's token; without a lock, any higher number. */
  token: number;
  /** For messages: `commit`, `rollback`, ... */
  what: string;
}

/**
 * Publish the version after `base`.
 * @returns the pointer as it was written
 * @throws PointerMovedError (proven lost: the version can never be published any more), SwapUnknownError (nothing may
 * be discarded), InvariantViolatedError (nothing was written), and what reading the pointer throws
 */
export async function publishVersion(ports: PublishPorts, base: PublishBase, version: NewVersion): Promise<Pointer> {
  const { collection } = base;
  const { commitId, what } = version;
  const next = successorOf(base, version, ports.clock.now());
  refuse(`No ${what} of "${collection}" was published`, swapViolations(base, next));
  const outcome = await swap(ports, { baseVersion: base.version, baseEtag: base.etag, commitId }, next);
  if (outcome === 'committed') return next;
  if (outcome === 'conflict') {
    throw new PointerMovedError(
      `Another commit or a garbage collection replaced version ${base.version} of "${collection}" first. Rebase: plan again.`,
    );
  }
  throw new SwapUnknownError(
    `It is unknown whether ${what} ${commitId} of "${collection}" landed, so nothing is discarded. See: compactor ` +
      `versions ${collection}.`,
  );
}

function successorOf(base: PublishBase, version: NewVersion, now: number): Pointer {
  const { collection, fence, fencedBy, retainedFrom, statusTable } = base;
  const { commitId, manifest, records, execution, token } = version;
  return {
    ...{ collection, version: base.version + 1, commitId, manifest, token, fence, fencedBy, retainedFrom, statusTable },
    ...{ records, committedAt: new Date(now).toISOString(), execution },
  };
}

/** **The swap.** The same PUT each time, retried as long as it may still land. */
async function swap(ports: PublishPorts, planned: PlannedSwap, next: Pointer): Promise<SwapOutcome> {
  const body = encodePointer(next);
  const attempt = async () => {
    try {
      await ports.store.putIfMatch(pointerKey(next.collection), body, planned.baseEtag);
      return 'committed';
    } catch (error) {
      if (!leavesOpen(error)) throw error;
      const outcome = await judgeOutcome(ports, next.collection, planned);
      if (outcome === 'open') throw error;
      return outcome;
    }
  };
  try {
    return await retry(ports, SWAP_ATTEMPTS, attempt, leavesOpen);
  } catch (error) {
    if (leavesOpen(error)) return 'unknown';
    throw error;
  }
}

/**
 * Judge the outcome of a swap by the current pointer, including one of another table. @throws the errors of reading the
 * pointer
 */
export async function judgeOutcome(
  ports: Pick<Ports, 'store'>,
  collection: string,
  planned: PlannedSwap,
): Promise<SwapOutcome> {
  try {
    const current = await readPointer(ports, collection);
    const observed = await whileCurrent(ports, collection, current.etag, () =>
      observeSuccessor(ports, current, planned.baseVersion),
    );
    return judgeSwap(planned, observed);
  } catch (error) {
    // Also when a version on the walk was collected meanwhile: then it can no longer be determined whether it was ours.
    if (error instanceof StoreUnavailableError || error instanceof PointerMovedError) return 'unknown';
    throw error;
  }
}

export interface Fence<Verdict> {
  collection: string;
  /** A ULID that is used for this invocation only: a run recognises its own fence by it. */
  runId: string;
  read: () => Promise<ReadPointer>;
  /** Called again when the pointer moves. @param isFenced By this run: a write whose response was lost. */
  decide: (pointer: Pointer, isFenced: boolean) => Promise<Decision<Verdict>>;
}

export interface Decision<Verdict> {
  verdict: Verdict;
  /** What the fence changes besides its own fields. `undefined`: the pointer is left as it is. */
  change: { retainedFrom: number; statusTable?: string } | undefined;
}

/**
 * Rewrite the pointer under another ETag, so that every swap planned before fails.
 * @returns the verdict on the pointer that stands, and whether this run has fenced it
 * @throws InvalidInputError (`runId` was used before), PointerMovedError (every race was lost), InvariantViolatedError,
 * StoreUnavailableError, and what `read` and `decide` throw
 */
export async function fencePointer<Verdict>(
  ports: PublishPorts,
  { collection, runId, read, decide }: Fence<Verdict>,
): Promise<{ verdict: Verdict; isFenced: boolean }> {
  let isSent = false;
  const attempt = async () => {
    const { pointer, etag } = await read();
    // Our own write, whose response was lost. Later commits keep the id, whereas the number could be another run's.
    const isFenced = pointer.fencedBy === runId;
    if (isFenced && !isSent) {
      throw new InvalidInputError(`Run id ${runId} has fenced "${collection}" before. Use a new one for every run.`);
    }
    const { verdict, change } = await whileCurrent(ports, collection, etag, () => decide(pointer, isFenced));
    if (isFenced || change === undefined) return { verdict, isFenced };
    const { statusTable = pointer.statusTable } = change;
    const next = { ...fencedPointer(pointer, runId, change.retainedFrom), statusTable };
    refuse(`"${collection}" was not fenced`, fenceViolations(pointer, next));
    isSent = true;
    await ports.store.putIfMatch(pointerKey(collection), encodePointer(next), etag);
    return { verdict, isFenced: true };
  };
  try {
    return await retry(
      ports,
      FENCE_ATTEMPTS,
      attempt,
      (error) => leavesOpen(error) || error instanceof PointerMovedError,
    );
  } catch (cause) {
    // A store that does not answer says nothing about the pointer.
    const isLost = cause instanceof PreconditionFailedError || cause instanceof ConditionalRequestConflictError;
    if (!isLost) throw cause;
    throw new PointerMovedError(
      `The pointer of "${collection}" moved in each of ${FENCE_ATTEMPTS} attempts to fence it. Nothing was changed; try again.`,
      { cause },
    );
  }
}

const OPEN_FAILURES = [
  PreconditionFailedError,
  ConditionalRequestConflictError,
  ObjectNotFoundError,
  StoreUnavailableError,
] as const;

/** Is this a failed write of the pointer whose outcome must be judged by reading the pointer? */
function leavesOpen(error: unknown): boolean {
  return OPEN_FAILURES.some((failure) => error instanceof failure);
}
