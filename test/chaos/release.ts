/** What production does when an execution has died. */

import type { Ports } from '../../lambdas/ports.ts';
import { COMPACTION, RELEASE_ABANDONED, readDefinition } from '../../local/machines.ts';
import { parseDefinition } from '../../local/sfn/definition.ts';
import { runExecution } from '../../local/sfn/interpreter.ts';
import { stateMachineArn } from '../../local/sfn/names.ts';
import { compileMachine } from '../../local/sfn/run-options.ts';
import { taskHandlers } from '../../local/task-handlers.ts';

/** The real `release-abandoned`, whose successors always get to run: its minute is longer than a round. */
export function releaser(ports: Ports): (collection: string, execution: string) => Promise<void> {
  const definition = readDefinition(RELEASE_ABANDONED);
  const substitutions = { CompactionArn: stateMachineArn(COMPACTION) };
  const machine = compileMachine(parseDefinition(RELEASE_ABANDONED, definition, substitutions));
  const StartSuccessor = async ({ Name, Input }: { Name: string; Input: { collection: string } }) =>
    ports.executions.start(Name, Input);
  const handlers = { ...taskHandlers(definition, ports), StartSuccessor };
  return async (collection, execution) => {
    const input = { collection, execution };
    const context = { Execution: { Id: `release of ${execution}` } };
    const outcome = await runExecution({ machine, handlers, input, context, onEvent: () => {} });
    if (outcome.status !== 'SUCCEEDED')
      throw new Error(`${execution} could not be released: ${JSON.stringify(outcome)}`);
  };
}
