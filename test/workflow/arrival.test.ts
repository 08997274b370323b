/** A delta that arrives at any moment of an execution is not left where nobody will look. */
import { describe, expect, it } from 'vitest';
import type { Fault } from '../support/faulty.ts';
import type { MemoryPorts } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { expectSettled, INPUT, stack, submitNumber, waitingPorts } from './support.ts';

/** Calls of ports that one undisturbed execution makes. */
const CALLS = await (async () => {
  let calls = 0;
  const count: Fault = { on: '*', before: () => calls++ };
  await run(await waitingPorts(), INPUT, { faults: [count] });
  return calls;
})();

type Machines = ReturnType<typeof stack>;
const MODES: Array<{ how: string; arrive: (ports: MemoryPorts, machines: Machines) => unknown }> = [
  {
    how: 'its wake-up runs along',
    arrive: async (ports, machines) => {
      await submitNumber(ports, 5);
      machines.start();
    },
  },
  {
    how: 'its wake-up runs to its end while the execution is frozen',
    arrive: async (ports, machines) => {
      await submitNumber(ports, 5);
      await machines.start();
    },
  },
  {
    how: 'its wake-up runs to its end while the execution is frozen, without its lock and claim',
    arrive: async (ports, machines) => {
      await submitNumber(ports, 5);
      ports.table.deleteLock(INPUT.collection);
      await machines.start();
    },
  },
];

describe.each(MODES)('a delta arrives, and $how', ({ arrive }) => {
  const moments = Array.from({ length: CALLS }, (_, index) => index + 1);

  it.each(moments)('before call %i', async (from) => {
    const ports = await waitingPorts();
    const machines = stack(ports);

    machines.start({ faults: [{ on: '*', from, times: 1, before: () => arrive(ports, machines) }] });
    await machines.done();

    await expectSettled(ports, [1, 2, 3, 4, 5]);
  });

  it('after the last call', async () => {
    const ports = await waitingPorts();
    const machines = stack(ports);

    machines.start({ faults: [{ on: '*', from: CALLS, times: 1, after: () => arrive(ports, machines) }] });
    await machines.done();

    await expectSettled(ports, [1, 2, 3, 4, 5]);
  });
});

it('an execution makes calls enough for the tables above to mean something', () => {
  expect(CALLS).toBeGreaterThan(40);
});
