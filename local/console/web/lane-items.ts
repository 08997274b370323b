/** The items of a lane that pointer and keyboard can reach: its spans and marks, in words. Pure. */
import type { LaneMark, LaneSpan } from '../lane.ts';
import type { LaneRow } from '../lanes.ts';
import { duration, preciseTime } from './format.ts';

export interface LaneItem {
  id: string;
  from: number;
  to: number;
  /** e.g. `lock-validation` or `swap`: determines its shape. */
  look: string;
  title: string;
  detail: string;
  isMark: boolean;
}

/** Items in order of time. A span that is still open extends to `now`. */
export function laneItems(lane: LaneRow, now: number): LaneItem[] {
  const spans = lane.spans.filter(isShown).map((span, index) => spanItem(lane, span, index, now));
  const marks = lane.marks.map((mark, index) => markItem(lane, mark, index));
  return [...spans, ...marks].sort((a, b) => a.from - b.from || a.to - b.to);
}

/** An Acquire state that did not wait is not shown beside the lock that it took. */
function isShown({ kind, from, to }: LaneSpan): boolean {
  return kind !== 'wait' || to === null || to - from >= 1;
}

function spanItem(lane: LaneRow, span: LaneSpan, index: number, now: number): LaneItem {
  const { kind, phase, from, token } = span;
  const to = span.to ?? now;
  const length = `${duration(to - from)}${span.to === null ? ' so far' : ''}`;
  const title = {
    lock: `Held the lock to ${phase === 'swap' ? 'swap' : 'validate'}, ${length}`,
    claim: `Had the claim, ${length}`,
    wait: `In Acquire${phase === 'swap' ? 'Swap' : 'Validation'}Lock, ${length}`,
  }[kind];
  const look = kind === 'lock' ? `lock-${phase}` : kind;
  const detail = `From ${preciseTime(from)} to ${preciseTime(to)}${token === null ? '' : `, token ${token}`}`;
  return { id: `${lane.name} span ${index}`, from, to, look, title, detail, isMark: false };
}

function markItem(lane: LaneRow, { kind, at, text }: LaneMark, index: number): LaneItem {
  return {
    id: `${lane.name} mark ${index}`,
    from: at,
    to: at,
    look: kind,
    title: text,
    detail: `At ${preciseTime(at)}`,
    isMark: true,
  };
}

export const LOOKS = [
  ['claim', 'claim'],
  ['wait', 'waiting for the lock'],
  ['lock-validation', 'lock, to validate'],
  ['lock-swap', 'lock, to swap'],
  ['swap', 'pointer swapped'],
  ['collision', 'collision'],
  ['delegated', 'delegated'],
  ['rebase', 'rebase'],
  ['kept', 'claim kept'],
  ['failed', 'failed'],
] as const;

/** Outlines of the marks, around 0,0; each has a shape of its own. */
export const MARKS: Readonly<Record<string, string>> = {
  collision: 'M-4.5,-4.5 L4.5,4.5 M4.5,-4.5 L-4.5,4.5',
  delegated: 'M-4,-5 L5,0 L-4,5 Z',
  swap: 'M0,-7 L6,0 L0,7 L-6,0 Z',
  rebase: 'M4,-4 A5.5,5.5 0 1 0 5.5,1.5 M4.5,-7 L4.5,-3 L0.5,-3',
  kept: 'M-5,-5 H5 V5 H-5 Z',
  lost: 'M-5,-5 H5 L0,5 Z',
  failed: 'M-3,-6 H3 V1 H-3 Z M-3,3 H3 V6 H-3 Z',
};
