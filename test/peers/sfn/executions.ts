/** One execution through the Step Functions API, whoever serves it: started, awaited, and read back. */
import { setTimeout as delay } from 'node:timers/promises';
import {
  DescribeExecutionCommand,
  type HistoryEvent,
  paginateGetExecutionHistory,
  type SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';

const POLL_MS = 30;

export interface Ended {
  arn: string;
  status: string;
  error?: string;
  cause?: string;
  output?: string;
  /** States in the order in which they were entered. */
  path: string[];
  /** What each of them was given, as JSON text. */
  inputs: string[];
  /** The Tasks among them, and how often each was attempted. */
  attempts: { state: string; times: number }[];
}

export interface RunRequest {
  machine: string;
  input: string;
  name?: string;
  /** Stop it once this is so. */
  stopWhen?: () => boolean;
  onStopped?: () => void;
}

export async function runToItsEnd(client: SFNClient, request: RunRequest): Promise<Ended> {
  const { machine: stateMachineArn, input, name = crypto.randomUUID(), stopWhen, onStopped } = request;
  const started = await client.send(new StartExecutionCommand({ stateMachineArn, input, name }));
  const executionArn = started.executionArn as string;
  if (stopWhen !== undefined) {
    while (!stopWhen()) await delay(POLL_MS);
    await client.send(new StopExecutionCommand({ executionArn, error: 'Stopped', cause: 'By hand.' }));
    onStopped?.();
  }
  for (;;) {
    const { status, error, cause, output } = await client.send(new DescribeExecutionCommand({ executionArn }));
    if (status === 'RUNNING') {
      await delay(POLL_MS);
      continue;
    }
    const events: HistoryEvent[] = [];
    const pages = paginateGetExecutionHistory({ client, pageSize: 1_000 }, { executionArn, maxResults: 1_000 });
    for await (const page of pages) events.push(...(page.events ?? []));
    return {
      arn: executionArn,
      status: status as string,
      ...(error === undefined ? {} : { error }),
      ...(cause === undefined ? {} : { cause }),
      ...(output === undefined ? {} : { output }),
      ...walked(events),
    };
  }
}

function walked(events: readonly HistoryEvent[]): Pick<Ended, 'path' | 'inputs' | 'attempts'> {
  const path: string[] = [];
  const inputs: string[] = [];
  const attempts: Ended['attempts'] = [];
  for (const { type, stateEnteredEventDetails: entered } of events) {
    if (entered !== undefined) {
      path.push(entered.name as string);
      inputs.push(entered.input ?? '');
    }
    if (type === 'TaskStateEntered') attempts.push({ state: entered?.name as string, times: 0 });
    const last = attempts.at(-1);
    if (last !== undefined && (type === 'LambdaFunctionScheduled' || type === 'TaskScheduled')) last.times++;
  }
  return { path, inputs, attempts };
}
