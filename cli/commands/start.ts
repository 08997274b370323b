import type { Command } from 'commander';
import { InvalidInputError } from '../../lambdas/errors/errors.ts';
import { withCollection } from '../command.ts';
import { describeOutcome, startExecution, waitForExecution } from '../executions.ts';
import { CommandFailure, EXIT } from '../output.ts';
import { withProgress } from '../progress.ts';
import { teller } from '../waiting-for.ts';

/** `compactor start`: one execution of the state machine. */
export function start(program: Command): void {
  const command = program
    .command('start <collection>')
    .description('start a compaction, and wait for its end')
    .option('--name <name>', 'execution name; the same name starts once')
    .option('--timeout <seconds>', 'wait no longer for its end (exit 4); it goes on', Number, 3_600)
    .option('--no-wait', 'return at once (AWS, or a local stack that keeps running)')
    .addHelpText('after', '\nExample:\n  compactor start pets');
  withCollection<[string, { name?: string; wait: boolean; timeout: number }]>(
    command,
    async ({ target, output }, collection, options) => {
      if (!(options.timeout > 0)) throw new InvalidInputError('--timeout must be a number of seconds above 0.');
      const executionArn = await startExecution(target, { collection }, options.name);
      // An embedded stack ends with this process, and its executions with it.
      if (!options.wait && target.kind !== 'embedded') {
        output.result({ executionArn, status: 'RUNNING' }, `Started ${executionArn}`);
        return;
      }
      const execution = await withProgress(output, `Compacting "${collection}"`, (report) =>
        waitForExecution(target, collection, executionArn, {
          report,
          timeoutMs: options.timeout * 1_000,
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
