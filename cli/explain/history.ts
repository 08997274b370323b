/** The history of an execution as visits of states: attempt by attempt, with the error of each failed one. */
import type { HistoryEvent } from '@aws-sdk/client-sfn';
import { messageOf } from '../executions.ts';

export interface Failure {
  error: string;
  message: string;
}

export interface Visit {
  state: string;
  /** Milliseconds since the epoch. */
  enteredAt: number;
  leftAt: number | undefined;
  /** Attempts that failed, in order. The last one ended the visit if it was caught or not retried. */
  failures: Failure[];
  /** Did an attempt succeed in the end? */
  isDone: boolean;
  /** What the state passed on to the next one, if it is an object. */
  output: Record<string, unknown> | undefined;
}

/** `events` in their order, with data. */
export function visitsOf(events: readonly HistoryEvent[]): Visit[] {
  const visits: Visit[] = [];
  for (const event of events) {
    const at = event.timestamp?.getTime() ?? 0;
    const entered = event.stateEnteredEventDetails?.name;
    if (entered !== undefined) {
      visits.push({ state: entered, enteredAt: at, leftAt: undefined, failures: [], isDone: false, output: undefined });
      continue;
    }
    const visit = visits.at(-1);
    if (visit === undefined) continue;
    const failure = failureOf(event);
    if (event.type === 'LambdaFunctionSucceeded' || event.type === 'TaskSucceeded') visit.isDone = true;
    if (failure !== undefined) visit.failures.push(failure);
    if (event.stateExitedEventDetails !== undefined) {
      visit.leftAt = at;
      visit.output = parseObject(event.stateExitedEventDetails.output);
    }
  }
  return visits;
}

function failureOf(event: HistoryEvent): Failure | undefined {
  const details =
    event.lambdaFunctionFailedEventDetails ??
    event.lambdaFunctionTimedOutEventDetails ??
    event.lambdaFunctionScheduleFailedEventDetails ??
    event.lambdaFunctionStartFailedEventDetails ??
    event.taskFailedEventDetails ??
    event.taskTimedOutEventDetails;
  const isTimeOut = event.type === 'LambdaFunctionTimedOut' || event.type === 'TaskTimedOut';
  if (details === undefined) return isTimeOut ? { error: 'States.Timeout', message: 'no answer in time' } : undefined;
  const error = details.error ?? (isTimeOut ? 'States.Timeout' : 'an error without a name');
  return { error, message: messageOf(details.cause) };
}

function parseObject(text: string | undefined): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text ?? '');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
