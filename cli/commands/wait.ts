import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { checkCollection, checkDeltaId, rejectionKey } from '../../lambdas/snapshot/keys.ts';
import { findStatus } from '../../lambdas/steps/submit-delta.ts';
import { type DeltaTrace, traceDelta } from '../../lambdas/steps/trace-delta.ts';
import { type Context, withTarget } from '../command.ts';
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
  withTarget<[string, string, Options]>(command, async (context, collection, deltaId, { timeout }) => {
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
  if (target.kind === 'embedded') await startExecution(target, collection);
  for (;;) {
    const status = await findStatus(target.ports, collection, deltaId);
    if (status !== undefined) return status;
    if (Date.now() >= deadline) {
      const trace = await traceDelta(target.ports, collection, deltaId);
      // It may have been settled between the two looks.
      if (trace.status !== null) return trace.status;
      throw new CommandFailure(undecided(trace, timeout), EXIT.timedOut);
    }
    await sleep(POLL_MS[target.kind]);
  }
}

function undecided({ collection, deltaId, inbox, ledger }: DeltaTrace, timeout: number): string {
  if (ledger !== null) {
    return (
      `Delta ${deltaId} was ${ledger.outcome} in version ${ledger.version}, but its status is not written after ` +
      `${timeout} s. Whoever compacts "${collection}" next writes it: compactor start ${collection}.`
    );
  }
  if (inbox !== null) return `Delta ${deltaId} is not decided after ${timeout} s. It stays in the inbox.`;
  return (
    `No delta ${deltaId} came to "${collection}" within ${timeout} s: it is not in the inbox, in no ledger, and has no ` +
    `status. Check the id, or send the delta: compactor submit ${collection} <file> --delta-id ${deltaId}.`
  );
}

function rejected(operations: number): string {
  return `${count(operations, 'operation')} ${operations === 1 ? 'was' : 'were'}`;
}
