/**
 * The one write that publishes a version: a conditional PUT on the ETag that was read when planning, and the judgement of
 * what became of it when the answer is lost or looks like a conflict.
 */
import type { Ports } from '../ports.ts';
import {
  ConditionalRequestConflictError,
  ObjectNotFoundError,
  PreconditionFailedError,
  StoreUnavailableError,
} from '../protocol/errors.ts';
import { encodePointer, type Pointer } from '../protocol/pointer.ts';
import { judgeSwap, type PlannedSwap, type SwapOutcome } from '../protocol/swap.ts';
import { pointerKey } from '../snapshot/keys.ts';
import { observeSuccessor, readOwnPointer } from './read-pointer.ts';
import { jitteredWaitMs } from './waits.ts';

const ATTEMPTS = 4;
/** Failures of the write after which the pointer itself says what to do. */
const FAILURES = [
  PreconditionFailedError,
  ConditionalRequestConflictError,
  ObjectNotFoundError,
  StoreUnavailableError,
] as const;

/**
 * @param next What replaces the planned pointer: the same PUT each time, tried again while it may still land.
 * @returns `conflict` is proven; after `unknown` nothing may be discarded
 * @throws what reading the pointer throws
 */
export async function publishPointer(
  ports: Pick<Ports, 'store' | 'statuses' | 'clock' | 'ids'>,
  planned: PlannedSwap,
  next: Pointer,
): Promise<Exclude<SwapOutcome, 'open'>> {
  const body = encodePointer(next);
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    try {
      await ports.store.putIfMatch(pointerKey(next.collection), body, planned.baseEtag);
      return 'committed';
    } catch (error) {
      if (!FAILURES.some((failure) => error instanceof failure)) throw error;
      const outcome = await judgeOutcome(ports, next.collection, planned);
      if (outcome !== 'open') return outcome;
      await ports.clock.sleep(jitteredWaitMs(attempt, ports.ids.random()));
    }
  }
  return 'unknown';
}

/** What became of the swap, by the pointer as it is now. @throws what reading the pointer throws */
export async function judgeOutcome(
  ports: Pick<Ports, 'store' | 'statuses'>,
  collection: string,
  planned: PlannedSwap,
): Promise<SwapOutcome> {
  try {
    const current = await readOwnPointer(ports, collection);
    return judgeSwap(planned, await observeSuccessor(ports, current, planned.baseVersion));
  } catch (error) {
    if (error instanceof StoreUnavailableError) return 'unknown';
    throw error;
  }
}
