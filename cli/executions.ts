/** Executions through the Step Functions API, the same for AWS and the local stack. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DescribeExecutionCommand, paginateGetExecutionHistory, StartExecutionCommand } from '@aws-sdk/client-sfn';
import type { CompactionState } from '../statemachine/contract.ts';
import { bytes, count } from './output.ts';
import type { Target } from './target.ts';

export interface ExecutionReport {
  executionArn: string;
  status: string;
  /** Name and message of the error, of an execution that failed. */
  error: string | undefined;
  message: string;
  durationMs: number;
  /** Names of the states in the order of entering them. */
  path: string[];
  state: CompactionState | undefined;
}

export async function startExecution(target: Target, collection: string, name?: string): Promise<string> {
  const input = JSON.stringify({ collection });
  const { stateMachineArn } = target;
  const command = new StartExecutionCommand({ stateMachineArn, input, ...(name === undefined ? {} : { name }) });
  const { executionArn = '' } = await target.sfn.send(command);
  return executionArn;
}

const POLL_MS = { embedded: 50, local: 100, aws: 1_000 } as const;

/** Wait until an execution has ended. `report` hears of the state that it is in. */
export async function waitForExecution(
  target: Target,
  executionArn: string,
  report: (state: string) => void = () => {},
): Promise<ExecutionReport> {
  for (;;) {
    const { status } = await target.sfn.send(new DescribeExecutionCommand({ executionArn }));
    if (status !== 'RUNNING') return readExecution(target, executionArn);
    if (target.kind !== 'aws') report((await readPath(target, executionArn)).at(-1) ?? '');
    await sleep(POLL_MS[target.kind]);
  }
}

export async function readExecution(target: Target, executionArn: string): Promise<ExecutionReport> {
  const described = await target.sfn.send(new DescribeExecutionCommand({ executionArn }));
  const { status = 'RUNNING', error, cause, output, startDate, stopDate } = described;
  return {
    executionArn,
    status,
    error,
    message: messageOf(cause),
    durationMs: (stopDate?.getTime() ?? Date.now()) - (startDate?.getTime() ?? 0),
    path: await readPath(target, executionArn),
    state: output === undefined ? undefined : (JSON.parse(output) as CompactionState),
  };
}

async function readPath(target: Target, executionArn: string): Promise<string[]> {
  const path: string[] = [];
  const pages = paginateGetExecutionHistory({ client: target.sfn }, { executionArn, includeExecutionData: false });
  for await (const { events = [] } of pages) {
    for (const { stateEnteredEventDetails } of events) {
      if (stateEnteredEventDetails?.name !== undefined) path.push(stateEnteredEventDetails.name);
    }
  }
  return path;
}

/** Lambda's cause is JSON; people want its message. */
export function messageOf(cause: string | undefined): string {
  if (cause === undefined) return 'no cause is given';
  try {
    return String((JSON.parse(cause) as { errorMessage?: string }).errorMessage ?? cause);
  } catch {
    return cause;
  }
}

/** One execution in a sentence or two. */
export function describeOutcome({ path, state, durationMs }: ExecutionReport): string {
  const ending = path.at(-1) ?? 'unknown';
  if (state === undefined || state.totals.commits === 0) return `${ending} after ${durationMs} ms.`;
  const { totals, committed, held } = state;
  return (
    `${ending} after ${durationMs} ms: version ${committed?.version} with ${count(committed?.records ?? 0, 'record')}; ` +
    `${count(totals.deltas, 'delta')}, ${count(totals.operations, 'operation')}, ${totals.rejectedOperations} rejected.\n` +
    `Uploaded ${bytes(totals.uploadedBytes)} for ${bytes(totals.changedBytes)} of changed blocks ` +
    `(snapshot ${bytes(committed?.snapshotBytes ?? 0)}).\n` +
    `Lock held ${held.validationMs} ms to validate and ${held.swapMs} ms to swap; claim ${held.claimMs} ms.`
  );
}
