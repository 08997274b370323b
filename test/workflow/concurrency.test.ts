/** Many executions on one collection, interleaved by seeded latencies of every port call. */
import { describe, expect, it } from 'vitest';
import type { Fault } from '../support/faulty.ts';
import { COLLECTION, createCollection, type MemoryPorts, memoryPorts } from '../support/memory-ports.ts';
import type { Run } from '../support/run-machine.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { expectSettled, stack, submitNumber, waitingPorts } from './support.ts';

const ENDS = ['Compacted', 'Delegated', 'UpToDate'];
const range = (n: number) => Array.from({ length: n }, (_, index) => index + 1);
const ends = (runs: Run[]) => runs.map(({ path }) => path.at(-1));
const visits = (runs: Run[], state: string) => runs.flatMap(({ path }) => path.filter((name) => name === state)).length;

/** Every call takes up to `maxMs` before it takes effect, and as long again for its response. */
function latency(ports: MemoryPorts, seed: number, maxMs: number): Fault {
  const random = seededRandom(seed);
  const wait = () => ports.clock.sleep(random() * maxMs);
  return { on: '*', before: wait, after: wait };
}

describe.each(range(12))('with seed %i', (seed) => {
  it('two executions share the work', async () => {
    const ports = await waitingPorts({ seed });
    const faults = [latency(ports, seed, 40)];
    const machines = stack(ports);

    machines.start({ faults, seed });
    machines.start({ faults, seed: seed + 1 });
    const runs = await machines.done();

    expect(ends(runs).every((end) => ENDS.includes(String(end)))).toBe(true);
    expect(visits(runs, 'Compacted')).toBe(1);
    await expectSettled(ports, [1, 2, 3, 4]);
  });

  it('20 executions at once merge 20 deltas exactly once, in at most 3 merges', async () => {
    const ports = memoryPorts({ seed });
    await createCollection(ports);
    const machines = stack(ports);

    for (const n of range(20)) {
      await submitNumber(ports, n);
      machines.start({ faults: [latency(ports, seed * 100 + n, 20)], seed: n });
    }
    const runs = await machines.done();

    expect(ends(runs).filter((end) => !ENDS.includes(String(end)))).toEqual([]);
    expect(runs).toHaveLength(20);
    expect(visits(runs, 'MergeDeltas')).toBeLessThanOrEqual(3);
    await expectSettled(ports, range(20));
  });

  it('producers come and go, their wake-ups fall anywhere into the executions of the others', async () => {
    const ports = memoryPorts({ seed });
    await createCollection(ports);
    const machines = stack(ports);
    const random = seededRandom(seed);

    for (const n of range(20)) {
      await ports.clock.advance(random() * 800);
      await submitNumber(ports, n);
      machines.start({ faults: [latency(ports, seed * 100 + n, 60)], seed: n });
    }
    const runs = await machines.done();

    expect(ends(runs).filter((end) => !ENDS.includes(String(end)))).toEqual([]);
    await expectSettled(ports, range(20));
  });

  it('nothing is lost while the LOCK item is deleted again and again', async () => {
    const ports = memoryPorts({ seed });
    await createCollection(ports);
    const machines = stack(ports);
    const random = seededRandom(seed);
    const chaos: Fault = { on: '*', before: () => random() < 0.03 && ports.table.deleteLock(COLLECTION) };

    for (const n of range(8)) {
      await ports.clock.advance(random() * 300);
      await submitNumber(ports, n);
      machines.start({ faults: [latency(ports, seed * 100 + n, 60), chaos], seed: n });
    }
    await machines.done();

    await expectSettled(ports, range(8));
  });
});

it('the heartbeat keeps the claim of a long merge, so that others delegate to it', async () => {
  const ports = await waitingPorts();
  const machines = stack(ports);
  const slow: Fault = { on: 'session.upsert', times: 1, before: () => ports.clock.sleep(600_000) };

  machines.start({ faults: [slow] });
  await ports.clock.advance(500_000);
  await submitNumber(ports, 5);
  machines.start();
  const runs = await machines.done();

  expect(ends(runs)).toEqual(['Delegated', 'Compacted']);
  await expectSettled(ports, [1, 2, 3, 4, 5]);
});
