import type { HistoryEvent as SdkHistoryEvent } from '@aws-sdk/client-sfn';
import { StateFailure } from './failure.ts';

/** The members `<type>EventDetails` of an event, in the shapes that the AWS SDK declares. */
export type EventDetails = Omit<SdkHistoryEvent, 'id' | 'previousEventId' | 'timestamp' | 'type'>;
export type EventType = NonNullable<SdkHistoryEvent['type']>;

/** One event of an execution's history, as in AWS except that `timestamp` is in milliseconds since the epoch. */
export interface RecordedEvent extends EventDetails {
  /** Rising from 1. */
  id: number;
  previousEventId: number;
  timestamp: number;
  type: EventType;
}

/** Records an event and returns its id. */
export type Emit = (type: EventType, details: EventDetails) => number;

/** Longest history of an execution, as in AWS; the last place is reserved for the event that ends it. */
const EVENT_LIMIT = 25_000;
/** The types of event that end a history. */
export const ENDINGS: readonly EventType[] = [
  'ExecutionSucceeded',
  'ExecutionFailed',
  'ExecutionAborted',
  'ExecutionTimedOut',
];

/**
 * Numbers the events of one execution. Without parallel states each event follows the previous one; as in AWS, the
 * event of the first state names no predecessor.
 */
export function historyWriter(now: () => number, append: (event: RecordedEvent) => void): Emit {
  let last = 0;
  return (type, details) => {
    if (last >= EVENT_LIMIT - 1 && !ENDINGS.includes(type)) {
      throw new StateFailure(
        'States.Runtime',
        `The execution reached the maximum number of history events (${EVENT_LIMIT}).`,
      );
    }
    const id = last + 1;
    append({ id, previousEventId: id === 2 ? 0 : last, timestamp: now(), type, ...details });
    last = id;
    return id;
  };
}

/** The event that ends a history from outside the interpreter, after the process that ran the execution has ended. */
export function abortedEvent(last: number, timestamp: number, error: string, cause: string): RecordedEvent {
  return {
    id: last + 1,
    previousEventId: last,
    timestamp,
    type: 'ExecutionAborted',
    executionAbortedEventDetails: { error, cause },
  };
}

/** Without inputs and outputs, for `includeExecutionData: false`. */
export function withoutData(event: RecordedEvent): RecordedEvent {
  const members = Object.entries(event).map(([name, value]) => {
    if (typeof value !== 'object' || value === null) return [name, value];
    const { input, output, inputDetails, outputDetails, parameters, ...rest } = value as Record<string, unknown>;
    return [name, parameters === undefined ? rest : { ...rest, parameters: '{}' }];
  });
  return Object.fromEntries(members) as RecordedEvent;
}
