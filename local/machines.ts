/** The two state machines on the local Step Functions: the ASL files themselves, with the real handlers. */
import { readFileSync } from 'node:fs';
import { HANDLERS } from '../lambdas/handlers.ts';
import type { Ports } from '../lambdas/ports.ts';
import { runWithPorts } from '../lambdas/runtime/handler.ts';
import type { ReleaseAbandonedInput } from '../statemachine/contract.ts';
import type { LocalStepFunctions } from './sfn/executions.ts';
import type { StatusChange } from './sfn/status-change.ts';

export const COMPACTION = 'compaction';
export const RELEASE_ABANDONED = 'release-abandoned';

// biome-ignore lint/suspicious/noExplicitAny: what a handler gets is decided by the ASL file.
type TaskHandler = (input: any) => Promise<any>;

/** The handler of every Task state of an ASL file, by state name, over the given ports. */
export function taskHandlers(definition: string, ports: Ports): Record<string, TaskHandler> {
  const { States } = JSON.parse(definition) as { States: Record<string, { Type: string; Resource?: string }> };
  const handlers: Record<string, TaskHandler> = {};
  for (const [state, { Resource = '' }] of Object.entries(States)) {
    const handler = HANDLERS[/^\$\{(\w+)Arn\}$/.exec(Resource)?.[1] ?? ''];
    if (handler !== undefined) handlers[state] = (input) => runWithPorts(ports, () => handler(input));
  }
  return handlers;
}

/** The text of an ASL file. */
export function readDefinition(name: string): string {
  return readFileSync(new URL(`../statemachine/${name}.asl.json`, import.meta.url), 'utf8');
}

/** Register both machines, and the rule that starts the second one when an execution of the first one dies. */
export function registerMachines(stepFunctions: LocalStepFunctions, ports: Ports): { compactionArn: string } {
  const compaction = readDefinition(COMPACTION);
  const handlers = taskHandlers(compaction, ports);
  const compactionArn = stepFunctions.register({ name: COMPACTION, definition: compaction, handlers });
  const release = readDefinition(RELEASE_ABANDONED);
  const releaseArn = stepFunctions.register({
    name: RELEASE_ABANDONED,
    definition: release,
    substitutions: { CompactionArn: compactionArn },
    handlers: taskHandlers(release, ports),
  });
  const onDeath = ({ detail }: StatusChange) => {
    if (detail.stateMachineArn !== compactionArn || !['FAILED', 'TIMED_OUT', 'ABORTED'].includes(detail.status)) return;
    // Like the EventBridge rule, which cannot parse the JSON in `detail.input`.
    const input: ReleaseAbandonedInput = detail;
    stepFunctions.start({ stateMachineArn: releaseArn, input: JSON.stringify(input) });
  };
  stepFunctions.onStatusChange(onDeath);
  stepFunctions.interrupted.forEach(onDeath);
  return { compactionArn };
}
