/**
 * ReleaseAbandoned: frees lock and claim of an execution that was aborted, timed out or failed, and finds out whether
 * anything waits that the dead execution had promised to do.
 */
import { z } from 'zod';
import type { ReleaseAbandonedInput, ReleaseAbandonedOutput } from '../../statemachine/contract.ts';
import { describeIssues } from '../errors/describe-issues.ts';
import { CollectionNotFoundError, InvalidInputError } from '../errors/errors.ts';
import { isAnythingWaiting } from '../inbox/find-work.ts';
import type { Ports } from '../ports.ts';
import { timeSlotName } from '../protocol/names.ts';
import { checkCollection } from '../snapshot/keys.ts';
import { releaseHeld } from './release-held.ts';

const executionInput = z.object({ collection: z.string() });
/** As people start it, and as it goes on after a wait. AWS's own event has `executionArn`, and whatever AWS adds. */
const byHand = z.strictObject({
  execution: z.string(),
  collection: z.string(),
  releasedLock: z.boolean().optional(),
  releasedClaim: z.boolean().optional(),
  waiting: z.boolean().optional(),
  successorName: z.string().optional(),
  // By the machine's Catch, before the wait.
  error: z.unknown().optional(),
} satisfies Record<keyof ReleaseAbandonedOutput | 'error', z.ZodType>);

/**
 * An execution whose input names no collection has ended before it touched anything: nothing is held, and nothing waits.
 * @throws InvalidInputError (no execution is named, or nothing tells its collection), StoreUnavailableError,
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
  // Read the tokens first: if the execution is redriven meanwhile, it acquires new ones, and these are stale.
  const item = await ports.locks.readLock(collection);
  const status = await ports.executions.status(execution);
  const isAlive = status === 'RUNNING' || status === 'PENDING_REDRIVE';
  const released = await releaseHeld(ports, collection, execution, isAlive ? undefined : item);
  // Only now: delegations before the release are seen here, later executions find no claim to delegate to.
  const waiting = !isAlive && (await isWaiting(ports, collection));
  return { collection, execution, ...released, waiting, successorName: timeSlotName(collection, ports.clock.now()) };
}

/** `undefined`: its input is known, and names no collection, which PlanCompaction refuses before anything else. */
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

/** An execution for a collection that does not exist has failed as it should, and leaves nothing to do. */
async function isWaiting(ports: Ports, collection: string): Promise<boolean> {
  try {
    return await isAnythingWaiting(ports, collection);
  } catch (error) {
    if (error instanceof CollectionNotFoundError) return false;
    throw error;
  }
}
