/** What can go wrong at the swap: conflicts, and outcomes that nobody knows. */
import { expect } from 'vitest';
import { CacheUnwritableError, ConditionalRequestConflictError } from '../../lambdas/errors/errors.ts';
import { METRICS } from '../../lambdas/protocol/metrics.ts';
import { manifestsPrefix, packsPrefix, pointerKey } from '../../lambdas/snapshot/keys.ts';
import { MAX_LOCK_LOSSES, MAX_REBASES } from '../../statemachine/contract.ts';
import { type Fault, throws } from '../support/faulty.ts';
import { COLLECTION, type MemoryPorts } from '../support/memory-ports.ts';
import type { Scenario } from './scenario.ts';
import { storeDown } from './scenarios-outages.ts';
import { fence, otherCommits, stateOf, submitNumber } from './support.ts';

/** Three attempts that hang fit under the lock: the last gives up after 108 s. */
const DEPLOYED = { settings: { lockDurationMs: 180_000, claimDurationMs: 180_000 } };
const LATE = [
  // In the backoff, when nobody expects it any more: what it committed is finished as another's leftovers.
  { seconds: 107, ends: 'UpToDate' },
  { seconds: 120, ends: 'Compacted' },
  { seconds: 180, ends: 'Compacted' },
  { seconds: 600, ends: 'Compacted' },
];
const CONFLICT = ['SwapPointer Catch PointerMovedError', 'ReleaseLockAfterConflict -> DiscardUpload'];
/** The compare-and-swap itself. */
const swap = (fault: Partial<Fault>): Fault => ({ on: 'store.putIfMatch', in: 'SwapPointer', ...fault });
const readsDown: Fault = { on: 'store.get', in: 'SwapPointer', before: storeDown };

/** Manifests and packs that are stored: versions 0 and 1 of `waitingPorts`, then what this execution leaves. */
const expectStored = (manifests: number, packs: number) => (ports: MemoryPorts) => {
  const keys = [...ports.store.snapshot().keys()];
  const count = (prefix: string) => keys.filter((key) => key.startsWith(prefix)).length;
  expect([count(manifestsPrefix(COLLECTION)), count(packsPrefix(COLLECTION))]).toEqual([manifests, packs]);
};

const conflicts: Scenario[] = [
  {
    name: 'the pointer is fenced at the swap: the upload is proven lost, and goes',
    faults: (ports) => [swap({ times: 1, before: () => fence(ports) })],
    ends: 'Compacted',
    takes: CONFLICT,
    assess: expectStored(3, 2),
  },
  {
    name: 'another execution commits at the swap: the upload goes, and nothing is applied twice',
    faults: (ports) => [swap({ times: 1, before: () => otherCommits(ports) })],
    ends: 'UpToDate',
    takes: CONFLICT,
    assess: expectStored(3, 2),
  },
  {
    name: 'the pointer is fenced at the swap, and staging cannot be removed: that is left to its age',
    faults: (ports) => [
      swap({ times: 1, before: () => fence(ports) }),
      { on: 'cache.discardStaged', before: throws(new CacheUnwritableError('The cache is full. Make room.')) },
    ],
    ends: 'Compacted',
    takes: CONFLICT,
    assess: (ports) => expect(ports.telemetry.warnings).toContain('Staging could not be removed; it is pruned by age.'),
  },
  {
    name: 'the pointer moves at every swap',
    faults: (ports) => [swap({ before: () => fence(ports) })],
    ends: 'RebaseLimitError',
    takes: [...CONFLICT, 'DiscardUpload Catch States.ALL'],
    assess: (ports, { path }) => {
      expectStored(2, 1)(ports);
      expect(path.filter((state) => state === 'SwapPointer')).toHaveLength(MAX_REBASES + 1);
    },
  },
  {
    name: 'the swap meets a racing write: it is sent again',
    faults: () => [swap({ times: 2, before: throws(new ConditionalRequestConflictError(pointerKey(COLLECTION))) })],
    ends: 'Compacted',
    takes: ['SwapPointer -> ReleaseSwapLock'],
    assess: expectStored(3, 2),
  },
];

