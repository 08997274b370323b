/** The producer's part: put one delta into the inbox, once, and find out what became of it. */

import { InvalidInputError, KeyCollisionError } from '../errors/errors.ts';
import { createOnce } from '../objects/create-once.ts';
import { readBounded } from '../objects/read-bounded.ts';
import type { Ports } from '../ports.ts';
import { sha256 } from '../snapshot/blocks.ts';
import { MAX_DELTA_BYTES } from '../snapshot/delta.ts';
import { checkDeltaId, deltaKey } from '../snapshot/keys.ts';
import type { DeltaStatus } from '../snapshot/ledger.ts';
import { numberIn } from '../snapshot/log-number.ts';
import { readPointer } from '../versions/read-pointer.ts';

export interface Submission {
  collection: string;
  deltaId: string;
  body: Uint8Array;
  /** Do other bytes that wait under the id hold the same operations? Default: they never do. */
  isSame?: (waiting: Uint8Array) => boolean;
}

export interface PutDelta {
  deltaId: string;
  /** Digest of its content, hex. */
  sha256: string;
  /** `duplicate`: the same content was already there under this id, and nothing was sent. */
  outcome: 'new' | 'duplicate';
}

/**
 * Put a delta into the inbox. Sending the same content under the same id again succeeds, however often. Only the inbox
 * is checked; `submitOnce` also recognises deltas that are already decided.
 * @throws CollectionNotFoundError, InvalidInputError, KeyCollisionError (other content waits under this id; nothing was
 * sent)
 */
export async function putDelta(
  ports: Pick<Ports, 'store' | 'clock' | 'ids'>,
  { collection, deltaId, body, isSame = () => false }: Submission,
): Promise<PutDelta> {
  checkDeltaId(deltaId);
  if (numberIn(deltaId) !== undefined) {
    throw new InvalidInputError(
      `"${deltaId}" is a number of the collection's log, which endpoints write. Use another id.`,
    );
  }
  await readPointer(ports, collection);
  const digest = sha256(body);
  const key = deltaKey(collection, deltaId);
  const created = await createOnce(ports, key, body, digest).catch(async (cause: unknown) => {
    if (!(cause instanceof KeyCollisionError)) throw cause;
    const waiting = await readBounded(ports, key, MAX_DELTA_BYTES).catch(() => undefined);
    if (waiting !== undefined && isSame(waiting.body)) return sha256(waiting.body);
    throw new KeyCollisionError(
      `Delta id "${deltaId}" of "${collection}" is already waiting with other content. Yours (SHA-256 ${digest}) was not ` +
        'sent: send it under a new id.',
      { cause },
    );
  });
  if (created === 'created') return { deltaId, sha256: digest, outcome: 'new' };
  return { deltaId, sha256: created === 'existed' ? digest : created, outcome: 'duplicate' };
}

export interface SubmitOutcome extends PutDelta {
  /** The delta's status if it is decided; `null` while it waits. */
  status: DeltaStatus | null;
}

/**
 * Put a delta into the inbox unless it is already decided. The table is read before the PUT, so that nothing is sent in
 * vain, and again after it: a delta that was decided meanwhile had left the inbox, so the PUT stored it a second time.
 * That copy does no harm, because the next compaction recognises its id.
 * @throws CollectionNotFoundError, InvalidInputError, KeyCollisionError (other content waits under this id, or was
 * decided under it), StoreUnavailableError, TableUnavailableError
 */
export async function submitOnce(
  ports: Pick<Ports, 'store' | 'clock' | 'ids' | 'statuses'>,
  submission: Submission,
): Promise<SubmitOutcome> {
  const { collection, deltaId, body } = submission;
  const digest = sha256(body);
  const before = await readStatus(ports, collection, checkDeltaId(deltaId));
  if (before !== undefined && before.sha256 !== digest) {
    throw new KeyCollisionError(
      `Delta id "${deltaId}" of "${collection}" was ${before.outcome} in version ${before.version} with other content. ` +
        `Yours (SHA-256 ${digest}) was not sent: send it under a new id.`,
    );
  }
  if (before !== undefined) return { deltaId, sha256: digest, outcome: 'duplicate', status: before };
  const put = await putDelta(ports, submission);
  if (put.outcome === 'duplicate') return { ...put, status: null };
  const after = await findStatus(ports, collection, deltaId, digest);
  return after === undefined ? { ...put, status: null } : { ...put, outcome: 'duplicate', status: after };
}

async function readStatus({ statuses }: Pick<Ports, 'statuses'>, collection: string, deltaId: string) {
  return (await statuses.getStatuses(collection, [deltaId])).get(deltaId);
}

/**
 * The status of a delta with this content; `undefined` while it waits.
 * @throws KeyCollisionError (the id was decided for other content)
 */
export async function findStatus(
  ports: Pick<Ports, 'statuses'>,
  collection: string,
  deltaId: string,
  digest?: string,
): Promise<DeltaStatus | undefined> {
  const status = await readStatus(ports, collection, deltaId);
  if (status !== undefined && digest !== undefined && status.sha256 !== digest) {
    throw new KeyCollisionError(
      `Delta id "${deltaId}" was decided for other content in version ${status.version}. Send yours under a new id; ` +
        `the report is at rejected/${collection}/${deltaId}~${digest}.json.`,
    );
  }
  return status;
}
