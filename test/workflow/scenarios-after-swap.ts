/** What can go wrong once the commit stands, and when giving up. */
import { expect } from 'vitest';
import { CacheUnwritableError, EngineUnavailableError } from '../../lambdas/errors/errors.ts';
import { rejectionKey } from '../../lambdas/snapshot/keys.ts';
import { throws } from '../support/faulty.ts';
import { COLLECTION } from '../support/memory-ports.ts';
import type { Scenario } from './scenario.ts';
import { tableDown } from './scenarios-outages.ts';
import { idOf, inbox, submitNumber } from './support.ts';

export const afterSwap: Scenario[] = [
  {
    name: 'the lock expires before it is released after the swap',
    faults: (ports) => [
      { on: 'locks.releaseLock', in: 'ReleaseSwapLock', times: 1, before: () => ports.table.deleteLock(COLLECTION) },
    ],
    ends: 'Compacted',
    takes: ['ReleaseSwapLock -> SyncEfs'],
  },
  {
    name: 'the cache cannot be written after the swap',
    faults: () => [{ on: 'cache.adopt', before: throws(new CacheUnwritableError('The cache is full. Make room.')) }],
    ends: 'Compacted',
    takes: ['SyncEfs Catch States.ALL'],
  },
  {
    name: 'the cache hangs after the swap',
    faults: () => [{ on: 'cache.adopt', times: 1, before: () => new Promise(() => {}) }],
    ends: 'Compacted',
    takes: ['SyncEfs Retry States.Timeout'],
  },
  {
    name: 'staging is lost after the swap',
    faults: (ports) => [{ on: 'cache.adopt', times: 1, before: () => ports.cache.forget('staging') }],
    ends: 'Compacted',
    takes: ['SyncEfs Catch States.ALL'],
  },
  {
    name: 'another delta arrives, and wakes the claimant, just before it lets go',
    faults: (ports) => [
      {
        ...{ on: 'locks.releaseClaim', in: 'FinishCompaction', times: 1 },
        before: async () => {
          await submitNumber(ports, 5);
          expect(await ports.locks.wakeClaimant(COLLECTION, ports.clock.now())).toBe(true);
        },
      },
    ],
    ends: 'Compacted',
    takes: ['More? -> PlanCompaction', 'More? -> Compacted'],
    more: [5],
    assess: (ports) => expect(inbox(ports)).toEqual([]),
  },
  {
    name: 'no status can be written: the inbox is not emptied',
    faults: () => [{ on: 'statuses.putStatus', before: tableDown }],
    ends: 'TableUnavailableError',
    takes: ['FinishCompaction Catch States.ALL'],
    assess: (ports) => expect(inbox(ports)).toHaveLength(3),
  },
  {
    name: 'a rejection report of an earlier decision is there already: it stands',
    options: { engine: { refuses: ({ metadata }) => metadata?.by === 3 } },
    prepare: (ports) => ports.store.putIfAbsent(rejectionKey(COLLECTION, idOf(3)), Buffer.from('{}')),
    ends: 'Compacted',
    takes: [],
    rejected: [3],
    assess: (ports) => expect(ports.telemetry.warnings).toContain('A rejection report of an earlier decision is kept.'),
  },
  {
    name: 'a status is there already, and disagrees',
    faults: (ports) => [
      {
        ...{ on: 'statuses.putStatus', times: 1 },
        before: ({ args }) => ports.table.putStatus(COLLECTION, args[1], { ...args[2], version: 99 }),
      },
    ],
    ends: 'StatusConflictError',
    repair: (ports) => {
      const wrong = [...(ports.table.items().statuses.get(COLLECTION) ?? [])].filter(
        ([, { version }]) => version === 99,
      );
      for (const [deltaId] of wrong) ports.table.deleteStatus(COLLECTION, deltaId);
    },
    takes: ['FinishCompaction Retry InvalidInputError', 'FinishCompaction Catch States.ALL'],
  },
  {
    name: 'releasing fails after a failure: the first error is the one that is reported',
    faults: () => [
      { on: 'engine.identify', before: throws(new EngineUnavailableError('The binary is missing.')) },
      { on: 'locks.readLock', in: 'HandleFailure', before: tableDown },
    ],
    ends: 'MergeLimitError',
    takes: ['HandleFailure Catch States.ALL'],
    leavesHeld: true,
  },
  {
    name: 'the input names no collection: there is nothing to release',
    input: {},
    ends: 'InvalidInputError',
    takes: ['PlanCompaction Retry InvalidInputError', 'PlanCompaction Catch InvalidInputError'],
  },
];
