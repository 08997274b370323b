/** A claim that its holder does not know of, and a lock that it keeps losing. */
import { describe, expect, it } from 'vitest';
import { MAX_LOCK_LOSSES, MAX_ROUNDS } from '../../statemachine/contract.ts';
import type { Fault } from '../support/faulty.ts';
import type { MemoryPorts } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { failing } from './scenarios-named.ts';
import { tableDown } from './scenarios-outages.ts';
import { commitUnseen, expectNothingHeld, expectSettled, fence, INPUT, submitNumber, waitingPorts } from './support.ts';

describe('a claim that is taken with a lost response, and then the pointer moves', () => {
  /** The table says that the claim is ours; the state never hears of it. */
  const lostClaim = (ports: MemoryPorts): Fault => ({
    ...{ on: 'locks.takeClaim', in: 'ValidateCas', times: 1 },
    after: async () => {
      await commitUnseen(ports);
      tableDown();
    },
  });

  it('is released at the end, although nothing is left to do', async () => {
    const ports = await waitingPorts();

    const { path } = await run(ports, INPUT, { faults: [lostClaim(ports)] });

    expect(path.slice(-5)).toEqual(['PlanCompaction', 'Nothing?', 'FinishCompaction', 'More?', 'UpToDate']);
    expectNothingHeld(ports);
    await expectSettled(ports, [1, 2, 3, 4]);
  });

  it('strands no delta of those who delegated to it', async () => {
    // Prepare: another execution comes when this one has just seen that nothing is left.
    const ports = await waitingPorts();
    const delegating: Fault = {
      ...{ on: 'statuses.getStatuses', in: 'PlanCompaction', from: 2, times: 1 },
      after: async () => {
        await submitNumber(ports, 5);
        expect((await run(ports, INPUT)).path.at(-1)).toBe('Delegated');
      },
    };

    // Act
    const { path } = await run(ports, INPUT, { faults: [lostClaim(ports), delegating] });

    // Assess
    expect(path.at(-1)).toBe('Compacted');
    await expectSettled(ports, [1, 2, 3, 4, 5]);
  });

  it('is released by a hand-over, too', async () => {
    // Prepare: every other round loses the response; after that of round 49 another one has done all the rest.
    const ports = await waitingPorts({ settings: { maxDeltasPerCommit: 1 } });
    const more = Array.from({ length: 60 }, (_, n) => n + 5);
    await submitNumber(ports, ...more);
    let round = 0;
    const lost: Fault = {
      ...{ on: 'locks.takeClaim', in: 'ValidateCas' },
      after: async () => {
        if (++round % 2 === 0) return;
        await (round < MAX_ROUNDS - 1 ? fence(ports) : commitUnseen(ports));
        tableDown();
      },
    };

    // Act
    await run(ports, INPUT, { faults: [lost] });

    // Assess
    expect([round, ports.executions.started.size]).toEqual([MAX_ROUNDS - 1, 1]);
    expectNothingHeld(ports);
    await expectSettled(ports, [1, 2, 3, 4, ...more]);
  });
});

it.each(['AcquireValidationLock ValidateCas', 'AcquireSwapLock SwapPointer'])(
  'a lock that is always lost ends the execution: %s',
  async (states) => {
    const [acquire, use = ''] = states.split(' ');
    const ports = await waitingPorts();

    const always = failing(use, 'LockLostError', 'before', Number.POSITIVE_INFINITY) ?? {};
    const { path, error, cause } = await run(ports, INPUT, { wrap: always });

    expect(error).toBe('LockLostError');
    expect(cause).toContain(`${MAX_LOCK_LOSSES + 1} times`);
    expect(path.filter((state) => state === use)).toHaveLength(MAX_LOCK_LOSSES + 1);
    expect(path.slice(-3)).toEqual([acquire, 'HandleFailure', 'Failed']);
    expectNothingHeld(ports);
    await run(ports, INPUT);
    await expectSettled(ports, [1, 2, 3, 4]);
  },
);

it('lost locks are counted anew in every round', async () => {
  // Prepare: each round loses its lock twice, and is then rebased once.
  const ports = await waitingPorts();
  let looks = 0;
  const lost: Fault = {
    ...{ on: 'locks.takeClaim', in: 'ValidateCas' },
    before: async () => {
      looks++;
      if (looks % 3 !== 0) ports.table.deleteLock(INPUT.collection);
    },
  };
  const moving: Fault = { on: 'store.get', in: 'CheckBase', times: 3, before: () => fence(ports) };

  // Act
  const { path } = await run(ports, INPUT, { faults: [lost, moving] });

  // Assess: eight losses, two per round.
  expect(path.at(-1)).toBe('Compacted');
  expect(looks).toBe(12);
  await expectSettled(ports, [1, 2, 3, 4]);
});
