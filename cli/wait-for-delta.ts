/** Waits until a delta is decided, and describes the decision. For `wait`, and for `submit --wait`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { KeyCollisionError } from '../lambdas/errors/errors.ts';
import { findStatus } from '../lambdas/producer/put-delta.ts';
import { type DeltaTrace, traceDelta } from '../lambdas/producer/trace-delta.ts';
import { rejectionKey } from '../lambdas/snapshot/keys.ts';
import type { DeltaStatus } from '../lambdas/snapshot/ledger.ts';
import type { Context } from './command.ts';
import { startExecution } from './executions.ts';
import { whenInterrupted } from './interrupt.ts';
import { CommandFailure, count, EXIT } from './output.ts';
import { withProgress } from './progress.ts';
import type { Target } from './target.ts';
import { teller } from './waiting-for.ts';
import { compactingInWords, whoCompacts } from './who-compacts.ts';

const POLL_MS = { embedded: 50, local: 200, aws: 1_000 } as const;
/** After which nobody may be compacting without a word; what arrives starts an execution after seconds. Doubled each time. */
const FIRST_LOOK_MS = 10_000;
/** While nobody is compacting, the status is read less often, by this factor at most. */
const MOST_PATIENCE = 16;

export interface DeltaToWaitFor {
  collection: string;
  deltaId: string;
  /** Digest of the expected content, hex. Without it, whatever content is decided under the id counts. */
  sha256?: string | undefined;
  /** Seconds. */
  timeout: number;
}

/** When it is looked whether anybody is compacting, and who is told that nobody is. */
export interface Looks {
  firstLookMs?: number;
  tell?: (reason: string) => void;
}

/**
 * Wait for the decision. On an embedded stack this also compacts, since nothing else would.
 * @throws CommandFailure (after the time-out; or, with exit code 3, because the id stands for other content)
 */
export async function waitForDelta(
  context: Context,
  delta: DeltaToWaitFor,
  { firstLookMs = FIRST_LOOK_MS, tell = teller() }: Looks = {},
): Promise<DeltaStatus> {
  const { collection, deltaId } = delta;
  whenInterrupted(() =>
    context.target.kind === 'embedded'
      ? 'The compaction ended with this command; the delta stays in the inbox, and the next one applies it.'
      : `The delta is decided without this command. See: compactor wait ${collection} ${deltaId}.`,
  );
  return withProgress(context.output, `Waiting for delta ${deltaId}`, () =>
    poll(context, delta, { firstLookMs, tell }),
  ).catch((error: unknown) => {
    if (!(error instanceof KeyCollisionError)) throw error;
    throw new CommandFailure(error.message, EXIT.refused);
  });
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
  { firstLookMs, tell }: Required<Looks>,
): Promise<DeltaStatus> {
  const deadline = Date.now() + timeout * 1_000;
  if (sha256 !== undefined) await refuseOther(target.ports, collection, deltaId, sha256);
  // No other process compacts an embedded stack, so this command does.
  if (target.kind === 'embedded') await startExecution(target, { collection });
  let between = firstLookMs;
  let lookAt = Date.now() + between;
  let patience = 1;
  for (;;) {
    const status = await findStatus(target.ports, collection, deltaId, sha256);
    if (status !== undefined) return status;
    if (Date.now() >= deadline) {
      const trace = await traceDelta(target.ports, collection, deltaId);
      // The delta may have been settled between the two reads.
      if (trace.status !== null) return trace.status;
      throw new CommandFailure(await undecided(target, trace, timeout), EXIT.timedOut);
    }
    if (Date.now() >= lookAt) {
      // Whoever may wait need not be allowed to list executions.
      const compacting = await whoCompacts(target, collection).catch(() => undefined);
      const isNobody = compacting?.by === null;
      if (isNobody) tell(compactingInWords(collection, compacting));
      patience = isNobody ? Math.min(2 * patience, MOST_PATIENCE) : 1;
      between *= 2;
      lookAt = Date.now() + between;
    }
    const left = Math.max(0, deadline - Date.now());
    await sleep(Math.min(POLL_MS[target.kind] * patience, left));
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

async function undecided(
  target: Target,
  { collection, deltaId, inbox, ledger }: DeltaTrace,
  timeout: number,
): Promise<string> {
  if (ledger !== null) {
    return (
      `Delta ${deltaId} was ${ledger.outcome} in version ${ledger.version}, but its status is not written after ` +
      `${timeout} s. Whoever compacts "${collection}" next writes it: compactor start ${collection}.`
    );
  }
  if (inbox !== null) {
    const who = await whoCompacts(target, collection).then(
      (compacting) => compactingInWords(collection, compacting),
      () => `See: compactor status ${collection}`,
    );
    return `Delta ${deltaId} is not decided after ${timeout} s. It stays in the inbox. ${who}.`;
  }
  return (
    `No delta ${deltaId} came to "${collection}" within ${timeout} s: it is not in the inbox, in no ledger, and has no ` +
    `status. Check the id, or send the delta: compactor submit ${collection} <file> --delta-id ${deltaId}.`
  );
}

function rejected(operations: number): string {
  return `${count(operations, 'operation')} ${operations === 1 ? 'was' : 'were'}`;
}
