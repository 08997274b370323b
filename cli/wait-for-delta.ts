/** Waits until a delta is decided, and describes the decision. For `wait`, and for `submit --wait`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { KeyCollisionError } from '../lambdas/errors/errors.ts';
import { findStatus } from '../lambdas/producer/put-delta.ts';
import { type DeltaTrace, traceDelta } from '../lambdas/producer/trace-delta.ts';
import { isClaimLive, type LockItem } from '../lambdas/protocol/lock.ts';
import { rejectionKey } from '../lambdas/snapshot/keys.ts';
import type { DeltaStatus } from '../lambdas/snapshot/ledger.ts';
import type { Context } from './command.ts';
import { startExecution } from './executions.ts';
import { whenInterrupted } from './interrupt.ts';
import { CommandFailure, count, EXIT } from './output.ts';
import { withProgress } from './progress.ts';

const POLL_MS = { embedded: 50, local: 200, aws: 1_000 } as const;

export interface DeltaToWaitFor {
  collection: string;
  deltaId: string;
  /** Digest of the expected content, hex. Without it, whatever content is decided under the id counts. */
  sha256?: string | undefined;
  /** Seconds. */
  timeout: number;
}

/**
 * Wait for the decision. On an embedded stack this also compacts, since nothing else would.
 * @throws CommandFailure (after the time-out; or, with exit code 3, because the id stands for other content)
 */
export async function waitForDelta(context: Context, delta: DeltaToWaitFor): Promise<DeltaStatus> {
  const { collection, deltaId } = delta;
  whenInterrupted(() =>
    context.target.kind === 'embedded'
      ? 'The compaction ended with this command; the delta stays in the inbox, and the next one applies it.'
      : `The delta is decided without this command. See: compactor wait ${collection} ${deltaId}.`,
  );
  return withProgress(context.output, `Waiting for delta ${deltaId}`, () => poll(context, delta)).catch(
    (error: unknown) => {
      if (!(error instanceof KeyCollisionError)) throw error;
      throw new CommandFailure(error.message, EXIT.refused);
    },
  );
}

/** Shared by `wait` and `submit --wait`, so that both describe a decision in the same words. */
export function describeDecision(
  { collection, deltaId }: Pick<DeltaToWaitFor, 'collection' | 'deltaId'>,
  status: DeltaStatus,
): string {
  const { outcome, version, rejectedOperations } = status;
  const report = `; ${rejected(rejectedOperations)} rejected: see ${rejectionKey(collection, deltaId)}.`;
  return `Delta ${deltaId} was ${outcome} in version ${version}${rejectedOperations > 0 ? report : '.'}`;
}

async function poll(
  { target }: Context,
  { collection, deltaId, sha256, timeout }: DeltaToWaitFor,
): Promise<DeltaStatus> {
  const deadline = Date.now() + timeout * 1_000;
  if (sha256 !== undefined) await refuseOther(target.ports, collection, deltaId, sha256);
  // No other process compacts an embedded stack, so this command does.
  if (target.kind === 'embedded') await startExecution(target, { collection });
  for (;;) {
    const status = await findStatus(target.ports, collection, deltaId, sha256);
    if (status !== undefined) return status;
    if (Date.now() >= deadline) {
      const trace = await traceDelta(target.ports, collection, deltaId);
      // The delta may have been settled between the two reads.
      if (trace.status !== null) return trace.status;
      const lock = await target.ports.locks.readLock(collection);
      throw new CommandFailure(undecided(trace, timeout, lock, target.ports.clock.now()), EXIT.timedOut);
    }
    await sleep(POLL_MS[target.kind]);
  }
}

/**
 * If other content waits under the id or is in the ledger, ours cannot be applied any more. @throws KeyCollisionError
 */
async function refuseOther(ports: Context['target']['ports'], collection: string, deltaId: string, sha256: string) {
  const { status, ledger, inbox } = await traceDelta(ports, collection, deltaId);
  const known = status ?? ledger ?? inbox;
  if (known === null || known.sha256 === sha256 || known.sha256 === 'unreadable') return;
  const where = known === inbox ? 'is waiting' : 'was decided';
  throw new KeyCollisionError(
    `Delta id "${deltaId}" of "${collection}" ${where} with other content (SHA-256 ${known.sha256}). Yours (${sha256}) is not ` +
      'applied: send it under a new id.',
  );
}

function undecided(
  { collection, deltaId, inbox, ledger }: DeltaTrace,
  timeout: number,
  lock: LockItem | undefined,
  now: number,
): string {
  if (ledger !== null) {
    return (
      `Delta ${deltaId} was ${ledger.outcome} in version ${ledger.version}, but its status is not written after ` +
      `${timeout} s. Whoever compacts "${collection}" next writes it: compactor start ${collection}.`
    );
  }
  if (inbox !== null) {
    const who = isClaimLive(lock, now)
      ? `${lock?.claimOwner} is compacting "${collection}": compactor explain ${lock?.claimOwner}.`
      : `Nobody is compacting "${collection}": compactor start ${collection}.`;
    return `Delta ${deltaId} is not decided after ${timeout} s. It stays in the inbox. ${who}`;
  }
  return (
    `No delta ${deltaId} came to "${collection}" within ${timeout} s: it is not in the inbox, in no ledger, and has no ` +
    `status. Check the id, or send the delta: compactor submit ${collection} <file> --delta-id ${deltaId}.`
  );
}

function rejected(operations: number): string {
  return `${count(operations, 'operation')} ${operations === 1 ? 'was' : 'were'}`;
}
