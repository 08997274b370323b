/** The producer's part: put one delta into the inbox, once, and find out what became of it. */

import { InvalidInputError, KeyCollisionError } from '../errors/errors.ts';
import { createOnce } from '../objects/create-once.ts';
import type { Ports } from '../ports.ts';
import { sha256 } from '../snapshot/blocks.ts';
import { checkDeltaId, deltaKey } from '../snapshot/keys.ts';
import type { DeltaStatus } from '../snapshot/ledger.ts';
import { numberIn } from '../snapshot/log-number.ts';
import { readPointer } from '../versions/read-pointer.ts';

export interface Submission {
  collection: string;
  deltaId: string;
  body: Uint8Array;
}

/**
 * Put a delta into the inbox. Sending the same content under the same id again succeeds, however often.
 * @throws CollectionNotFoundError, InvalidInputError, KeyCollisionError (other content waits under this id)
 */
export async function putDelta(
  ports: Pick<Ports, 'store' | 'clock' | 'ids'>,
  { collection, deltaId, body }: Submission,
): Promise<{ deltaId: string; sha256: string }> {
  checkDeltaId(deltaId);
  if (numberIn(deltaId) !== undefined) {
    throw new InvalidInputError(
      `"${deltaId}" is a number of the collection's log, which endpoints write. Use another id.`,
    );
  }
  await readPointer(ports, collection);
  const digest = sha256(body);
  await createOnce(ports, deltaKey(collection, deltaId), body, digest);
  return { deltaId, sha256: digest };
}

/**
 * What became of a delta with this content: its status, `undefined` while it waits.
 * @throws KeyCollisionError (the id was decided for other content)
 */
export async function findStatus(
  ports: Pick<Ports, 'statuses'>,
  collection: string,
  deltaId: string,
  digest?: string,
): Promise<DeltaStatus | undefined> {
  const status = (await ports.statuses.getStatuses(collection, [deltaId])).get(deltaId);
  if (status !== undefined && digest !== undefined && status.sha256 !== digest) {
    throw new KeyCollisionError(
      `Delta id "${deltaId}" was decided for other content in version ${status.version}. Send yours under a new id; ` +
        `the report is at rejected/${collection}/${deltaId}~${digest}.json.`,
    );
  }
  return status;
}
