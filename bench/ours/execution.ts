/** One execution of the real state machine: the ASL file's own bytes on the local interpreter, the real handlers. */
import { randomUUID } from 'node:crypto';
import type { Ports } from '../../lambdas/ports.ts';
import { COMPACTION, readDefinition } from '../../local/machines.ts';
import { type Json, parseDefinition } from '../../local/sfn/definition.ts';
import type { RecordedEvent } from '../../local/sfn/history.ts';
import { runExecution } from '../../local/sfn/interpreter.ts';
import { contextOf } from '../../local/sfn/machines.ts';
import { executionArn, stateMachineArn } from '../../local/sfn/names.ts';
import { compileMachine } from '../../local/sfn/run-options.ts';
import { taskHandlers } from '../../local/task-handlers.ts';
import type { CompactionState } from '../../statemachine/contract.ts';
import type { Meter } from '../network/meter.ts';
import type { Network } from '../network/network.ts';

export interface ExecutionOptions {
  ports: Ports;
  network: Network;
  meter: Meter;
  collection: string;
  /** Called before a Task state's handler runs: where a scenario lets something happen. */
  before?: (state: string) => Promise<void>;
}

export interface Execution {
  /** Name of the state that it ended in. */
  ending: string;
  /** Names of the states in the order of entering them. */
  path: string[];
  /** Milliseconds in each Task's Lambda, by the state's name. */
  stateMs: Record<string, number>;
  state: CompactionState;
}

/** Memory of each Lambda as it is deployed, in GB. */
const LAMBDA_GB: Readonly<Record<string, number>> = { MergeDeltas: 3, UploadSnapshot: 1 };
const SMALL_LAMBDA_GB = 0.5;

const definition = readDefinition(COMPACTION);
/** Compiled once, as Step Functions does when a machine is made: it is no part of an execution. */
const machine = compileMachine(parseDefinition(COMPACTION, definition));

/** @throws Error when the execution fails: no scenario lets it */
export async function execute(options: ExecutionOptions): Promise<Execution> {
  const { ports, network, meter, collection, before = async () => {} } = options;
  const path: string[] = [];
  const stateMs: Record<string, number> = {};
  let passed = 0;
  let charged = 0;
  /** Choice and end states run no handler: their transitions are charged with the next one that does. */
  const charge = async () => {
    const due = passed - charged;
    charged = passed;
    meter.count('transitions', due);
    await network.wait(due * network.model.transitionMs);
  };
  const onEvent = ({ type, stateEnteredEventDetails, previousEventId }: RecordedEvent) => {
    if (stateEnteredEventDetails?.name !== undefined) {
      path.push(stateEnteredEventDetails.name);
      passed++;
    }
    // A retry is a transition of its own: it schedules the function without entering the state again.
    const follows = lastType;
    lastType = type;
    if (type === 'LambdaFunctionScheduled' && follows !== 'TaskStateEntered' && previousEventId > 0) passed++;
  };
  let lastType = '';
  const handlers = Object.fromEntries(
    Object.entries(taskHandlers(definition, ports)).map(([name, handler]) => [
      name,
      async (input: unknown) => {
        await charge();
        await before(name);
        const started = performance.now();
        try {
          return await handler(input);
        } finally {
          const ms = performance.now() - started;
          stateMs[name] = (stateMs[name] ?? 0) + ms;
          meter.count('lambdaRequests');
          meter.count('lambdaGbSeconds', ((LAMBDA_GB[name] ?? SMALL_LAMBDA_GB) * ms) / 1_000);
        }
      },
    ]),
  );
  const name = randomUUID();
  const arn = executionArn(COMPACTION, name);
  const input: Json = { collection };
  const outcome = await runExecution({
    machine,
    handlers,
    input,
    context: contextOf({ name: COMPACTION, stateMachineArn: stateMachineArn(COMPACTION) }, arn, {
      name,
      startDate: Date.now(),
      input,
    }),
    onEvent,
  });
  await charge();
  if (outcome.status !== 'SUCCEEDED') {
    const why = outcome.status === 'FAILED' ? `${outcome.error}: ${outcome.cause}` : outcome.status;
    throw new Error(`An execution ended as ${why} after ${path.join(' > ')}`);
  }
  const ending = path.at(-1) ?? '';
  meter.count('executions');
  if (ending === 'Delegated') meter.count('delegations');
  meter.count('mergesDiscarded', discardedMerges(path));
  return { ending, path, stateMs, state: outcome.output as unknown as CompactionState };
}

/** Rounds that merged and then went back to the plan by DiscardUpload. */
function discardedMerges(path: readonly string[]): number {
  let merged = false;
  let discarded = 0;
  for (const state of path) {
    if (state === 'PlanCompaction') merged = false;
    if (state === 'MergeDeltas') merged = true;
    if (state === 'DiscardUpload' && merged) discarded++;
  }
  return discarded;
}
