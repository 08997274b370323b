/** An execution's history as a path through the states: visits, attempts, what was caught, and where it went next. */
import type { RecordedEvent } from '../sfn/history.ts';

export interface Attempt {
  /** Milliseconds since the epoch. */
  startedAt: number;
  endedAt: number | null;
  outcome: 'running' | 'succeeded' | 'failed' | 'timed-out';
  error: string | null;
  cause: string | null;
}

export interface Visit {
  /** From 0, in order of entering. */
  index: number;
  state: string;
  /** The state's type in the ASL, e.g. `Task`. */
  type: string;
  enteredAt: number;
  /** `null`: still in the state, or the execution ended in it. */
  exitedAt: number | null;
  enteredEvent: number;
  exitedEvent: number | null;
  /** For a Task: each invocation, including retries. */
  attempts: Attempt[];
  /** The error that a Catch handled; `null` if there was none. */
  caught: { error: string; cause: string | null } | null;
  /** Did the execution fail, or was it stopped, in this state? */
  isLast: boolean;
}

/** One transition between two states, with how often it was taken. */
export interface Passage {
  from: string;
  to: string;
  isCatch: boolean;
  count: number;
}

export interface Trace {
  visits: Visit[];
  passages: Passage[];
  events: number;
}

interface Details {
  name?: string;
  error?: string;
  cause?: string;
}

const ENTERED = /^(\w+)StateEntered$/;
const EXITED = /^(\w+)StateExited$/;
const SCHEDULED = ['LambdaFunctionScheduled', 'TaskScheduled'];
const SUCCEEDED = ['LambdaFunctionSucceeded', 'TaskSucceeded'];
const FAILED = ['LambdaFunctionFailed', 'TaskFailed'];
const TIMED_OUT = ['LambdaFunctionTimedOut', 'TaskTimedOut'];

/** @param events the whole history, in order */
export function traceOf(events: readonly RecordedEvent[]): Trace {
  const visits: Visit[] = [];
  for (const event of events) {
    const visit = visits.at(-1);
    const entered = ENTERED.exec(event.type)?.[1];
    if (entered !== undefined) visits.push(entering(visits.length, entered, event));
    else if (visit !== undefined) advance(visit, event);
  }
  const last = visits.at(-1);
  if (last !== undefined) last.isLast = true;
  return { visits, passages: passagesOf(visits), events: events.length };
}

function entering(index: number, type: string, event: RecordedEvent): Visit {
  return {
    index,
    state: detailsOf(event).name ?? '',
    type,
    enteredAt: event.timestamp,
    exitedAt: null,
    enteredEvent: event.id,
    exitedEvent: null,
    attempts: [],
    caught: null,
    isLast: false,
  };
}

function advance(visit: Visit, event: RecordedEvent): void {
  const attempt = visit.attempts.at(-1);
  if (SCHEDULED.includes(event.type)) {
    visit.attempts.push({ startedAt: event.timestamp, endedAt: null, outcome: 'running', error: null, cause: null });
  } else if (EXITED.test(event.type)) {
    visit.exitedAt = event.timestamp;
    visit.exitedEvent = event.id;
    // Left in spite of a failure, which only a Catch can cause.
    if (attempt?.error != null) visit.caught = { error: attempt.error, cause: attempt.cause };
  } else if (attempt !== undefined) {
    const outcome = outcomeOf(event.type);
    if (outcome === undefined) return;
    const { error = null, cause = null } = detailsOf(event);
    Object.assign(attempt, { endedAt: event.timestamp, outcome, ...(outcome === 'succeeded' ? {} : { error, cause }) });
  }
}

function outcomeOf(type: string): Attempt['outcome'] | undefined {
  if (SUCCEEDED.includes(type)) return 'succeeded';
  if (FAILED.includes(type)) return 'failed';
  return TIMED_OUT.includes(type) ? 'timed-out' : undefined;
}

function passagesOf(visits: readonly Visit[]): Passage[] {
  const found = new Map<string, Passage>();
  for (const [index, { state, caught }] of visits.entries()) {
    const next = visits[index + 1];
    if (next === undefined) continue;
    const id = JSON.stringify([state, next.state, caught !== null]);
    const passage = found.get(id) ?? { from: state, to: next.state, isCatch: caught !== null, count: 0 };
    found.set(id, { ...passage, count: passage.count + 1 });
  }
  return [...found.values()];
}

/** The member `<type>EventDetails`, whatever the type; an event has at most one. */
export function detailsOf(event: RecordedEvent): Details & Record<string, unknown> {
  const details = Object.values(event).find((value) => typeof value === 'object' && value !== null);
  return (details ?? {}) as Details & Record<string, unknown>;
}
