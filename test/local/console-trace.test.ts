/** Traces and lanes of real runs of the real machine: what the console says happened is what happened. */
import { describe, expect, it } from 'vitest';
import { LockHeldError } from '../../lambdas/errors/errors.ts';
import { laneOf } from '../../local/console/lane.ts';
import { type LockEvent, RecordedLocks } from '../../local/console/lock-events.ts';
import { traceOf } from '../../local/console/trace.ts';
import { COLLECTION, createCollection, type MemoryPorts, memoryPorts } from '../support/memory-ports.ts';
import { type Run, run } from '../support/run-machine.ts';
import { INPUT, otherCommits, stateOf, submitNumber } from '../workflow/support.ts';

async function world(): Promise<{ ports: MemoryPorts; recorded: MemoryPorts; log: LockEvent[] }> {
  const ports = memoryPorts();
  await createCollection(ports);
  await submitNumber(ports, 1, 2);
  const log: LockEvent[] = [];
  const locks = new RecordedLocks(ports.table, ports.clock, (event) => log.push({ id: log.length + 1, ...event }));
  return { ports, recorded: { ...ports, locks }, log };
}

const laneOfRun = (ended: Run, log: readonly LockEvent[]) =>
  laneOf(
    traceOf(ended.events),
    ended.events,
    log.filter(({ execution }) => execution === ended.arn),
    ended.events.at(-1)?.timestamp ?? null,
  );

describe('a trace', () => {
  it('has the path, every attempt, and no error when all is well', async () => {
    const { recorded } = await world();

    const ended = await run(recorded, INPUT);

    const { visits, passages, events } = traceOf(ended.events);
    expect(visits.map(({ state }) => state)).toEqual(ended.path);
    expect(events).toBe(ended.events.length);
    expect(visits.filter(({ type }) => type === 'Task').every(({ attempts }) => attempts.length === 1)).toBe(true);
    expect(visits.every(({ caught }) => caught === null)).toBe(true);
    expect(passages.reduce((sum, { count }) => sum + count, 0)).toBe(ended.path.length - 1);
    expect(visits.filter(({ isLast }) => isLast).map(({ state }) => state)).toEqual(['Compacted']);
  });

  it('counts retries with their errors', async () => {
    const { recorded } = await world();
    let calls = 0;
    const wrap = {
      AcquireSwapLock: (real: (input: unknown) => Promise<unknown>) => async (input: unknown) => {
        if (++calls <= 2) throw new LockHeldError(COLLECTION, 'another', 0);
        return real(input);
      },
    };

    const { visits } = traceOf((await run(recorded, INPUT, { wrap })).events);

    const [visit] = visits.filter(({ state }) => state === 'AcquireSwapLock');
    expect(visit?.attempts.map(({ outcome, error }) => [outcome, error])).toEqual([
      ['failed', 'LockHeldError'],
      ['failed', 'LockHeldError'],
      ['succeeded', null],
    ]);
    expect(visit?.caught).toBeNull();
  });

  it('tells a catch from going on, and where the execution ended', async () => {
    const ports = memoryPorts();

    const ended = await run(ports, INPUT);

    const { visits, passages } = traceOf(ended.events);
    expect(ended.status).toBe('FAILED');
    expect(visits.map(({ state, caught }) => [state, caught?.error ?? null])).toEqual([
      ['PlanCompaction', 'CollectionNotFoundError'],
      ['HandleFailure', null],
      ['Failed', null],
    ]);
    expect(passages[0]).toEqual({ from: 'PlanCompaction', to: 'HandleFailure', isCatch: true, count: 1 });
    expect(visits.at(-1)).toMatchObject({ state: 'Failed', exitedAt: null, isLast: true });
  });

  it('of a history that is not at its end has an open visit', async () => {
    const { recorded } = await world();
    const { events } = await run(recorded, INPUT);
    const begun = events.slice(0, events.findIndex(({ type }) => type === 'LambdaFunctionScheduled') + 2);

    const { visits } = traceOf(begun);

    expect(visits).toMatchObject([
      { state: 'PlanCompaction', exitedAt: null, isLast: true, attempts: [{ outcome: 'running' }] },
    ]);
  });
});

