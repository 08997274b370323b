/** What can go wrong from the lock for validation to the end of the upload, but for the merge itself. */
import { expect } from 'vitest';
import { LockHeldError } from '../../lambdas/errors/errors.ts';
import type { StreamBody } from '../../lambdas/ports.ts';
import { MAX_REBASES } from '../../statemachine/contract.ts';
import type { Call } from '../support/faulty.ts';
import { COLLECTION, type MemoryPorts } from '../support/memory-ports.ts';
import type { Scenario } from './scenario.ts';
import { tableDown } from './scenarios-outages.ts';
import { EXPIRY_MS, fence, otherCommits } from './support.ts';

/** Another execution takes the lock, and gives it back only by expiry. */
const heldBy = async (ports: MemoryPorts, durationMs: number) => {
  const request = { owner: 'arn:other', phase: 'swap', pointerToken: 0, now: ports.clock.now(), durationMs } as const;
  await ports.locks.acquireLock(COLLECTION, request);
};

/** The same, and it takes the claim; it is at work when the lock has expired. */
const claimedBy = async (ports: MemoryPorts) => {
  await heldBy(ports, 200);
  const item = await ports.locks.readLock(COLLECTION);
  const holder = { owner: 'arn:other', token: item?.token ?? 0 };
  await ports.locks.takeClaim(COLLECTION, { holder, now: ports.clock.now(), durationMs: EXPIRY_MS / 2 });
};

const locks: Scenario[] = [
  {
    name: 'another execution holds the lock until it expires',
    prepare: (ports) => heldBy(ports, ports.settings.lockDurationMs),
    ends: 'Compacted',
    takes: ['AcquireValidationLock Retry LockHeldError'],
  },
  {
    name: 'another execution holds the lock for longer than anybody waits',
    prepare: (ports) => heldBy(ports, 3_600_000),
    ends: LockHeldError.name,
    takes: ['AcquireValidationLock Catch States.ALL'],
    leavesHeld: true,
    repair: (ports) => ports.clock.advance(3_600_000),
  },
  {
    name: 'another execution takes the lock before the swap',
    faults: (ports) => [
      {
        ...{ on: 'locks.acquireLock', in: 'AcquireSwapLock', times: 1 },
        before: () => heldBy(ports, ports.settings.lockDurationMs),
      },
    ],
    ends: 'Compacted',
    takes: ['AcquireSwapLock Retry LockHeldError'],
  },
  {
    name: 'another execution takes lock and claim first, and is at work',
    prepare: claimedBy,
    ends: 'Delegated',
    takes: ['Nothing? -> Delegated'],
    leavesHeld: true,
  },
  {
    name: 'another execution takes lock and claim after the plan',
    faults: (ports) => [
      { on: 'locks.acquireLock', in: 'AcquireValidationLock', times: 1, before: () => claimedBy(ports) },
    ],
    ends: 'Delegated',
    takes: ['Delegated? -> Delegated'],
    leavesHeld: true,
  },
  {
    name: 'the LOCK item is deleted between lock and claim',
    faults: (ports) => [
      { on: 'locks.takeClaim', in: 'ValidateCas', times: 1, before: () => ports.table.deleteLock(COLLECTION) },
    ],
    ends: 'Compacted',
    takes: ['ValidateCas Catch LockLostError'],
  },
  {
    name: 'the lock expires between lock and claim',
    options: { settings: { lockDurationMs: 20_000 } },
    faults: (ports) => [{ on: 'store.get', in: 'ValidateCas', times: 1, after: () => ports.clock.sleep(21_000) }],
    ends: 'Compacted',
    takes: ['ValidateCas Catch LockLostError'],
  },
];

