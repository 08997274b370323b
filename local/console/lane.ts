/** What one execution did with lock, claim and pointer, as spans on a time line. */
import type { RecordedEvent } from '../sfn/history.ts';
import type { LockEvent } from './lock-events.ts';
import { detailsOf, type Trace } from './trace.ts';

export interface LaneSpan {
  /** `wait`: in an AcquireLock state, until it was left. */
  kind: 'wait' | 'lock' | 'claim';
  /** `validation` or `swap`; empty for the claim. */
  phase: string;
  from: number;
  /** `null`: still open. */
  to: number | null;
  token: number | null;
}

export interface LaneMark {
  kind: 'collision' | 'delegated' | 'swap' | 'rebase' | 'lost' | 'kept' | 'failed';
  at: number;
  phase: string;
  /** In words, for the tooltip. */
  text: string;
}

/** One commit that this execution published. */
export interface LaneCommit {
  commitId: string;
  version: number;
  at: number;
}

export interface Lane {
  spans: LaneSpan[];
  marks: LaneMark[];
  commits: LaneCommit[];
}

const REBASE_STATE = 'DiscardUpload';
const DELEGATED_STATE = 'Delegated';
const ACQUIRE_STATE = /^Acquire(\w+)Lock$/;

/**
 * @param locks the lock events of this execution, in order
 * @param endedAt when the execution ended; `null` while it runs
 */
export function laneOf(
  trace: Trace,
  events: readonly RecordedEvent[],
  locks: readonly LockEvent[],
  endedAt: number | null,
): Lane {
  const spans = [...waits(trace, endedAt), ...holds(locks, endedAt)];
  const commits = commitsOf(events);
  const swaps = commits.map(({ version, at }): LaneMark => {
    return { kind: 'swap', at, phase: 'swap', text: `Swapped the pointer to version ${version}` };
  });
  const marks = [...lockMarks(locks), ...swaps, ...rebases(trace), ...delegations(trace), ...failures(trace, endedAt)];
  return { spans, marks: marks.sort((a, b) => a.at - b.at), commits };
}

function waits({ visits }: Trace, endedAt: number | null): LaneSpan[] {
  return visits.flatMap(({ state, enteredAt, exitedAt }) => {
    const phase = ACQUIRE_STATE.exec(state)?.[1]?.toLowerCase();
    if (phase === undefined) return [];
    return [{ kind: 'wait' as const, phase, from: enteredAt, to: exitedAt ?? endedAt, token: null }];
  });
}

/**
 * Holds last from the answer to the acquiring call until the answer to the releasing one. A hold that was never
 * released ends when it expires, or when the next one begins.
 */
function holds(events: readonly LockEvent[], endedAt: number | null): LaneSpan[] {
  const spans: LaneSpan[] = [];
  const open: Partial<Record<'lock' | 'claim', LaneSpan & { expiresAt: number | null }>> = {};
  const close = (kind: 'lock' | 'claim', at: number | null) => {
    const span = open[kind];
    delete open[kind];
    if (span === undefined) return;
    const { expiresAt, ...rest } = span;
    const until = at === null || (expiresAt !== null && expiresAt < at) ? expiresAt : at;
    spans.push({ ...rest, to: until });
  };
  for (const { kind, at, phase, token, expiresAt } of events) {
    if (kind === 'lock-acquired') {
      close('lock', at);
      open.lock = { kind: 'lock', phase: phase ?? '', from: at, to: null, token, expiresAt };
    } else if (kind === 'lock-released' || kind === 'lock-lost') close('lock', at);
    else if (kind === 'claim-taken') {
      // A claim that is taken again in every round while it is held is drawn as one span.
      if (open.claim === undefined) open.claim = { kind: 'claim', phase: '', from: at, to: null, token, expiresAt };
      else open.claim.expiresAt = expiresAt;
    } else if (kind === 'claim-renewed' && open.claim !== undefined) open.claim.expiresAt = expiresAt;
    else if (kind === 'claim-released' || kind === 'claim-lost') close('claim', at);
  }
  for (const kind of ['lock', 'claim'] as const) {
    const span = open[kind];
    if (span === undefined) continue;
    if (endedAt !== null) close(kind, null);
    else spans.push({ kind, phase: span.phase, from: span.from, to: null, token: span.token });
  }
  return spans;
}

function lockMarks(events: readonly LockEvent[]): LaneMark[] {
  return events.flatMap(({ kind, at, phase, by }): LaneMark[] => {
    const mark = (what: LaneMark['kind'], text: string) => [{ kind: what, at, phase: phase ?? '', text }];
    switch (kind) {
      case 'lock-collision':
        return mark('collision', `Found the lock held by ${shortName(by)} (${phase})`);
      case 'lock-lost':
        return mark('lost', 'No longer held the lock');
      case 'claim-lost':
        return mark('lost', 'No longer held the claim');
      case 'claim-kept':
        return mark('kept', 'Kept the claim: another execution had delegated');
      default:
        return [];
    }
  });
}

function rebases({ visits }: Trace): LaneMark[] {
  return visits.flatMap((visit, index): LaneMark[] => {
    if (visit.state !== REBASE_STATE) return [];
    const caught = visits.slice(0, index).findLast((earlier) => earlier.caught !== null);
    const why = caught === undefined ? '' : ` after ${caught.caught?.error} in ${caught.state}`;
    return [{ kind: 'rebase', at: visit.enteredAt, phase: '', text: `Discarded this round${why}: plans again` }];
  });
}

/** A delegation with or without the lock: recognised by the final state. */
function delegations({ visits }: Trace): LaneMark[] {
  const last = visits.at(-1);
  if (last?.state !== DELEGATED_STATE) return [];
  const text = 'Another execution had the claim: delegated to it';
  return [{ kind: 'delegated', at: last.enteredAt, phase: '', text }];
}

function failures({ visits }: Trace, endedAt: number | null): LaneMark[] {
  const last = visits.at(-1);
  if (last?.type !== 'Fail') return [];
  const failed = visits.findLast((visit) => visit.caught !== null);
  const text = failed === undefined ? 'Failed' : `Failed: ${failed.caught?.error} in ${failed.state}`;
  return [{ kind: 'failed', at: endedAt ?? last.enteredAt, phase: '', text }];
}

/** From the outputs of SwapPointer, and of DiscardUpload if it finds that a swap of unknown outcome had landed. */
function commitsOf(events: readonly RecordedEvent[]): LaneCommit[] {
  const commits = new Map<string, LaneCommit>();
  for (const event of events) {
    const { name, output } = detailsOf(event);
    if (name !== 'SwapPointer' && name !== REBASE_STATE) continue;
    const committed = typeof output === 'string' ? committedIn(output) : undefined;
    if (committed !== undefined && !commits.has(committed.commitId)) {
      commits.set(committed.commitId, { ...committed, at: event.timestamp });
    }
  }
  return [...commits.values()];
}

function committedIn(output: string): { commitId: string; version: number } | undefined {
  const { committed } = JSON.parse(output) as { committed?: { commitId?: unknown; version?: unknown } | null };
  if (typeof committed?.commitId !== 'string' || typeof committed.version !== 'number') return undefined;
  return { commitId: committed.commitId, version: committed.version };
}

function shortName(arn: string | null): string {
  return arn?.split(':').at(-1) ?? 'another execution';
}
