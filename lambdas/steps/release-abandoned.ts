/**
 * ReleaseAbandoned: frees lock and claim of an execution that was aborted, timed out or failed, and finds out whether
 * anything waits that the dead execution had promised to do.
 */
import { z } from 'zod';
import type { ReleaseAbandonedInput, ReleaseAbandonedOutput } from '../../statemachine/contract.ts';
import type { Ports } from '../ports.ts';
import { CollectionNotFoundError, InvalidInputError } from '../protocol/errors.ts';
import { timeSlotName } from '../protocol/names.ts';
import { checkCollection } from '../snapshot/keys.ts';
import { isAnythingWaiting } from './let-go.ts';
import { releaseHeld } from './release-held.ts';

const executionInput = z.object({ collection: z.string() });

/** @throws InvalidInputError, StoreUnavailableError, TableUnavailableError, and those of the pointer */
export async function releaseAbandoned(ports: Ports, event: ReleaseAbandonedInput): Promise<ReleaseAbandonedOutput> {
  const { execution } = event;
  const collection = checkCollection(event.collection ?? collectionOf(event));
  // Read the tokens first: if the execution is redriven meanwhile, it acquires new ones, and these are stale.
  const item = await ports.locks.readLock(collection);
  const status = await ports.executions.status(execution);
  const isAlive = status === 'RUNNING' || status === 'PENDING_REDRIVE';
  const released = await releaseHeld(ports, collection, execution, isAlive ? undefined : item);
  // Only now: whoever delegated before the release is seen here, whoever comes later finds no claim to delegate to.
  const waiting = !isAlive && (await isWaiting(ports, collection));
  return { collection, execution, ...released, waiting, successorName: timeSlotName(collection, ports.clock.now()) };
}

/** From the input that the dead execution was started with. */
function collectionOf({ execution, input = '' }: ReleaseAbandonedInput): string {
  try {
    return executionInput.parse(JSON.parse(input)).collection;
  } catch (cause) {
    throw new InvalidInputError(`${execution} had no valid input, so it can hold nothing.`, { cause });
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