const unknowns: Scenario[] = [
  {
    name: 'the swap lands, and its response is lost: that is no loss',
    faults: () => [swap({ times: 1, after: storeDown })],
    ends: 'Compacted',
    takes: ['SwapPointer -> ReleaseSwapLock'],
    assess: expectStored(3, 2),
  },
  {
    name: 'the swap lands, its response is lost, and another execution stands on it before anybody looks',
    faults: (ports) => [
      swap({
        times: 1,
        after: async () => {
          await submitNumber(ports, 5);
          await otherCommits(ports);
          storeDown();
        },
      }),
    ],
    ends: 'Compacted',
    takes: ['SwapPointer -> ReleaseSwapLock'],
    more: [5],
    assess: expectStored(4, 3),
  },
  {
    name: 'the swap lands, but nobody can find out: planning again does',
    faults: () => [swap({ times: 1, after: storeDown }), readsDown],
    ends: 'Compacted',
    takes: CONFLICT,
    assess: (ports, { output }) => {
      expectStored(3, 2)(ports);
      // It was a commit like any other, and no failed attempt.
      expect(stateOf({ output })).toMatchObject({ attempts: { rebases: 0 }, totals: { commits: 1, deltas: 3 } });
      expect(ports.telemetry.sum(METRICS.deltasApplied)).toBe(4);
    },
  },
  {
    name: 'the swap does not land, and nobody can find out: nothing is discarded',
    faults: () => [swap({ times: 1, before: storeDown }), { ...readsDown, times: 1 }],
    ends: 'Compacted',
    takes: CONFLICT,
    // The upload whose fate was unknown stays behind for the garbage collection.
    assess: expectStored(4, 3),
  },
  ...[36, 40, 60, 600].map(
    (seconds): Scenario => ({
      name: `the swap hangs once, and lands ${seconds} s late, from a zombie`,
      faults: (ports) => [swap({ times: 1, before: () => ports.clock.sleep(seconds * 1_000) })],
      ends: 'Compacted',
      takes: ['SwapPointer Retry States.Timeout', 'SwapPointer -> ReleaseSwapLock'],
      assess: expectStored(3, 2),
    }),
  ),
  ...LATE.map(
    ({ seconds, ends }): Scenario => ({
      name: `the swap hangs three times, and lands ${seconds} s late, from a zombie`,
      options: DEPLOYED,
      faults: (ports) => [
        swap({ times: 1, before: () => ports.clock.sleep(seconds * 1_000) }),
        swap({ from: 2, times: 2, before: () => new Promise(() => {}) }),
      ],
      ends,
      takes: CONFLICT,
    }),
  ),
  {
    name: 'every swap hangs',
    options: DEPLOYED,
    faults: () => [swap({ before: () => new Promise(() => {}) })],
    ends: 'RebaseLimitError',
    takes: [...CONFLICT, 'SwapPointer Retry States.Timeout', 'DiscardUpload Catch States.ALL'],
    assess: (_, { path }) => expect(path.filter((state) => state === 'SwapPointer')).toHaveLength(MAX_REBASES + 1),
  },
  {
    name: 'every swap hangs under a lock of one minute, too short for a third attempt',
    faults: () => [swap({ before: () => new Promise(() => {}) })],
    ends: 'LockLostError',
    takes: ['SwapPointer Catch LockLostError', 'AcquireSwapLock Catch States.ALL'],
    assess: (_, { path }) => expect(path.filter((state) => state === 'SwapPointer')).toHaveLength(MAX_LOCK_LOSSES + 1),
  },
  {
    name: 'every swap is lost, and nobody can find out',
    faults: () => [swap({ before: storeDown }), readsDown],
    ends: 'RebaseLimitError',
    takes: [...CONFLICT, 'DiscardUpload Retry InvalidInputError'],
  },
  {
    name: 'the LOCK item is deleted before the swap, which needs no lock to be safe',
    faults: (ports) => [swap({ times: 1, before: () => ports.table.deleteLock(COLLECTION) })],
    ends: 'Compacted',
    takes: ['SwapPointer -> ReleaseSwapLock'],
  },
  {
    name: 'the lock is too old to swap under',
    options: { settings: { lockDurationMs: 40_000 } },
    wrap: {
      SwapPointer: (real) => {
        let starts = 0;
        return async (state) => real(starts++ === 0 ? aged(state, 33_000) : state);
      },
    },
    ends: 'Compacted',
    takes: ['SwapPointer Catch LockLostError'],
  },
];

/** A lock that was acquired so much earlier: a cold start came in between. */
function aged<State extends { lock: { acquiredAt: number } }>(state: State, ms: number): State {
  return { ...state, lock: { ...state.lock, acquiredAt: state.lock.acquiredAt - ms } };
}

export const atSwap: Scenario[] = [...conflicts, ...unknowns];
