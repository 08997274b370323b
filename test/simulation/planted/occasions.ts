/** What worlds are like in which some kinds of bugs have their occasion. */
import type { Profile } from '../profile.ts';

/** Claimants that are suspended between their last look and the release, and nothing else to excuse a stranded delta. */
export const WHEN_LEAVING: Partial<Profile> = {
  ...{ collections: ['books'], deltas: 6, maxDeltasPerCommit: 500, paceMs: 30_000, latencyMs: 20, pageSize: 1_000 },
  ...{ stall: 0.06, slowestStallMs: 60_000, lostRequest: 0, lostResponse: 0, lateLanding: 0, cacheFault: 0 },
  ...{ crash: 0, finishCrash: 0, stops: 0, lockDeletions: 0, skewedClock: 0, frozenClock: 0 },
};

/** Swaps whose sender does not hear of them, and does not see the pointer at once. */
export const AFTER_THE_SWAP: Partial<Profile> = {
  ...{ pointerFault: 0.35, deltas: 5, maxDeltasPerCommit: 1, stall: 0.03, slowestStallMs: 100_000 },
  ...{ retainVersions: 1, retainMs: 0 },
};
