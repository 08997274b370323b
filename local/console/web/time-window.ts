/** The period that the swimlane shows, and how it is moved. Pure. */

import type { LaneRow } from '../lanes.ts';
import { clock, preciseTime } from './format.ts';

/** Milliseconds since the epoch. */
export interface TimeWindow {
  from: number;
  to: number;
}

const SHORTEST_MS = 5;
/** Executions further apart than this belong to different bursts. */
const BURST_GAP_MS = 10_000;
const MARGIN = 0.03;

export function laneEnd(lane: Pick<LaneRow, 'startedAt' | 'stoppedAt' | 'spans'>, now: number): number {
  return Math.max(
    lane.stoppedAt ?? now,
    ...lane.spans.map((span) => (span.kind === 'wait' ? 0 : Math.min(span.to ?? now, now))),
  );
}

/** The period of all lanes. */
export function wholeWindow(lanes: readonly LaneRow[], now: number): TimeWindow {
  if (lanes.length === 0) return { from: now - 60_000, to: now };
  const from = Math.min(...lanes.map(({ startedAt }) => startedAt));
  const to = Math.max(...lanes.map((lane) => laneEnd(lane, now)));
  return withMargin({ from, to: Math.max(to, from + SHORTEST_MS) });
}

/** The period of the latest burst of lanes. */
export function latestWindow(lanes: readonly LaneRow[], now: number): TimeWindow {
  const newestFirst = [...lanes].sort((a, b) => b.startedAt - a.startedAt);
  const burst: LaneRow[] = [];
  for (const lane of newestFirst) {
    const earliest = Math.min(...burst.map(({ startedAt }) => startedAt));
    if (burst.length > 0 && earliest - laneEnd(lane, now) > BURST_GAP_MS) break;
    burst.push(lane);
  }
  return wholeWindow(burst, now);
}

/** Zoom: a `factor` below 1 shows less; the time at `at` (0 to 1 of the width) keeps its place. */
export function zoom({ from, to }: TimeWindow, factor: number, at = 0.5): TimeWindow {
  const width = Math.max(SHORTEST_MS, (to - from) * factor);
  const fixed = from + (to - from) * at;
  return { from: fixed - width * at, to: fixed + width * (1 - at) };
}

/** Move by a fraction of the width: 0.5 goes half a screen later. */
export function pan({ from, to }: TimeWindow, part: number): TimeWindow {
  const by = (to - from) * part;
  return { from: from + by, to: to + by };
}

/** The same width, moved just far enough to include `at`. */
export function including(window: TimeWindow, from: number, to: number): TimeWindow {
  const width = window.to - window.from;
  if (from < window.from) return { from: from - width * 0.1, to: from + width * 0.9 };
  if (to > window.to && from > window.from + width * 0.1) {
    const start = Math.min(from - width * 0.1, to - width * 0.9);
    return { from: start, to: start + width };
  }
  return window;
}

/** Round times for the axis, about `wanted` of them, with the step between them. */
export function ticks({ from, to }: TimeWindow, wanted: number): { at: number[]; step: number } {
  const rough = (to - from) / Math.max(1, wanted);
  const step = STEPS.find((candidate) => candidate >= rough) ?? Math.ceil(rough / DAY) * DAY;
  const at: number[] = [];
  for (let time = Math.ceil(from / step) * step; time <= to; time += step) at.push(time);
  return { at, step };
}

const DAY = 86_400_000;
const STEPS = [
  1,
  2,
  5,
  10,
  20,
  50,
  100,
  200,
  500,
  1e3,
  2e3,
  5e3,
  1e4,
  15e3,
  3e4,
  6e4,
  12e4,
  3e5,
  6e5,
  9e5,
  18e5,
  36e5,
  72e5,
  216e5,
  432e5,
  DAY,
];

/** The time in the precision that the step requires. */
export function tickText(at: number, step: number): string {
  const text = clock(at);
  if (step < 1_000) return preciseTime(at).slice(3);
  return step < 60_000 ? text : text.slice(0, 5);
}

function withMargin({ from, to }: TimeWindow): TimeWindow {
  const margin = (to - from) * MARGIN;
  return { from: from - margin, to: to + margin };
}
