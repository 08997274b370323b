/** What a run consists of. */
import type { Contention } from './scenarios/contention.ts';
import { SCENARIOS, type Scenario } from './scenarios/scenarios.ts';

export interface Size {
  /** As scenarios name it. */
  name: string;
  records: number;
  scenarios: readonly Scenario[];
  repetitions: { ours: number; baseline: number };
}

export interface Plan {
  /** Of the results in `bench/results/`. */
  name: 'quick' | 'full';
  sizes: Size[];
  /** On the snapshot of the first size. */
  contention: Contention[];
  /** Run the baseline a second time with redelivery, at so many writers. */
  redeliveredAt: number[];
  /** Does a bound fail the run that hangs on the speed of the machine at the moment? */
  failsOnTiming: boolean;
}

const MEDIUM = { name: '66mb', records: 20_000 };
const LARGE = { name: '600mb', records: 180_000 };

/** About one batch of each writer per 2 s. */
const LOAD = { durationMs: 40_000, deltasPerBatch: 10, upsertsPerDelta: 10, pauseMs: 1_500, skipped: 'done' } as const;

export const FULL: Plan = {
  name: 'full',
  sizes: [
    { ...MEDIUM, scenarios: SCENARIOS, repetitions: { ours: 5, baseline: 2 } },
    { ...LARGE, scenarios: SCENARIOS, repetitions: { ours: 3, baseline: 1 } },
  ],
  contention: [1, 4, 8].map((writers) => ({ ...LOAD, writers })),
  redeliveredAt: [8],
  failsOnTiming: true,
};

/** What continuous integration runs: the bounds that make sense on the smaller snapshot. */
export const QUICK: Plan = {
  name: 'quick',
  sizes: [
    {
      ...MEDIUM,
      scenarios: ['upserts-100', 'updates-50', 'nothing-to-do', 'reader-refresh'],
      repetitions: { ours: 3, baseline: 2 },
    },
  ],
  contention: [{ ...LOAD, writers: 8, durationMs: 25_000 }],
  redeliveredAt: [],
  failsOnTiming: false,
};
