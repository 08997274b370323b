/** Executions through the Step Functions API, the same for AWS and the local stack. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  DescribeExecutionCommand,
  ExecutionAlreadyExists,
  paginateGetExecutionHistory,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { messageInCause } from '../lambdas/errors/lambda-cause.ts';
import type { CompactionInput, CompactionState } from '../statemachine/contract.ts';
import { whenInterrupted } from './interrupt.ts';
import { bytes, CommandFailure, count, EXIT } from './output.ts';
import type { Target } from './target.ts';
import { waitingFor } from './waiting-for.ts';

export interface ExecutionReport {
  executionArn: string;
  status: string;
  /** Name and message of the error, of an execution that did not succeed. */
  error: string | undefined;
  message: string | undefined;
  durationMs: number;
  /** Names of the states in the order of entering them. */
  path: string[];
  state: CompactionState | undefined;
}

/**
 * An embedded stack merges in this process. Without a Chroma server the state machine would retry for minutes, as it
 * should on AWS, so the server is checked first.
 * @throws EngineUnavailableError
 */
export async function startExecution(target: Target, input: CompactionInput, name?: string): Promise<string> {
  const { stateMachineArn } = target;
  if (target.kind === 'embedded') await target.ports.engine.identify();
  const command = new StartExecutionCommand({
    stateMachineArn,
    input: JSON.stringify(input),
    ...(name === undefined ? {} : { name }),
  });
  try {
    const { executionArn = '' } = await target.sfn.send(command);
    return executionArn;
  } catch (error) {
    if (!(error instanceof ExecutionAlreadyExists) || name === undefined) throw error;
    process.stderr.write(
      `Note: execution "${name}" was started before, and a name starts once. This is what became of it.\n`,
    );
    return `${stateMachineArn.replace(':stateMachine:', ':execution:')}:${name}`;
  }
}

const POLL_MS = { embedded: 50, local: 100, aws: 1_000 } as const;
const LOOKS_PER_REASON = 10;

export interface WaitOptions {
  /** Called with the state that the execution is in. */
  report?: (state: string) => void;
  /** Default: wait as long as it runs. */
  timeoutMs?: number;
  /** Called with what the execution is waiting for. */
  tell?: (reason: string) => void;
}

/** Wait until an execution has ended. @throws CommandFailure (after the time-out; the execution continues) */
export async function waitForExecution(
  target: Target,
  collection: string,
  executionArn: string,
  { report = () => {}, timeoutMs = Number.POSITIVE_INFINITY, tell = () => {} }: WaitOptions = {},
): Promise<ExecutionReport> {
  const started = Date.now();
  whenInterrupted(() => whatGoesOn(target, collection, executionArn));
  for (let looks = 1; ; looks++) {
    const { status } = await target.sfn.send(new DescribeExecutionCommand({ executionArn }));
    if (status !== 'RUNNING') return readExecution(target, executionArn);
    const state = target.kind === 'aws' ? '' : ((await readPath(target, executionArn)).at(-1) ?? '');
    report(state);
    const isOver = Date.now() - started >= timeoutMs;
    if (isOver || looks % LOOKS_PER_REASON === 0) {
      const reason = await waitingFor(target, collection, executionArn, state);
      tell(reason);
      if (isOver) {
        throw new CommandFailure(
          `It has not ended within ${timeoutMs / 1_000} s: ${reason}. ` +
            `${target.kind === 'embedded' ? 'It ends with this command; what it left is done by the next one.' : 'It goes on.'} ` +
            `See: compactor locks ${collection}; compactor explain ${executionArn}.`,
          EXIT.timedOut,
        );
      }
    }
    await sleep(POLL_MS[target.kind]);
  }
}

function whatGoesOn({ kind }: Target, collection: string, executionArn: string): string {
  if (kind === 'embedded') {
    return `The execution ended with this command; nothing is lost: compactor start ${collection} does what is left.`;
  }
  return `The execution goes on without this command. See: compactor explain ${executionArn}.`;
}

async function readExecution(target: Target, executionArn: string): Promise<ExecutionReport> {
  const described = await target.sfn.send(new DescribeExecutionCommand({ executionArn }));
  const { status = 'RUNNING', error, cause, output, startDate, stopDate } = described;
  return {
    executionArn,
    status,
    error,
    message: status === 'SUCCEEDED' || status === 'RUNNING' ? undefined : messageOf(cause),
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

export function messageOf(cause: string | undefined): string {
  return cause === undefined ? 'no cause is given' : messageInCause(cause);
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
