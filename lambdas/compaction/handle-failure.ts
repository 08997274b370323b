/**
 * HandleFailure: the last step of a failing execution. Releases lock and claim, so that others need not wait for their
 * expiry.
 */
import { z } from 'zod';
import type { HandleFailureInput } from '../../statemachine/contract.ts';
import { InvalidInputError } from '../errors/errors.ts';
import type { Ports } from '../ports.ts';
import { checkCollection } from '../snapshot/keys.ts';
import { type Released, releaseHeld } from './release-held.ts';

const input = z.object({ collection: z.string() });

/** If PlanCompaction itself failed, there is no state yet, only the execution's input. */
export async function handleFailure(ports: Ports, failure: HandleFailureInput): Promise<Released> {
  const parsed = input.safeParse(failure.input);
  if (!parsed.success) throw new InvalidInputError('The execution had no valid input, so it can hold nothing.');
  const collection = checkCollection(parsed.data.collection);
  const item = await ports.locks.readLock(collection);
  const released = await releaseHeld(ports, collection, failure.execution, item);
  ports.telemetry.warn('The execution fails; what it held is released.', { collection, ...released });
  return released;
}
