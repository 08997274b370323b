/**
 * Adopt: hand a collection over to our own table, because the one that its pointer names is gone. A person decides
 * this, and names the table that is given up: nothing in the store distinguishes a lost table from another stack's.
 */

import { fencePointer } from '../commit/publish.ts';
import { InvalidInputError, PointerMovedError } from '../errors/errors.ts';
import type { Ports } from '../ports.ts';
import type { Pointer } from '../protocol/pointer.ts';
import { ownAddress } from '../versions/own-pointer.ts';
import { readPointer } from '../versions/read-pointer.ts';

export interface AdoptRequest {
  collection: string;
  /** The table that is given up: exactly the one that the pointer names. */
  from: string;
}

export interface Adopted {
  collection: string;
  /** False: the collection already belonged to our table. */
  changed: boolean;
  from: string;
  /** Our own table, with its identity. */
  to: string;
  version: number;
}

/**
 * The pointer is rewritten as by a fence, so that every swap planned under the other table fails. Entries of the ledger
 * get their statuses in the new table. Statuses of deltas that were already settled were in the lost table alone, so
 * they are gone for good.
 * @throws InvalidInputError (the pointer names another table than `from`), PointerMovedError (every race was lost),
 * ConditionalRequestConflictError, TableUnavailableError, StoreUnavailableError, and those of the pointer
 */
export async function adoptCollection(
  ports: Pick<Ports, 'clock' | 'ids' | 'statuses' | 'store' | 'telemetry'>,
  { collection, from }: AdoptRequest,
): Promise<Adopted> {
  const to = await ownAddress(ports);
  const runId = ports.ids.ulid();
  try {
    const { verdict: version, isFenced } = await fencePointer(ports, {
      collection,
      runId,
      read: () => readPointer(ports, collection),
      decide: async (pointer) => ({
        verdict: pointer.version,
        change: isToBeAdopted(pointer, from, to) ? { retainedFrom: pointer.retainedFrom, statusTable: to } : undefined,
      }),
    });
    if (isFenced) ports.telemetry.info('Adopted.', { collection, from, to, version });
    return { collection, changed: isFenced, from, to, version };
  } catch (error) {
    throw error instanceof PointerMovedError ? inUse(collection, error) : error;
  }
}

/** @throws InvalidInputError (it belongs to a third table) */
function isToBeAdopted({ collection, statusTable }: Pointer, from: string, to: string): boolean {
  if (statusTable === to) return false;
  if (statusTable === from) return true;
  throw new InvalidInputError(
    `"${collection}" belongs to table "${statusTable}", not to "${from}". Nothing was changed: make sure which table is ` +
      'gone, and name it exactly.',
  );
}

function inUse(collection: string, cause: unknown): PointerMovedError {
  return new PointerMovedError(
    `The pointer of "${collection}" kept moving while it was to be adopted: its table is in use. Stop the other stack first.`,
    { cause },
  );
}
