/** Store or table do not answer, in every Task: for a while, and for good. */
import { StoreUnavailableError, TableUnavailableError } from '../../lambdas/errors/errors.ts';
import { type Fault, throws } from '../support/faulty.ts';
import type { MemoryPorts } from '../support/memory-ports.ts';
import type { Scenario } from './scenario.ts';
import { fence } from './support.ts';

export const storeDown = throws(new StoreUnavailableError('The store answered 503. Try again.'));
export const tableDown = throws(new TableUnavailableError('The table throttles. Try again.'));

interface Outage {
  state: string;
  on: string;
  /** Attempts that the step makes by itself. */
  attempts?: number;
  /** How the execution gets into that state at all. */
  route?: (ports: MemoryPorts) => Fault[];
  /** Where it ends when the outage stays; by default it fails with the port's error. */
  ends?: string;
  leavesHeld?: boolean;
}

export const movedAtSwap = (ports: MemoryPorts): Fault[] => [
  { on: 'store.putIfMatch', in: 'SwapPointer', times: 1, before: () => fence(ports) },
];
export const failsInUpload = (): Fault[] => [{ on: 'store.putIfAbsent', in: 'UploadSnapshot', before: storeDown }];

const OUTAGES: Outage[] = [
  { state: 'PlanCompaction', on: 'store.get' },
  { state: 'PlanCompaction', on: 'store.list' },
  { state: 'PlanCompaction', on: 'statuses.getStatuses' },
  { state: 'AcquireValidationLock', on: 'locks.acquireLock' },
  { state: 'ValidateCas', on: 'store.get' },
  { state: 'ValidateCas', on: 'locks.takeClaim' },
  { state: 'ReleaseValidationLock', on: 'locks.releaseLock' },
  { state: 'MergeDeltas', on: 'statuses.getStatuses' },
  { state: 'MergeDeltas', on: 'store.list' },
  { state: 'CheckBase', on: 'store.get' },
  { state: 'UploadSnapshot', on: 'store.putIfAbsent', attempts: 4 },
  { state: 'UploadSnapshot', on: 'store.head' },
  { state: 'UploadSnapshot', on: 'store.get' },
  { state: 'AcquireSwapLock', on: 'locks.acquireLock' },
  { state: 'ReleaseSwapLock', on: 'locks.releaseLock', ends: 'Compacted', leavesHeld: true },
  { state: 'FinishCompaction', on: 'store.get' },
  { state: 'FinishCompaction', on: 'statuses.putStatus' },
  { state: 'FinishCompaction', on: 'store.deleteIfMatch' },
  { state: 'FinishCompaction', on: 'locks.readLock' },
  { state: 'FinishCompaction', on: 'locks.releaseClaim' },
  { state: 'ReleaseLockAfterConflict', on: 'locks.releaseLock', route: movedAtSwap },
  { state: 'DiscardUpload', on: 'store.delete', route: movedAtSwap },
  {
    state: 'HandleFailure',
    on: 'locks.readLock',
    route: failsInUpload,
    ends: 'StoreUnavailableError',
    leavesHeld: true,
  },
  {
    ...{ state: 'HandleFailure', on: 'locks.releaseClaim', route: failsInUpload },
    ...{ ends: 'StoreUnavailableError', leavesHeld: true },
  },
];

/** Where a Task that timed out is not done again, but planned anew. */
const PLANS_AGAIN = ['MergeDeltas', 'UploadSnapshot'];

export const outages: Scenario[] = OUTAGES.flatMap(({ state, on, attempts = 1, route, ends, leavesHeld = false }) => {
  const isTable = !on.startsWith('store.');
  const fail = isTable ? tableDown : storeDown;
  const faults = (fault: Partial<Fault>) => (ports: MemoryPorts) => [
    ...(route?.(ports) ?? []),
    { on, in: state, ...fault },
  ];
  const recovers = state === 'HandleFailure' ? 'StoreUnavailableError' : 'Compacted';
  return [
    {
      name: `${on} fails twice in ${state}`,
      faults: faults({ times: 2 * attempts, before: fail }),
      ends: recovers,
      takes: [`${state} Retry StoreUnavailableError`],
    },
    {
      name: `${on} takes effect twice in ${state}, but its response is lost`,
      faults: faults({ times: 2, after: fail }),
      ends: recovers,
      // Create-only writes meet their own success within the step.
      takes: attempts > 1 ? [] : [`${state} Retry StoreUnavailableError`],
    },
    {
      name: `${on} fails for good in ${state}`,
      faults: faults({ before: fail }),
      ends: ends ?? (isTable ? 'TableUnavailableError' : 'StoreUnavailableError'),
      takes: [`${state} Retry StoreUnavailableError`, `${state} Catch States.ALL`],
      leavesHeld,
    },
    {
      name: `${on} never answers in ${state}`,
      faults: faults({ times: 1, before: () => new Promise(() => {}) }),
      ends: recovers,
      takes: PLANS_AGAIN.includes(state) ? ['DiscardUpload -> Backoff'] : [`${state} Retry States.Timeout`],
      leavesHeld,
    },
  ];
});
