/** The phases of an execution in which the chaos kills, by the states of `compaction.asl.json`. */
import type { Random } from '../simulation/random.ts';

/** Each must have been hit before a campaign may call itself one. */
export const TARGETS = ['merge', 'upload', 'swap', 'cache sync', 'finish'] as const;
export type Target = (typeof TARGETS)[number];
export type Phase = Target | 'plan' | 'validate' | 'back off';

const PHASES: Readonly<Record<string, Phase>> = {
  MergeDeltas: 'merge',
  CheckBase: 'upload',
  UploadSnapshot: 'upload',
  AcquireSwapLock: 'swap',
  SwapPointer: 'swap',
  ReleaseSwapLock: 'swap',
  SyncEfs: 'cache sync',
  FinishCompaction: 'finish',
  AcquireValidationLock: 'validate',
  ValidateCas: 'validate',
  ReleaseValidationLock: 'validate',
  ReleaseLockAfterConflict: 'back off',
  DiscardUpload: 'back off',
  Backoff: 'back off',
};

/** What remains are the plan and the Choice states beside it. */
export function phaseOf(state: string): Phase {
  return PHASES[state] ?? 'plan';
}

export function statesOf(target: Target): string[] {
  return Object.keys(PHASES).filter((state) => PHASES[state] === target);
}

/** About as long as the state takes, in milliseconds: a Chroma server starts, works and stops in a merge. */
const LONGEST_DELAY_MS: Readonly<Record<Target, number>> = {
  merge: 900,
  upload: 40,
  swap: 15,
  'cache sync': 8,
  finish: 60,
};

/** From the entry of the state to the kill; often none, since that is where a short state is hit. */
export function delayMs(target: Target, random: Random): number {
  return random.chance(0.3) ? 0 : LONGEST_DELAY_MS[target] * random.next() ** 1.5;
}
