/** Which Task has which retry policies, in the order in which Step Functions tries them. */
import { POLICIES, type PolicyName, type Retrier } from './retriers.ts';

const USUAL = ['refused', 'misconfigured', 'lambdaTrouble', 'notReady', 'unavailable', 'hung'] as const;
const ACQUIRE = ['refused', 'misconfigured', 'lockHeld', 'lambdaTrouble', 'notReady', 'unavailable', 'hung'] as const;

/** Keyed by machine (the name of its ASL file) and by Task state. */
export const POLICIES_BY_TASK: Readonly<Record<string, Readonly<Record<string, readonly PolicyName[]>>>> = {
  compaction: {
    PlanCompaction: USUAL,
    AcquireValidationLock: ACQUIRE,
    ValidateCas: USUAL,
    ReleaseValidationLock: USUAL,
    // Up to 15 minutes of work: after a time-out, a new plan is the better second attempt (see Catch).
    MergeDeltas: ['refusedInMerge', 'misconfigured', 'lambdaTroubleInMerge', 'notReady', 'unavailable'],
    CheckBase: USUAL,
    // For the same reason as MergeDeltas.
    UploadSnapshot: ['refused', 'misconfigured', 'lambdaTrouble', 'notReady', 'unavailable'],
    AcquireSwapLock: ACQUIRE,
    SwapPointer: USUAL,
    ReleaseSwapLock: USUAL,
    SyncEfs: USUAL,
    FinishCompaction: USUAL,
    ReleaseLockAfterConflict: USUAL,
    DiscardUpload: ['refusedInDiscard', 'misconfigured', 'lambdaTrouble', 'notReady', 'unavailable', 'hung'],
    HandleFailure: USUAL,
  },
  'release-abandoned': {
    ReleaseAbandoned: USUAL,
    StartSuccessor: ['alreadyStarted', 'startRefused', 'startHung'],
  },
};

/** The `Retry` arrays of a machine, by Task state. */
export function retriersOf(machine: string): Record<string, Retrier[]> {
  const tasks = Object.entries(POLICIES_BY_TASK[machine] ?? {});
  return Object.fromEntries(tasks.map(([task, names]) => [task, names.map((name) => POLICIES[name])]));
}
