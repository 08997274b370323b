import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { InvalidInputError } from '../../lambdas/errors/errors.ts';
import { isClaimLive } from '../../lambdas/protocol/lock.ts';
import { liveBytes } from '../../lambdas/snapshot/manifest.ts';
import { loadCurrent } from '../../lambdas/versions/load-current.ts';
import { withCollection } from '../command.ts';
import { type ExecutionReport, startExecution, waitForExecution } from '../executions.ts';
import { bytes, CommandFailure, count, EXIT } from '../output.ts';
import { withProgress } from '../progress.ts';
import type { Target } from '../target.ts';
import { teller } from '../waiting-for.ts';

/** Times that an execution is started while another one is compacting, and the pause after the first. */
const ATTEMPTS = 6;
const FIRST_PAUSE_MS = 1_000;

interface Options {
  wait: boolean;
  timeout: number;
}

/** `compactor vacuum`: one execution that rewrites the files of the current version. */
export function vacuum(program: Command): void {
  const command = program
    .command('vacuum <collection>')
    .description('make the snapshot anew, without what deleted and replaced records left in its files')
    .option('--timeout <seconds>', 'wait no longer for its end (exit 4); it goes on', Number, 3_600)
    .option('--no-wait', 'return at once (AWS, or a local stack that keeps running)')
    .addHelpText(
      'after',
      '\nA new version with the same records, to the last bit. Older versions keep what they have until they are\n' +
        'collected: compactor gc. Deltas that wait are merged after it.\n\nExample:\n  compactor vacuum pets',
    );
  withCollection<[string, Options]>(
    command,
    async ({ target, output }, collection, options) => {
      if (!(options.timeout > 0)) throw new InvalidInputError('--timeout must be a number of seconds above 0.');
      const before = liveBytes((await loadCurrent(target.ports, collection)).manifest.files);
      if (!options.wait && target.kind !== 'embedded') {
        await refuseBusy(target, collection);
        const executionArn = await startExecution(target, { collection, vacuum: true });
        output.result({ executionArn, status: 'RUNNING', bytesBefore: before }, `Started ${executionArn}`);
        return;
      }
      const execution = await withProgress(output, `Vacuuming "${collection}"`, (report) =>
        vacuumOnce(target, collection, options.timeout * 1_000, report),
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

/** The command itself retries when the execution finds another one at work and delegates to it. */
async function refuseBusy({ ports }: Target, collection: string): Promise<void> {
  const item = await ports.locks.readLock(collection);
  if (!isClaimLive(item, ports.clock.now())) return;
  throw new CommandFailure(
    `${item?.claimOwner} is compacting "${collection}", and was not asked for a vacuum. Try again later, or without ` +
      '--no-wait, which tries again by itself.',
    EXIT.failed,
  );
}

/** An execution that finds another one at work leaves it to that one, which was not asked for a vacuum. */
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