const bases: Scenario[] = [
  {
    name: 'another execution was faster, and nothing is left from the beginning',
    prepare: otherCommits,
    ends: 'UpToDate',
    takes: ['Nothing? -> UpToDate'],
  },
  {
    name: 'the pointer is fenced before it is validated',
    faults: (ports) => [{ on: 'store.get', in: 'ValidateCas', times: 1, before: () => fence(ports) }],
    ends: 'Compacted',
    takes: [
      'ValidateCas Catch PointerMovedError',
      'ReleaseLockAfterConflict -> DiscardUpload',
      'Backoff -> PlanCompaction',
    ],
  },
  {
    name: 'another execution commits before the pointer is validated',
    faults: (ports) => [{ on: 'store.get', in: 'ValidateCas', times: 1, before: () => otherCommits(ports) }],
    ends: 'UpToDate',
    takes: ['ValidateCas Catch PointerMovedError', 'Nothing? -> FinishCompaction', 'More? -> UpToDate'],
  },
  {
    name: 'the pointer is fenced before the upload',
    faults: (ports) => [{ on: 'store.get', in: 'CheckBase', times: 1, before: () => fence(ports) }],
    ends: 'Compacted',
    takes: ['CheckBase Catch PointerMovedError'],
  },
  {
    name: 'another execution commits before the upload',
    faults: (ports) => [{ on: 'store.get', in: 'CheckBase', times: 1, before: () => otherCommits(ports) }],
    ends: 'UpToDate',
    takes: ['CheckBase Catch PointerMovedError', 'Nothing? -> FinishCompaction', 'More? -> UpToDate'],
  },
  {
    name: 'another execution commits before the inbox is listed for the merge',
    faults: (ports) => [{ on: 'store.list', in: 'MergeDeltas', times: 1, before: () => otherCommits(ports) }],
    ends: 'UpToDate',
    takes: ['Merged? -> FinishCompaction'],
  },
];

/** What is sent is not what was sealed. */
function damage({ args }: Call): void {
  const sealed = args[1] as StreamBody;
  args[1] = {
    size: sealed.size,
    async *stream() {
      for await (const chunk of sealed.stream()) yield chunk.map((byte) => byte ^ 1);
    },
  };
}

const uploads: Scenario[] = [
  {
    name: 'staging is lost before the upload',
    faults: (ports) => [{ on: 'cache.openStaged', times: 1, before: () => ports.cache.forget('staging') }],
    ends: 'Compacted',
    takes: ['UploadSnapshot Catch StagingLostError'],
  },
  {
    name: 'the upload lands after its timeout',
    faults: (ports) => [
      { on: 'store.putIfAbsent', in: 'UploadSnapshot', times: 1, before: () => ports.clock.sleep(950_000) },
    ],
    ends: 'Compacted',
    takes: ['UploadSnapshot Catch StagingLostError'],
  },
  {
    name: 'every upload hangs',
    faults: () => [{ on: 'store.putIfAbsent', in: 'UploadSnapshot', before: () => new Promise(() => {}) }],
    ends: 'RebaseLimitError',
    takes: ['UploadSnapshot Catch StagingLostError', 'DiscardUpload Catch States.ALL'],
    assess: (_, { path }) => expect(path.filter((state) => state === 'UploadSnapshot')).toHaveLength(MAX_REBASES + 1),
  },
  {
    name: 'the staged pack is damaged',
    faults: () => [{ on: 'store.putIfAbsent', in: 'UploadSnapshot', times: 1, before: damage }],
    ends: 'Compacted',
    takes: ['UploadSnapshot Catch StagingLostError'],
  },
  {
    name: 'the cache cannot be written',
    prepare: (ports) => {
      ports.cache.unwritable = true;
    },
    ends: 'CacheUnwritableError',
    takes: ['MergeDeltas Retry InvalidInputError', 'MergeDeltas Catch States.ALL'],
    repair: (ports) => {
      ports.cache.unwritable = false;
    },
  },
  {
    name: 'the claim cannot be renewed during a long upload',
    faults: (ports) => [
      { on: 'store.putIfAbsent', in: 'UploadSnapshot', times: 1, before: () => ports.clock.sleep(300_000) },
      { on: 'locks.renewClaim', before: tableDown },
    ],
    ends: 'Compacted',
    takes: [],
  },
];

export const beforeSwap: Scenario[] = [...locks, ...bases, ...uploads];
