import type { Command } from 'commander';
import { withCollection } from '../command.ts';
import { describeOutcome, startExecution, waitForExecution } from '../executions.ts';
import { CommandFailure, EXIT } from '../output.ts';
import { withProgress } from '../progress.ts';
import { addWaitOptions, isWaiting, timeoutMs, type WaitOptions } from '../wait-options.ts';
import { teller } from '../waiting-for.ts';

/** `compactor start`: one execution of the state machine. */
export function start(program: Command): void {
  const command = program
    .command('start <collection>')
    .description('start a compaction, and wait until it ends')
    .option('--name <name>', 'name of the execution; a name starts only once')
    .addHelpText('after', '\nExample:\n  compactor start pets');
  addWaitOptions(command);
  withCollection<[string, WaitOptions & { name?: string }]>(
    command,
    async ({ target, output }, collection, options) => {
      const patience = timeoutMs(options);
      const executionArn = await startExecution(target, { collection }, options.name);
      if (!isWaiting(options, target)) {
        output.result({ executionArn, status: 'RUNNING' }, `Started ${executionArn}`);
        return;
      }
      const execution = await withProgress(output, `Compacting "${collection}"`, (report) =>
        waitForExecution(target, collection, executionArn, {
          report,
          timeoutMs: patience,
          tell: teller(),
        }),
      );
      if (execution.status !== 'SUCCEEDED') {
        throw new CommandFailure(`${execution.error ?? execution.status}: ${execution.message}`, EXIT.failed);
      }
      output.result(execution, describeOutcome(execution));
    },
    { changes: true },
  );
}
