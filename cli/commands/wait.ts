import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { findStatus } from '../../lambdas/producer/put-delta.ts';
import { type DeltaTrace, traceDelta } from '../../lambdas/producer/trace-delta.ts';
import { isClaimLive, type LockItem } from '../../lambdas/protocol/lock.ts';
import { checkCollection, checkDeltaId, rejectionKey } from '../../lambdas/snapshot/keys.ts';
import { type Context, withCollection } from '../command.ts';
import { startExecution } from '../executions.ts';
import { CommandFailure, count, EXIT } from '../output.ts';
import { withProgress } from '../progress.ts';

interface Options {
  timeout: number;
}

const POLL_MS = { embedded: 50, local: 200, aws: 1_000 } as const;

/** `compactor wait`: until a delta is applied or rejected. */
export function wait(program: Command): void {
  const command = program
    .command('wait <collection> <delta-id>')
    .description('wait until a delta is applied (exit 0) or rejected (exit 3)')
    .option('--timeout <seconds>', 'give up after so long (exit 4)', Number, 300)
    .addHelpText('after', '\nExample:\n  compactor wait pets import-2026-11-23 --timeout 60');
  withCollection<[string, string, Options]>(command, async (context, collection, deltaId, { timeout }) => {
    checkCollection(collection);
    checkDeltaId(deltaId);
    const title = `Waiting for delta ${deltaId}`;
    const status = await withProgress(context.output, title, () => poll(context, collection, deltaId, timeout));
    const report = rejectionKey(collection, deltaId);
    const text =
      `Delta ${deltaId} was ${status.outcome} in version ${status.version}` +
      (status.rejectedOperations > 0 ? `; ${rejected(status.rejectedOperations)} rejected: see ${report}.` : '.');
    context.output.result({ collection, deltaId, ...status }, text);
    if (status.outcome === 'rejected') process.exitCode = EXIT.refused;
  });
}

async function poll({ target }: Context, collection: string, deltaId: string, timeout: number) {
  const deadline = Date.now() + timeout * 1_000;
  // Nobody compacts behind an embedded stack, so this command does.
  if (target.kind === 'embedded') await startExecution(target, { collection });
  for (;;) {
    const status = await findStatus(target.ports, collection, deltaId);
    if (status !== undefined) return status;
    if (Date.now() >= deadline) {
      const trace = await traceDelta(target.ports, collection, deltaId);
      // It may have been settled between the two looks.
      if (trace.status !== null) return trace.status;
      const lock = await target.ports.locks.readLock(collection);
      throw new CommandFailure(undecided(trace, timeout, lock, target.ports.clock.now()), EXIT.timedOut);
    }
    await sleep(POLL_MS[target.kind]);
  }
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
