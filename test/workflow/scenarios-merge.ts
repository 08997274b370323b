/** What can go wrong in the merge: deltas that change or cannot be read, and an engine that fails or lies. */
import { expect } from 'vitest';
import { EngineRejectedDataError, EngineUnavailableError } from '../../lambdas/errors/errors.ts';
import type { EngineRecord } from '../../lambdas/ports.ts';
import { encodeDelta } from '../../lambdas/snapshot/delta.ts';
import { deltaKey, rejectionKey } from '../../lambdas/snapshot/keys.ts';
import { REJECTION } from '../../lambdas/snapshot/operation.ts';
import { MAX_ALONE_FAILURES, MAX_MERGE_FAILURES } from '../../statemachine/contract.ts';
import { type Call, throws } from '../support/faulty.ts';
import { COLLECTION } from '../support/memory-ports.ts';
import { JOURNAL } from '../support/model-database.ts';
import { run } from '../support/run-machine.ts';
import type { Scenario } from './scenario.ts';
import { storeDown } from './scenarios-outages.ts';
import { INPUT, idOf, overwrite, submitNumber, upsert } from './support.ts';

/** The rule that names InboxChangedError, too. */
const CHANGED = 'MergeDeltas Catch PointerMovedError';
const isDelta = (n: number) => (call: Call) => call.args[0] === deltaKey(COLLECTION, idOf(n));
const isInCompany =
  (id: string) =>
  ({ args: [records] }: Call) =>
    records.length > 1 && records.some((record: EngineRecord) => record.id === id);
const refused = new EngineRejectedDataError('The engine refused it all. Correct it.', { reason: 'not these together' });
const engineDown = throws(new EngineUnavailableError('The server did not start. Try again.'));

const deltas: Scenario[] = [
  {
    name: 'a delta is overwritten while it is read',
    faults: (ports) => [
      {
        ...{ on: 'store.get', in: 'MergeDeltas', when: isDelta(3), times: 1 },
        before: ({ args }) => overwrite(ports, args[0], encodeDelta([upsert('shared', 3), upsert('own-3', 3)])),
      },
    ],
    ends: 'Compacted',
    takes: [CHANGED],
  },
  {
    name: 'a delta vanishes while it is read, and comes back later',
    faults: (ports) => [
      {
        ...{ on: 'store.get', in: 'MergeDeltas', when: isDelta(4), times: 1 },
        before: ({ args }) => ports.store.delete(args[0]),
      },
    ],
    ends: 'Compacted',
    takes: [CHANGED],
    repair: (ports) => submitNumber(ports, 4),
  },
  {
    name: 'a delta stays unreadable, and the others do not wait for it',
    faults: () => [{ on: 'store.get', when: isDelta(4), before: storeDown }],
    ends: 'Compacted',
    takes: [CHANGED],
    assess: (ports) => expect(ports.table.items().statuses.get(COLLECTION)?.has(idOf(3))).toBe(true),
  },
  {
    name: 'no delta can be read',
    faults: () => [{ on: 'store.get', when: ({ args }) => String(args[0]).startsWith('deltas/'), before: storeDown }],
    ends: 'UpToDate',
    takes: ['Merged? -> FinishCompaction', 'More? -> UpToDate'],
  },
];

const engines: Scenario[] = [
  {
    name: 'the engine refuses one of eight deltas, but none of its lines: halving finds it, and it alone is rejected',
    faults: () => [{ on: 'session.upsert', when: isInCompany('own-7'), before: throws(refused) }],
    prepare: (ports) => submitNumber(ports, 5, 6, 7, 8, 9),
    ends: 'Compacted',
    takes: ['MergeDeltas Catch EngineRejectedDataError'],
    rejected: [7],
    more: [5, 6, 7, 8, 9],
    assess: async (ports, { path }) => {
      const { body } = await ports.store.get(rejectionKey(COLLECTION, idOf(7)));
      const report = JSON.parse(Buffer.from(body).toString()) as { rejections: object[] };
      expect(report.rejections).toMatchObject([{ line: 0, error: REJECTION.rejectedByEngine }]);
      // 2-9 no, 2-5 yes, 6-9 no, 6-7 no, 6 yes, 7-9 no, 7 rejected, 8-9 yes.
      expect(path.filter((state) => state === 'MergeDeltas')).toHaveLength(8);
      expect(path.filter((state) => state === 'SwapPointer')).toHaveLength(4);
    },
  },
  {
    name: 'the engine does not start, once',
    faults: () => [{ on: 'engine.open', times: 1, before: engineDown }],
    ends: 'Compacted',
    takes: ['MergeDeltas Catch EngineRejectedDataError', 'DiscardUpload -> Backoff'],
  },
  {
    name: 'the engine dies with a write in flight',
    faults: () => [{ on: 'session.upsert', times: 1, after: engineDown }],
    ends: 'Compacted',
    takes: ['MergeDeltas Catch EngineRejectedDataError'],
  },
  {
    name: 'the engine never starts',
    faults: () => [{ on: 'engine.open', before: engineDown }],
    ends: 'MergeLimitError',
    takes: ['DiscardUpload Retry InvalidInputError', 'DiscardUpload Catch States.ALL'],
    assess: (_, { path }) =>
      expect(path.filter((state) => state === 'MergeDeltas')).toHaveLength(MAX_MERGE_FAILURES + 1 + MAX_ALONE_FAILURES),
  },
  ...['own-1', 'own-2'].map(
    (id): Scenario => ({
      name: `the engine loses record ${id} in silence`,
      faults: () => [{ on: 'session.upsert', times: 1, after: ({ target }) => target.remove([id]) }],
      ends: 'Compacted',
      takes: ['MergeDeltas Catch EngineRejectedDataError'],
    }),
  ),
  {
    name: 'the engine leaves a journal',
    faults: () => [
      { on: 'engine.inspect', times: 1, before: ({ args }) => args[0].writeAt(JOURNAL, 0, Buffer.from('hot')) },
    ],
    ends: 'Compacted',
    takes: ['MergeDeltas Catch EngineRejectedDataError'],
  },
  {
    name: 'every merge hangs',
    faults: () => [{ on: 'session.upsert', before: () => new Promise(() => {}) }],
    ends: 'MergeLimitError',
    takes: ['MergeDeltas Catch EngineRejectedDataError', 'DiscardUpload Catch States.ALL'],
  },
  {
    name: 'the merge hangs past its timeout and ends as a zombie',
    faults: (ports) => [{ on: 'session.upsert', times: 1, before: () => ports.clock.sleep(950_000) }],
    ends: 'Compacted',
    takes: ['MergeDeltas Catch EngineRejectedDataError'],
  },
  {
    name: 'the merge hangs, and another execution compacts as soon as the zombie is known',
    faults: (ports) => [
      {
        ...{ on: 'session.upsert', times: 1 },
        before: async () => {
          await ports.clock.sleep(915_000);
          await run(ports, INPUT);
        },
      },
    ],
    ends: 'Compacted',
    takes: ['MergeDeltas Catch EngineRejectedDataError'],
  },
];

export const inMerge: Scenario[] = [...deltas, ...engines];