describe('a lane', () => {
  it('has both locks, the claim around them, and the swap, as the state itself counts them', async () => {
    const { recorded, log } = await world();

    const ended = await run(recorded, INPUT);

    const { spans, marks, commits } = laneOfRun(ended, log);
    const locks = spans.filter(({ kind }) => kind === 'lock');
    const [claim] = spans.filter(({ kind }) => kind === 'claim');
    expect(locks.map(({ phase }) => phase)).toEqual(['validation', 'swap']);
    const { committed } = stateOf(ended);
    expect(commits).toMatchObject([{ commitId: committed?.commitId, version: 1 }]);
    expect(marks.map(({ kind }) => kind)).toEqual(['swap']);
    expect(claim?.from).toBeGreaterThanOrEqual(locks[0]?.from ?? Number.NaN);
    expect(claim?.to).toBeGreaterThanOrEqual(locks[1]?.to ?? Number.NaN);
    expect(spans.every(({ to }) => to !== null)).toBe(true);
  });

  it('says who held the lock instead, and that it was waited for', async () => {
    const { ports, recorded, log } = await world();
    const other = { owner: 'arn:aws:states:us-east-1:000000000000:execution:compaction:other', phase: 'swap' } as const;
    await ports.table.acquireLock(COLLECTION, { ...other, pointerToken: 0, now: ports.clock.now(), durationMs: 900 });

    const ended = await run(recorded, INPUT);

    const { marks, spans } = laneOfRun(ended, log);
    const collisions = marks.filter(({ kind }) => kind === 'collision');
    expect(collisions.length).toBeGreaterThan(0);
    expect(collisions[0]?.text).toBe('Found the lock held by other (validation)');
    const waits = spans.filter(({ kind, phase }) => kind === 'wait' && phase === 'validation');
    expect(waits.some(({ from, to }) => (to ?? 0) - from > 0)).toBe(true);
  });

  it('shows that another had the claim', async () => {
    const { ports, recorded, log } = await world();
    const owner = 'arn:aws:states:us-east-1:000000000000:execution:compaction:claimant';
    const now = ports.clock.now();
    const { token } = await ports.table.acquireLock(COLLECTION, {
      owner,
      phase: 'validation',
      pointerToken: 0,
      now,
      durationMs: 1_000,
    });
    await ports.table.takeClaim(COLLECTION, { holder: { owner, token }, now, durationMs: 60_000 });
    await ports.table.releaseLock(COLLECTION, { owner, token });

    const ended = await run(recorded, INPUT);

    expect(ended.path.at(-1)).toBe('Delegated');
    expect(laneOfRun(ended, log).marks.map(({ kind }) => kind)).toEqual(['delegated']);
    expect(laneOfRun(ended, log).spans.some(({ kind }) => kind === 'claim')).toBe(false);
  });

  it('shows a rebase with its reason, and the failure at the end of one that fails', async () => {
    const { ports, recorded, log } = await world();
    let hasMoved = false;
    const wrap = {
      UploadSnapshot: (real: (input: unknown) => Promise<unknown>) => async (input: unknown) => {
        if (!hasMoved) await otherCommits(ports);
        hasMoved = true;
        return real(input);
      },
    };

    const ended = await run(recorded, INPUT, { wrap });

    const rebases = laneOfRun(ended, log).marks.filter(({ kind }) => kind === 'rebase');
    expect(rebases.map(({ text }) => text)).toEqual([
      'Discarded this round after PointerMovedError in SwapPointer: plans again',
    ]);
    const failed = await run(memoryPorts(), INPUT);
    expect(laneOfRun(failed, []).marks).toMatchObject([
      { kind: 'failed', text: 'Failed: CollectionNotFoundError in PlanCompaction' },
    ]);
  });

  it('ends what was never released by its expiry', async () => {
    const { recorded, log } = await world();
    const ReleaseSwapLock = () => async () => {
      throw new Error('gone');
    };

    const ended = await run(recorded, INPUT, { wrap: { ReleaseSwapLock } });

    const swap = laneOfRun(ended, log).spans.find(({ kind, phase }) => kind === 'lock' && phase === 'swap');
    const acquired = log.find(({ kind, phase }) => kind === 'lock-acquired' && phase === 'swap');
    expect(swap?.to).toBe(acquired?.expiresAt);
  });
});
