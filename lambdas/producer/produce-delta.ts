/** For producers: operations as a delta, checked against the collection, sent once, and waited for. */

import { InvalidInputError } from '../errors/errors.ts';
import type { Ports } from '../ports.ts';
import { compressDelta } from '../snapshot/compressed-delta.ts';
import { encodeLines, MAX_DELTA_BYTES, parseDelta, textOf } from '../snapshot/delta.ts';
import type { DeltaStatus } from '../snapshot/ledger.ts';
import type { Delete, Operation, Update, Upsert } from '../snapshot/operation.ts';
import { loadManifest } from '../versions/load-manifest.ts';
import { readPointer } from '../versions/read-pointer.ts';
import { findStatus, putDelta, submitOnce } from './put-delta.ts';

/** Collects operations, in the order of the calls. */
export class DeltaBuilder {
  readonly #operations: Operation[] = [];

  upsert(record: Omit<Upsert, 'op'>): this {
    this.#operations.push({ op: 'upsert', ...record });
    return this;
  }

  update(changes: Omit<Update, 'op'>): this {
    this.#operations.push({ op: 'update', ...changes });
    return this;
  }

  delete(id: Delete['id']): this {
    this.#operations.push({ op: 'delete', id });
    return this;
  }

  get operations(): readonly Operation[] {
    return [...this.#operations];
  }
}

export interface DeltaToSubmit {
  collection: string;
  operations: DeltaBuilder | readonly Operation[];
  /** Idempotency key, at most 48 characters: the same key with the same operations counts once. Default: a new ULID. */
  deltaId?: string;
}

export interface Submitted {
  collection: string;
  deltaId: string;
  /** Digest of the content, hex. */
  sha256: string;
}

/** What came of a submission. A conflict with other content is an error. */
export interface SubmitResult extends Submitted {
  /**
   * `duplicate`: this content was submitted under this id before. Without a table, a duplicate is recognised only while
   * the first delta waits; once that is decided, the outcome is `new`, which does no harm.
   */
  outcome: 'new' | 'duplicate';
  /** The status of a duplicate that is decided; `null` otherwise. */
  status: DeltaStatus | null;
}

/**
 * Put operations into the inbox, all or none: nothing is sent if one of them is malformed.
 * @throws InvalidInputError (which operation, counting from 1, and why), CollectionNotFoundError, KeyCollisionError
 * (other content waits under this id, or was decided under it), StoreUnavailableError, TableUnavailableError
 * @param ports Without `statuses`, only the inbox is asked whether the id is in use.
 */
export async function submitDelta(
  ports: Pick<Ports, 'store' | 'cache' | 'clock' | 'ids'> & { statuses: Ports['statuses'] | undefined },
  { collection, operations, deltaId = ports.ids.ulid() }: DeltaToSubmit,
): Promise<SubmitResult> {
  const text = encodeLines(operations instanceof DeltaBuilder ? operations.operations : operations);
  if (text.length > MAX_DELTA_BYTES) {
    throw new InvalidInputError(
      `The delta has ${text.length} bytes; at most ${MAX_DELTA_BYTES} go into one. Send several.`,
    );
  }
  const { pointer } = await readPointer(ports, collection);
  const { manifest } = await loadManifest(ports, pointer.manifest);
  const { rejections, rejectedOperations } = parseDelta(text, manifest.dimension);
  if (rejectedOperations > 0) {
    const reasons = rejections.slice(0, 10).map(({ line, error, reason }) => `operation ${line}: ${error}: ${reason}`);
    throw new InvalidInputError(
      `${rejectedOperations} of the operations would be rejected, so nothing was sent. ${reasons.join('\n')}`,
    );
  }
  const delta = {
    collection,
    deltaId,
    body: compressDelta(text),
    isSame: (waiting: Uint8Array) => holds(waiting, text),
  };
  const { statuses } = ports;
  const sent =
    statuses === undefined
      ? { ...(await putDelta(ports, delta)), status: null }
      : await submitOnce({ ...ports, statuses }, delta);
  return { collection, ...sent };
}

/**
 * Compares texts rather than stored bytes: another version of Node.js may compress the same text differently, and the
 * delta is still the same.
 */
function holds(stored: Uint8Array, text: Uint8Array): boolean {
  const found = textOf(stored);
  return !('rejections' in found) && Buffer.from(text).equals(found);
}

/** Milliseconds. */
export interface WaitOptions {
  /** Default: five minutes. */
  timeoutMs?: number;
  /** Default: one second. */
  pollMs?: number;
}

/**
 * Wait until a delta is decided: `applied`, perhaps with some operations rejected, or `rejected`.
 * @returns `undefined` after the time-out; the delta stays in the inbox
 * @throws KeyCollisionError (its id was decided for other content), TableUnavailableError
 */
export async function waitForDelta(
  ports: Pick<Ports, 'statuses' | 'clock'>,
  { collection, deltaId, sha256 }: Submitted,
  { timeoutMs = 300_000, pollMs = 1_000 }: WaitOptions = {},
): Promise<DeltaStatus | undefined> {
  const deadline = ports.clock.monotonic() + timeoutMs;
  for (;;) {
    const status = await findStatus(ports, collection, deltaId, sha256);
    if (status !== undefined || ports.clock.monotonic() >= deadline) return status;
    await ports.clock.sleep(Math.min(pollMs, timeoutMs));
  }
}
