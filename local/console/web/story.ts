/** What happened to an execution, in words: first how it ended and why, then what happened on the way. */
import type { ExecutionDetail } from '../executions.ts';
import type { Visit } from '../trace.ts';
import { bytes, count, duration, messageOf, plural } from './format.ts';

export interface Story {
  tone: 'good' | 'bad' | 'busy' | 'plain';
  headline: string;
  /** The error's own message. */
  message: string;
  points: StoryPoint[];
}

export interface StoryPoint {
  kind: 'retry' | 'catch' | 'fact';
  text: string;
  /** The state in which it happened. */
  state: string | null;
}

interface Output {
  committed?: { version: number; records: number } | null;
  totals?: { commits: number; deltas: number; rejectedOperations: number; uploadedBytes: number };
  held?: { validationMs: number; swapMs: number; claimMs: number };
}

export function tellStory(execution: ExecutionDetail, now: number): Story {
  const origin = originOf(execution);
  // Parts that the headline already states in full.
  const points = execution.trace.visits.filter((visit) => visit !== origin).flatMap(incidents);
  const retries = origin === undefined ? [] : incidents(origin).filter(({ kind }) => kind === 'retry');
  const facts = execution.output === null ? [] : factsOf(execution.output);
  return { ...ending(execution, now), points: [...joined([...points, ...retries]), ...facts] };
}

/** Where the error of a failed execution came from: the Fail state only repeats it. */
export function originOf({
  status,
  error,
  trace,
}: Pick<ExecutionDetail, 'status' | 'error' | 'trace'>): Visit | undefined {
  if (status !== 'FAILED') return undefined;
  return trace.visits.findLast((visit) => visit.caught !== null && visit.caught.error === error);
}

function ending(execution: ExecutionDetail, now: number): Omit<Story, 'points'> {
  const { status, trace, output } = execution;
  const last = trace.visits.at(-1);
  const told = (tone: Story['tone'], headline: string, message = '') => ({ tone, headline, message });
  if (status === 'RUNNING') {
    if (last === undefined) return told('busy', 'It is about to enter its first state.');
    const attempts = last.attempts.length > 1 ? `, attempt ${last.attempts.length}` : '';
    return told('busy', `In ${last.state} for ${duration(now - last.enteredAt)}${attempts}.`);
  }
  if (status === 'SUCCEEDED') return told('good', success(last?.state, output));
  const cause = messageOf(execution.cause);
  if (status === 'ABORTED') {
    return told(
      'plain',
      `Stopped in ${last?.state ?? 'its start'}${execution.error ? `: ${execution.error}` : ''}.`,
      cause,
    );
  }
  if (status === 'TIMED_OUT') return told('bad', `Timed out in ${last?.state ?? 'its start'}.`, cause);
  const origin = originOf(execution) ?? last;
  const attempts = origin === undefined ? 1 : Math.max(1, origin.attempts.length);
  return told('bad', `${execution.error} in ${origin?.state}, after ${plural(attempts, 'attempt')}.`, cause);
}

function success(state: string | undefined, output: string | null): string {
  const { committed, totals } = parsed(output);
  switch (state) {
    case 'Compacted':
      return (
        `Committed version ${count(committed?.version ?? 0)} with ${plural(totals?.deltas ?? 0, 'delta')}; ` +
        `the collection has ${plural(committed?.records ?? 0, 'record')}.`
      );
    case 'Delegated':
      return 'Another execution had the claim, so this one delegated its work to it: nothing is lost.';
    case 'UpToDate':
      return 'There was nothing for this execution to commit.';
    default:
      return `Succeeded in ${state ?? 'its last state'}.`;
  }
}

function factsOf(output: string): StoryPoint[] {
  const { totals, held } = parsed(output);
  const points: string[] = [];
  if (totals !== undefined && totals.commits > 0) {
    const rounds = totals.commits > 1 ? ` in ${count(totals.commits)} commits` : '';
    points.push(`Uploaded ${bytes(totals.uploadedBytes)}${rounds}.`);
    if (totals.rejectedOperations > 0)
      points.push(`${plural(totals.rejectedOperations, 'operation')} rejected; the collection's page says why.`);
  }
  if (held !== undefined && held.validationMs + held.swapMs > 0) {
    points.push(`Held the lock ${duration(held.validationMs)} to validate and ${duration(held.swapMs)} to swap.`);
  }
  return points.map((text) => ({ kind: 'fact', text, state: null }));
}

function incidents(visit: Visit): StoryPoint[] {
  const { state, attempts, caught } = visit;
  const failed = attempts.filter(({ outcome }) => outcome === 'failed' || outcome === 'timed-out');
  const retried = caught === null ? failed : failed.slice(0, -1);
  const byError = new Map<string, number>();
  for (const { error } of retried)
    byError.set(error ?? 'States.Timeout', (byError.get(error ?? 'States.Timeout') ?? 0) + 1);
  const retries = [...byError].map(([error, times]): StoryPoint => {
    return {
      kind: 'retry',
      state,
      text: `${state} was retried ${times === 1 ? 'once' : `${count(times)} times`} after ${error}.`,
    };
  });
  if (caught === null) return retries;
  return [
    ...retries,
    { kind: 'catch', state, text: `${state}: ${caught.error} was caught. ${messageOf(caught.cause)}`.trim() },
  ];
}

/** Equal points, e.g. of a loop, are listed once, with their number. */
function joined(points: readonly StoryPoint[]): StoryPoint[] {
  const found = new Map<string, { point: StoryPoint; times: number }>();
  for (const point of points) {
    const known = found.get(point.text);
    if (known === undefined) found.set(point.text, { point, times: 1 });
    else known.times++;
  }
  return [...found.values()].map(({ point, times }) =>
    times === 1 ? point : { ...point, text: `${point.text} (${times} times)` },
  );
}

function parsed(output: string | null): Output {
  try {
    return Object(JSON.parse(output ?? '{}')) as Output;
  } catch {
    return {};
  }
}
