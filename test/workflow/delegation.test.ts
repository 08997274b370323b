/** Leaving the deltas to the claimant while planning: when, when not, and that nobody's delta is left behind by it. */
import { describe, expect, it } from 'vitest';
import { planCompaction } from '../../lambdas/compaction/plan-compaction.ts';
import { METRICS } from '../../lambdas/protocol/metrics.ts';
import { type CompactionState, NEXT } from '../../statemachine/contract.ts';
import { type Fault, faulty } from '../support/faulty.ts';
import { COLLECTION, createCollection, type MemoryPorts, memoryPorts } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { tableDown } from './scenarios-outages.ts';
import { EXPIRY_MS, expectSettled, INPUT, submitNumber, waitingPorts } from './support.ts';

const OTHER = 'arn:other';
const ME = 'arn:me';

/** `owner` has the claim, and no lock. */
async function claim(ports: MemoryPorts, owner = OTHER, durationMs = EXPIRY_MS): Promise<{ token: number }> {
  const now = ports.clock.now();
  const request = { owner, phase: 'validation', pointerToken: 10, now, durationMs: 1_000 } as const;
  const holder = { owner, token: (await ports.locks.acquireLock(COLLECTION, request)).token };
  await ports.locks.takeClaim(COLLECTION, { holder, now, durationMs });
  await ports.locks.releaseLock(COLLECTION, holder);
  return holder;
}

const plan = (ports: MemoryPorts, input: unknown = INPUT) => planCompaction(ports, { input, execution: ME });
const wakeOf = async (ports: MemoryPorts) => (await ports.locks.readLock(COLLECTION))?.wake ?? 0;

/** All calls of a plan, in order, and what came of it. */
async function watch(ports: MemoryPorts): Promise<{ calls: string[]; state: CompactionState }> {
  const calls: string[] = [];
  const state = await plan(faulty(ports, [{ on: '*', before: ({ on }) => calls.push(on) }]));
  return { calls, state };
}

describe('a plan', () => {
  it('wakes the claimant after it has seen the delta in the inbox', async () => {
    const ports = await waitingPorts();
    await claim(ports);

    const { calls, state } = await watch(ports);

    expect(calls.slice(0, -3)).toContain('store.list');
    expect(calls.slice(-3)).toEqual(['statuses.getStatuses', 'locks.readLock', 'locks.wakeClaimant']);
    expect(state).toMatchObject({ next: NEXT.delegated, pending: 3, lock: null, claim: null });
    expect([await wakeOf(ports), ports.telemetry.sum(METRICS.delegated)]).toEqual([1, 1]);
  });

  it('asks nobody when nothing waits', async () => {
    const ports = memoryPorts();
    await createCollection(ports);
    await claim(ports);

    const { calls, state } = await watch(ports);

    expect([state.next, calls.filter((call) => call.startsWith('locks.'))]).toEqual([NEXT.nothing, []]);
  });

  it('writes nothing when there is no live claim', async () => {
    const ports = await waitingPorts();
    await claim(ports);
    await ports.clock.advance(EXPIRY_MS);

    const { calls, state } = await watch(ports);

    expect([state.next, calls.at(-1), await wakeOf(ports)]).toEqual([NEXT.merge, 'locks.readLock', 0]);
    expect(ports.telemetry.sum(METRICS.delegated)).toBe(0);
  });

  it('goes on by itself when the claim is let go of between the look and the wake-up', async () => {
    const ports = await waitingPorts();
    const { token } = await claim(ports);
    const letGo: Fault = {
      on: 'locks.wakeClaimant',
      before: () => ports.locks.releaseClaim(COLLECTION, { owner: OTHER, token }, 0),
    };

    const state = await plan(faulty(ports, [letGo]));

    expect([state.next, ports.telemetry.sum(METRICS.delegated)]).toEqual([NEXT.merge, 0]);
  });

  it.each([
    ['knows of', true],
    ['does not know of', false],
  ])('delegates to no claim of its own that the state %s', async (_, isKnown) => {
    const ports = await waitingPorts();
    const { token } = await claim(ports, ME);
    const before = { ...(await plan(ports)), claim: isKnown ? { token, takenAt: 5 } : null };

    const state = await plan(ports, before);

    expect([state.next, state.claim, await wakeOf(ports)]).toEqual([NEXT.merge, before.claim, 0]);
  });

  it('keeps on to where its lock is released, when it still holds one', async () => {
    const ports = await waitingPorts();
    const before = await plan(ports);
    await claim(ports);
    const now = ports.clock.now();
    const request = { owner: ME, phase: 'swap', pointerToken: 10, now, durationMs: EXPIRY_MS } as const;
    await ports.locks.acquireLock(COLLECTION, request);

    expect((await plan(ports, before)).next).toBe(NEXT.merge);
  });

  it('leaves its deltas to whoever took over its expired claim, and keeps what it has committed', async () => {
    const ports = await waitingPorts();
    const { token } = await claim(ports, ME);
    const totals = { commits: 1, deltas: 2, operations: 3, rejectedOperations: 0, changedBytes: 4, uploadedBytes: 5 };
    const before = { ...(await plan(ports)), claim: { token, takenAt: 5 }, totals };
    await ports.clock.advance(EXPIRY_MS);
    await claim(ports);

    const state = await plan(ports, before);

    expect(state).toMatchObject({ next: NEXT.delegated, claim: null, totals });
    expect(state.attempts.rounds).toBe(before.attempts.rounds + 1);
  });
});

describe('an execution', () => {
  it('that loses the response of the wake-up delegates all the same', async () => {
    const ports = await waitingPorts();
    await claim(ports);
    const lost: Fault = { on: 'locks.wakeClaimant', in: 'PlanCompaction', times: 1, after: tableDown };

    const { path, retries } = await run(ports, INPUT, { faults: [lost] });

    expect({ path, retries }).toEqual({ path: ['PlanCompaction', 'Nothing?', 'Delegated'], retries: 1 });
    expect(await wakeOf(ports)).toBe(2);
  });

  it.each(['locks.readLock', 'store.list', 'locks.releaseClaim'])(
    'that delegates before the claimant’s %s is merged by the claimant',
    async (on) => {
      // Prepare: another one comes, and leaves again, while this one is letting go of the claim.
      const ports = await waitingPorts();
      const ends: unknown[] = [];
      const comes: Fault = {
        ...{ on, in: 'FinishCompaction', times: 1 },
        before: async () => {
          await submitNumber(ports, 5);
          ends.push((await run(ports, INPUT)).path.at(-1));
        },
      };

      // Act
      const { path } = await run(ports, INPUT, { faults: [comes] });

      // Assess
      expect([...ends, path.at(-1)]).toEqual(['Delegated', 'Compacted']);
      expect(path.filter((state) => state === 'MergeDeltas')).toHaveLength(2);
      await expectSettled(ports, [1, 2, 3, 4, 5]);
    },
  );
});
