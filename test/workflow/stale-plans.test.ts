/** Plans that are no longer, or never were, this execution's own: they are made again, and nothing is called corrupt. */
import { describe, expect, it } from 'vitest';
import { ObjectNotFoundError } from '../../lambdas/errors/errors.ts';
import { manifestsPrefix, packsPrefix } from '../../lambdas/snapshot/keys.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import type { Fault } from '../support/faulty.ts';
import { COLLECTION, createCollection, type MemoryPorts, memoryPorts } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { commitUnseen, expectSettled, fence, INPUT, stateOf, submitNumber, waitingPorts } from './support.ts';

describe('a base that became history', () => {
  /** Nothing is warm: the store is what is read. */
  const cold = (ports: MemoryPorts) => {
    ports.cache.forget();
    ports.directories.slots.length = 0;
  };

  it('and whose manifest was deleted, is rebased', async () => {
    // Prepare: when the merge begins, another commit stands, and garbage collection has been there.
    const ports = await waitingPorts();
    let restore: () => Promise<unknown> = async () => {};
    const history: Fault = {
      ...{ on: 'cache.read', in: 'MergeDeltas', times: 1 },
      before: async () => {
        const { key } = (await readPointer(ports, COLLECTION)).pointer.manifest;
        await commitUnseen(ports);
        await submitNumber(ports, 5);
        const { body } = await ports.store.get(key);
        await ports.store.delete(key);
        cold(ports);
        restore = () => ports.store.putIfAbsent(key, body);
      },
    };

    // Act
    const { path } = await run(ports, INPUT, { faults: [history] });

    // Assess
    expect(path.filter((state) => state === 'DiscardUpload')).toHaveLength(1);
    expect(path.at(-1)).toBe('Compacted');
    await restore();
    await expectSettled(ports, [1, 2, 3, 4, 5]);
  });

  it.each([
    ['MergeDeltas', 'manifest', manifestsPrefix(COLLECTION), 1],
    ['MergeDeltas', 'pack', packsPrefix(COLLECTION), 1],
    ['PlanCompaction', 'manifest', manifestsPrefix(COLLECTION), 0],
    ['FinishCompaction', 'manifest', manifestsPrefix(COLLECTION), 0],
  ])('is no damage when %s finds its %s gone', async (state, _, prefix, rebases) => {
    // Prepare
    const ports = await waitingPorts();
    cold(ports);
    const gone: Fault = {
      ...{ on: 'store.get', in: state, times: 1, when: ({ args }) => String(args[0]).startsWith(prefix) },
      before: async ({ args }) => {
        await fence(ports);
        throw new ObjectNotFoundError(args[0]);
      },
    };
    const forget: Fault = { on: 'cache.read', in: state, before: () => ports.cache.forget('objects') };

    // Act
    const { path } = await run(ports, INPUT, { faults: [forget, gone] });

    // Assess
    expect(path.filter((name) => name === 'DiscardUpload')).toHaveLength(rebases);
    expect(path.at(-1)).toBe('Compacted');
    await expectSettled(ports, [1, 2, 3, 4]);
  });
});

describe('an input that carries more than a collection', () => {
  const committed = {
    ...{ version: 7, commitId: '01ARZ3NDEKTSV4RRFFQ69G5FAV', deltas: 1, records: 1, rejectedOperations: 0 },
    ...{ changedBytes: 1, uploadedBytes: 1, snapshotBytes: 1 },
  };
  const totals = {
    ...{ commits: 7, deltas: 1, operations: 1, rejectedOperations: 0 },
    ...{ changedBytes: 1, uploadedBytes: 1 },
  };
  const attempts = { rebases: 20, mergeFailures: 13, rounds: 50 };
  const carried = { ...INPUT, committed, totals, attempts, claim: { token: 1, takenAt: 0 } };

  it('is refused: only a state has more, and a state is known by its execution', async () => {
    const ports = await waitingPorts();

    const { path } = await run(ports, carried);

    expect(path).toEqual(['PlanCompaction', 'InvalidInput']);
  });

  it('reports no commit that it did not make', async () => {
    const ports = memoryPorts();
    await createCollection(ports);

    const { path, output } = await run(ports, { ...carried, execution: 'arn:another' });

    expect(path).toEqual(['PlanCompaction', 'Nothing?', 'UpToDate']);
    expect(stateOf({ output })).toMatchObject({ committed: null, claim: null, totals: { commits: 0 } });
  });

  it('has all attempts before it', async () => {
    const ports = await waitingPorts();

    const { path, output } = await run(ports, { ...carried, execution: 'arn:another' });

    expect(path.at(-1)).toBe('Compacted');
    expect(stateOf({ output })).toMatchObject({ attempts: { rounds: 1 }, totals: { commits: 1 } });
    expect(ports.executions.started.size).toBe(0);
    await expectSettled(ports, [1, 2, 3, 4]);
  });
});
