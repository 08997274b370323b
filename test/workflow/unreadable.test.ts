/** Objects in the inbox that the store lists, but does not give: they cost themselves, and nobody else. */
import { describe, expect, it } from 'vitest';
import { METRICS } from '../../lambdas/protocol/metrics.ts';
import { deltaKey } from '../../lambdas/snapshot/keys.ts';
import { type Fault, throws } from '../support/faulty.ts';
import { COLLECTION } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { storeDown } from './scenarios-outages.ts';
import {
  expectNothingHeld,
  expectSettled,
  history,
  INPUT,
  idOf,
  inbox,
  submitNumber,
  waitingPorts,
} from './support.ts';

const key = (n: number) => deltaKey(COLLECTION, idOf(n));
const unreadable = (...numbers: number[]): Fault => ({
  on: 'store.get',
  when: ({ args }) => numbers.some((n) => args[0] === key(n)),
  before: storeDown,
});

describe('deltas that cannot be read, at the front of the inbox', () => {
  it.each([1, 2, 3])('keep no readable one behind them waiting, with %i per commit', async (maxDeltasPerCommit) => {
    // Prepare
    const ports = await waitingPorts({ settings: { maxDeltasPerCommit } });
    await submitNumber(ports, 5, 6, 7);

    // Act
    const { path } = await run(ports, INPUT, { faults: [unreadable(2, 3, 4)] });

    // Assess
    expect(path.at(-1)).toBe('Compacted');
    expect((await history(ports)).map(({ deltaId }) => deltaId)).toEqual([1, 5, 6, 7].map(idOf));
    expect(inbox(ports)).toEqual([2, 3, 4].map(key));
    expectNothingHeld(ports);
    expect(ports.telemetry.sum(METRICS.unreadableDelta)).toBeGreaterThan(0);

    // They are applied as soon as they can be read: late, but not lost.
    await run(ports, INPUT);
    expect((await history(ports)).map(({ deltaId }) => deltaId)).toEqual([1, 5, 6, 7, 2, 3, 4].map(idOf));
    expect(inbox(ports)).toEqual([]);
  });

  it('are no work for ever: what cannot be read starts nothing again', async () => {
    const ports = await waitingPorts();

    const { path } = await run(ports, INPUT, { faults: [unreadable(2, 3, 4)] });

    expect(path.at(-1)).toBe('UpToDate');
    expect(path.filter((state) => state === 'MergeDeltas')).toHaveLength(4);
    expectNothingHeld(ports);
  });
});

describe('a delta that cannot be read when the claimant looks before it lets go', () => {
  const letGo = { on: 'locks.readLock', in: 'FinishCompaction', times: 1 };

  it.each([1, 3])('is looked at again: %i failed reads strand nothing', async (times) => {
    const ports = await waitingPorts();
    const faults: Fault[] = [
      { ...letGo, before: () => submitNumber(ports, 5) },
      { ...unreadable(5), in: 'FinishCompaction', times },
    ];

    const { path } = await run(ports, INPUT, { faults });

    expect(path.at(-1)).toBe('Compacted');
    await expectSettled(ports, [1, 2, 3, 4, 5]);
    expectNothingHeld(ports);
  });

  it('keeps no execution busy for ever', async () => {
    const ports = await waitingPorts();
    const faults: Fault[] = [{ ...letGo, before: () => submitNumber(ports, 5) }, unreadable(5)];

    const { path } = await run(ports, INPUT, { faults });

    expect(path.at(-1)).toBe('Compacted');
    expect(path.filter((state) => state === 'PlanCompaction')).toHaveLength(4);
    expect(inbox(ports)).toEqual([key(5)]);
    expectNothingHeld(ports);
    await run(ports, INPUT);
    await expectSettled(ports, [1, 2, 3, 4, 5]);
  });
});

describe('a decided object that cannot be read', () => {
  it('stays alone in the inbox after a commit: all others are settled', async () => {
    const ports = await waitingPorts();
    const faults = [{ ...unreadable(3), in: 'FinishCompaction' }];

    const { path } = await run(ports, INPUT, { faults });

    expect(path.at(-1)).toBe('Compacted');
    expect(inbox(ports)).toEqual([key(3)]);
    expect([...(ports.table.items().statuses.get(COLLECTION)?.keys() ?? [])].sort()).toEqual([1, 2, 3, 4].map(idOf));
    expect(ports.telemetry.warnings).toContain('A decided delta cannot be read; it stays in the inbox.');
    expectNothingHeld(ports);
    await run(ports, INPUT);
    await expectSettled(ports, [1, 2, 3, 4]);
  });

  it('stays alone in the inbox among the leftovers of a dead execution', async () => {
    const ports = await waitingPorts();
    await run(ports, INPUT, { wrap: { FinishCompaction: () => throws(new Error('died')) } });
    expect(inbox(ports)).toHaveLength(3);

    const { path } = await run(ports, INPUT, { faults: [unreadable(2)] });

    expect(path.at(-1)).toBe('UpToDate');
    expect(inbox(ports)).toEqual([key(2)]);
    await run(ports, INPUT);
    await expectSettled(ports, [1, 2, 3, 4]);
  });
});
