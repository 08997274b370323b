/** Which way an execution goes through the states, fault-free. */
import { describe, expect, it } from 'vitest';
import { METRICS } from '../../lambdas/protocol/metrics.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import { throws } from '../support/faulty.ts';
import { COLLECTION, createCollection, memoryPorts, records } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { EXPIRY_MS, expectSettled, INPUT, inbox, stack, stateOf, submitNumber, waitingPorts } from './support.ts';

const CLAIMED = ['PlanCompaction', 'Nothing?', 'AcquireValidationLock', 'ValidateCas', 'ReleaseValidationLock'];
const COMMIT = [
  ...[...CLAIMED, 'Delegated?', 'MergeDeltas', 'Merged?', 'CheckBase', 'UploadSnapshot'],
  ...['AcquireSwapLock', 'SwapPointer', 'ReleaseSwapLock', 'SyncEfs', 'FinishCompaction', 'More?'],
];

describe('an execution', () => {
  it('commits what waits, in one round', async () => {
    const ports = memoryPorts();
    await createCollection(ports);
    await submitNumber(ports, 1, 2, 3);

    const { path, retries, output, status } = await run(ports, INPUT);

    expect({ path, retries, status }).toEqual({ path: [...COMMIT, 'Compacted'], retries: 0, status: 'SUCCEEDED' });
    const state = stateOf({ output });
    expect(state.committed).toMatchObject({ version: 1, deltas: 3, records: 4, rejectedOperations: 0 });
    expect(state.totals).toMatchObject({ commits: 1, deltas: 3, operations: 6, rejectedOperations: 0 });
    expect([state.lock, state.claim]).toEqual([null, null]);
    await expectSettled(ports, [1, 2, 3]);
    expect(ports.telemetry.warnings).toEqual([]);
    expect(ports.telemetry.sum(METRICS.deltasApplied)).toBe(3);
  });

  it('only looks, and touches no lock and no cache, when nothing waits', async () => {
    const ports = memoryPorts();
    await createCollection(ports);
    const calls: string[] = [];

    const { path } = await run(ports, INPUT, { faults: [{ on: '*', before: ({ on }) => calls.push(on) }] });

    expect(path).toEqual(['PlanCompaction', 'Nothing?', 'UpToDate']);
    // The pointer beside the table's identity, then its manifest beside the listing, then the statuses.
    expect([calls.slice(0, 2).sort(), calls.slice(2, 4).sort(), calls.slice(4)]).toEqual([
      ['statuses.readIdentity', 'store.get'],
      ['store.get', 'store.list'],
      ['statuses.getStatuses'],
    ]);
    expect(ports.table.items().locks.size).toBe(0);
    expect(await records(ports)).toEqual(new Map());
  });

  it('finishes the leftovers of another one without lock or commit', async () => {
    // Prepare: committed, but dead before anything was settled.
    const ports = await waitingPorts();
    const dead = await run(ports, INPUT, { wrap: { FinishCompaction: () => throws(new Error('died')) } });
    expect([dead.error, inbox(ports).length]).toEqual(['Error', 3]);
    const { pointer } = await readPointer(ports, COLLECTION);

    // Act
    const { path, output } = await run(ports, INPUT);

    // Assess
    expect(path).toEqual(['PlanCompaction', 'Nothing?', 'FinishCompaction', 'More?', 'UpToDate']);
    expect(stateOf({ output }).committed).toBeNull();
    expect((await readPointer(ports, COLLECTION)).pointer).toEqual(pointer);
    await expectSettled(ports, [1, 2, 3, 4]);
  });

  it('makes as many commits as the limit per commit asks for, and reports their sums', async () => {
    const ports = await waitingPorts({ settings: { maxDeltasPerCommit: 2 } });

    const { path, output } = await run(ports, INPUT);

    expect(path).toEqual([...COMMIT, ...COMMIT, 'Compacted']);
    expect(stateOf({ output }).totals).toMatchObject({ commits: 2, deltas: 3 });
    await expectSettled(ports, [1, 2, 3, 4]);
  });

  it('delegates to the holder of a live claim while planning, and wakes it', async () => {
    const ports = await waitingPorts();
    const holder = { owner: 'arn:other', token: 0 };
    const request = { owner: holder.owner, phase: 'validation', pointerToken: 10 } as const;
    const now = ports.clock.now();
    holder.token = (await ports.locks.acquireLock(COLLECTION, { ...request, now, durationMs: 1_000 })).token;
    await ports.locks.takeClaim(COLLECTION, { holder, now, durationMs: EXPIRY_MS });
    await ports.locks.releaseLock(COLLECTION, holder);
    const wakeBefore = (await ports.locks.readLock(COLLECTION))?.wake ?? 0;

    const { path } = await run(ports, INPUT);

    expect(path).toEqual(['PlanCompaction', 'Nothing?', 'Delegated']);
    const item = await ports.locks.readLock(COLLECTION);
    expect(item).toMatchObject({ claimOwner: 'arn:other', wake: wakeBefore + 1 });
    expect(item?.owner).toBeUndefined();
    expect(ports.telemetry.sum(METRICS.delegated)).toBe(1);
    expect(inbox(ports)).toHaveLength(3);

    // A claim whose holder is dead stops nobody once it has expired.
    await ports.clock.advance(EXPIRY_MS);
    expect((await run(ports, INPUT)).path.at(-1)).toBe('Compacted');
    await expectSettled(ports, [1, 2, 3, 4]);
  });

  it('hands over to a successor after 50 rounds', async () => {
    const ports = memoryPorts({ settings: { maxDeltasPerCommit: 1 } });
    await createCollection(ports);
    const all = Array.from({ length: 60 }, (_, n) => n + 1);
    await submitNumber(ports, ...all);
    const machines = stack(ports);

    machines.start();
    const commits = (await machines.done()).map((ended) => stateOf(ended).totals.commits);

    expect({ commits, started: ports.executions.started.size }).toEqual({ commits: [50, 10], started: 1 });
    await expectSettled(ports, all);
  });
});
