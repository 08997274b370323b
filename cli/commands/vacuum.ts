import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { isClaimLive } from '../../lambdas/protocol/lock.ts';
import { liveBytes } from '../../lambdas/snapshot/manifest.ts';
import { loadCurrent } from '../../lambdas/versions/load-current.ts';
import { withCollection } from '../command.ts';
import { type ExecutionReport, startExecution, waitForExecution } from '../executions.ts';
import { bytes, CommandFailure, count, EXIT } from '../output.ts';
import { withProgress } from '../progress.ts';
import type { Target } from '../target.ts';
import { addWaitOptions, isWaiting, timeoutMs, type WaitOptions } from '../wait-options.ts';
import { teller } from '../waiting-for.ts';

/** How often an execution is started while another one is compacting, and the pause after the first attempt. */
const ATTEMPTS = 6;
const FIRST_PAUSE_MS = 1_000;

/** `compactor vacuum`: one execution that rewrites the files of the current version. */
export function vacuum(program: Command): void {
  const command = program
    .command('vacuum <collection>')
    .description('rebuild the files of a snapshot without the remains of deleted and replaced records')
    .addHelpText(
      'after',
      '\nMakes a new version with exactly the same records. Older versions keep the remains until they are collected\n' +
        '(compactor gc). Waiting deltas are merged afterwards.\n\nExample:\n  compactor vacuum pets',
    );
  addWaitOptions(command);
  withCollection<[string, WaitOptions]>(
    command,
    async ({ target, output }, collection, options) => {
      const patience = timeoutMs(options);
      const before = liveBytes((await loadCurrent(target.ports, collection)).manifest.files);
      if (!isWaiting(options, target)) {
        await refuseBusy(target, collection);
        const executionArn = await startExecution(target, { collection, vacuum: true });
        output.result({ executionArn, status: 'RUNNING', bytesBefore: before }, `Started ${executionArn}`);
        return;
      }
      const execution = await withProgress(output, `Vacuuming "${collection}"`, (report) =>
        vacuumOnce(target, collection, patience, report),
      );
      const { manifest } = await loadCurrent(target.ports, collection);
      const { version, records } = manifest;
      const after = liveBytes(manifest.files);
      const uploadedBytes = execution.state?.totals.uploadedBytes ?? 0;
      output.result(
        { collection, version, records, bytesBefore: before, bytesAfter: after, uploadedBytes, ...execution },
        `Version ${version} of "${collection}" has ${count(records, 'record')} in ${bytes(after)}, where there were ` +
          `${bytes(before)}. Uploaded ${bytes(uploadedBytes)}, in ${execution.durationMs} ms.`,
      );
    },
    { changes: true },
  );
}

/** The command itself retries if the execution finds another one at work and delegates to it. */
async function refuseBusy({ ports }: Target, collection: string): Promise<void> {
  const item = await ports.locks.readLock(collection);
  if (!isClaimLive(item, ports.clock.now())) return;
  throw new CommandFailure(
    `${item?.claimOwner} is compacting "${collection}", and was not asked for a vacuum. Try again later, or without ` +
      '--no-wait, which tries again by itself.',
    EXIT.failed,
  );
}

/** An execution that finds another one at work delegates to it, and that one was not asked for a vacuum. */
async function vacuumOnce(
  target: Target,
  collection: string,
  timeoutMs: number,
  report: (state: string) => void,
): Promise<ExecutionReport> {
  const tell = teller();
  for (let attempt = 1; ; attempt++) {
    const executionArn = await startExecution(target, { collection, vacuum: true });
    const execution = await waitForExecution(target, collection, executionArn, { report, timeoutMs, tell });
    if (execution.status !== 'SUCCEEDED') {
      throw new CommandFailure(`${execution.error ?? execution.status}: ${execution.message}`, EXIT.failed);
    }
    if (execution.state?.vacuum !== true) return execution;
    if (attempt === ATTEMPTS) {
      throw new CommandFailure(
        `"${collection}" was being compacted by another execution each of ${ATTEMPTS} times, so that it was not vacuumed. ` +
          `See who it is: compactor locks ${collection}. Then try again.`,
        EXIT.failed,
      );
    }
    tell(`another execution compacts "${collection}"; the vacuum is tried again (${attempt} of ${ATTEMPTS})`);
    await sleep(FIRST_PAUSE_MS * 2 ** (attempt - 1));
  }
}
