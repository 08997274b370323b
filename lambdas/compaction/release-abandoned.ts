/**
 * ReleaseAbandoned: releases lock and claim of an execution that was aborted, timed out or failed, and finds out
 * whether anything waits that had been delegated to it.
 */
import { z } from 'zod';
import type { ReleaseAbandonedInput, ReleaseAbandonedOutput } from '../../statemachine/contract.ts';
import { describeIssues } from '../errors/describe-issues.ts';
import { CollectionNotFoundError, InvalidInputError } from '../errors/errors.ts';
import { isAnythingWaiting } from '../inbox/find-work.ts';
import type { Ports } from '../ports.ts';
import { timeSlotName } from '../protocol/execution-name.ts';
import { checkCollection } from '../snapshot/keys.ts';
import { releaseHeld } from './release-held.ts';

const executionInput = z.object({ collection: z.string() });
/**
 * The input when people start it, and when it continues after a wait. AWS's own event has `executionArn`, and whatever
 * else AWS adds.
 */
const byHand = z.strictObject({
  execution: z.string(),
  collection: z.string(),
  releasedLock: z.boolean().optional(),
  releasedClaim: z.boolean().optional(),
  waiting: z.boolean().optional(),
  successorName: z.string().optional(),
  // Added by the machine's Catch, before the wait.
  error: z.unknown().optional(),
} satisfies Record<keyof ReleaseAbandonedOutput | 'error', z.ZodType>);

/**
 * An execution whose input names no collection ended before it did anything: it holds nothing, and nothing waits for
 * it.
 * @throws InvalidInputError (no execution is named, or its collection cannot be determined), StoreUnavailableError,
 * TableUnavailableError, ExecutionsUnavailableError, and those of the pointer
 */
export async function releaseAbandoned(ports: Ports, event: ReleaseAbandonedInput): Promise<ReleaseAbandonedOutput> {
  const execution = event?.executionArn ?? event?.execution;
  if (typeof execution !== 'string') {
    throw new InvalidInputError('No execution is named. Give "execution", its ARN, and "collection".');
  }
  const { error } = event.executionArn === undefined ? byHand.safeParse(event) : {};
  if (error !== undefined) {
    throw new InvalidInputError(
      `The input must be {"execution": "<its ARN>", "collection": "<name>"}: ${describeIssues(error, event)}.`,
    );
  }
  const collection = collectionOf(execution, event);
  if (collection === undefined) {
    const nothing = { releasedLock: false, releasedClaim: false, waiting: false };
    return { collection: null, execution, ...nothing, successorName: timeSlotName('none', ports.clock.now()) };
  }
  // Read the tokens first: if the execution is redriven meanwhile, it acquires new ones, and a release by the old ones
  // is refused.
  const item = await ports.locks.readLock(collection);
  const status = await ports.executions.status(execution);
  const isAlive = status === 'RUNNING' || status === 'PENDING_REDRIVE';
  const released = await releaseHeld(ports, collection, execution, isAlive ? undefined : item);
  // Only now: deltas delegated before the release are in this listing; later executions find no claim to delegate to.
  const waiting = !isAlive && (await isWaiting(ports, collection));
  return { collection, execution, ...released, waiting, successorName: timeSlotName(collection, ports.clock.now()) };
}

/**
 * `undefined`: the input is known and names no collection. PlanCompaction refuses such an input before it does anything
 * else.
 */
function collectionOf(execution: string, { collection, input }: ReleaseAbandonedInput): string | undefined {
  if (collection !== undefined) return checkCollection(collection);
  if (typeof input !== 'string') {
    throw new InvalidInputError(
      `The input of ${execution} is not part of the event, so its collection is unknown. Look it up in the execution, ` +
        'and start this machine with "execution" and "collection"; lock and claim expire by themselves.',
    );
  }
  try {
    return checkCollection(executionInput.parse(JSON.parse(input)).collection);
  } catch {
    return undefined;
  }
}

/** An execution for a collection that does not exist was right to fail, and leaves nothing to do. */
async function isWaiting(ports: Ports, collection: string): Promise<boolean> {
  try {
    return await isAnythingWaiting(ports, collection);
  } catch (error) {
    if (error instanceof CollectionNotFoundError) return false;
    throw error;
  }
}
