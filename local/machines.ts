/** The two state machines on the local Step Functions: the ASL files themselves, with the real handlers. */
import { readFileSync } from 'node:fs';
import type { Ports } from '../lambdas/ports.ts';
import type { ReleaseAbandonedInput } from '../statemachine/contract.ts';
import type { LocalStepFunctions } from './sfn/executions.ts';
import type { StatusChange } from './sfn/status-change.ts';
import type { TaskHandler } from './task-handlers.ts';

export const COMPACTION = 'compaction';
export const RELEASE_ABANDONED = 'release-abandoned';

/**
 * The handlers of `taskHandlers`, loaded when the first of them runs, since most commands on a local stack start no
 * execution. The tests of the ASL files make sure that none is missing.
 */
function lazyHandlers(definition: string, ports: Ports): Record<string, TaskHandler> {
  const { States } = JSON.parse(definition) as { States: Record<string, { Type: string; Resource?: string }> };
  const names = Object.keys(States).filter((name) => States[name]?.Resource?.startsWith('${'));
  let loaded: Promise<Record<string, TaskHandler>> | undefined;
  const run = async (name: string, input: unknown) => {
    loaded ??= import('./task-handlers.ts').then(({ taskHandlers }) => taskHandlers(definition, ports));
    return (await loaded)[name]?.(input);
  };
  return Object.fromEntries(names.map((name) => [name, (input: unknown) => run(name, input)]));
}

/** The text of an ASL file. */
export function readDefinition(name: string): string {
  return readFileSync(new URL(`../statemachine/${name}.asl.json`, import.meta.url), 'utf8');
}

/** Register both machines, and the rule that starts the second one when an execution of the first one dies. */
export function registerMachines(stepFunctions: LocalStepFunctions, ports: Ports): { compactionArn: string } {
  const compaction = readDefinition(COMPACTION);
  const handlers = lazyHandlers(compaction, ports);
  const compactionArn = stepFunctions.register({
    name: COMPACTION,
    definition: compaction,
    handlers,
    isValidated: true,
  });
  const release = readDefinition(RELEASE_ABANDONED);
  const releaseArn = stepFunctions.register({
    name: RELEASE_ABANDONED,
    definition: release,
    substitutions: { CompactionArn: compactionArn },
    handlers: lazyHandlers(release, ports),
    isValidated: true,
  });
  const onDeath = ({ detail }: StatusChange) => {
    if (detail.stateMachineArn !== compactionArn || !['FAILED', 'TIMED_OUT', 'ABORTED'].includes(detail.status)) return;
    // The input is the whole detail, because the EventBridge rule cannot parse the JSON in `detail.input` either.
    const input: ReleaseAbandonedInput = detail;
    stepFunctions.start({ stateMachineArn: releaseArn, input: JSON.stringify(input) });
  };
  stepFunctions.onStatusChange(onDeath);
  stepFunctions.interrupted.forEach(onDeath);
  return { compactionArn };
}
