/** release-abandoned.asl.json: frees what a dead execution holds, and nothing else, and starts what waits. */
import { afterAll, describe, expect, it } from 'vitest';
import { EngineUnavailableError, ExecutionsUnavailableError } from '../../lambdas/errors/errors.ts';
import { RELEASE_ABANDONED } from '../../local/machines.ts';
import { StateFailure } from '../../local/sfn/failure.ts';
import { MAX_ALONE_FAILURES, MAX_MERGE_FAILURES } from '../../statemachine/contract.ts';
import { type Fault, faulty, throws } from '../support/faulty.ts';
import { COLLECTION, type MemoryPorts } from '../support/memory-ports.ts';
import { type Run, type RunOptions, run } from '../support/run-machine.ts';
import { edgesOf, edgesTaken } from './edges.ts';
import { failing } from './scenarios-named.ts';
import { storeDown, tableDown } from './scenarios-outages.ts';
import { expectNothingHeld, expectSettled, INPUT, inbox, stack, submitNumber, waitingPorts } from './support.ts';

const taken = new Set<string>();
const EXISTS = 'StepFunctions.ExecutionAlreadyExistsException';
const executionsDown = throws(new ExecutionsUnavailableError('Step Functions throttles. Try again.'));
const starting = (ports: MemoryPorts) => async (input: { Name: string; Input: { collection: string } }) => {
  if ((await ports.executions.start(input.Name, input.Input)) === 'exists')
    throw new StateFailure(EXISTS, 'used before');
  return { ExecutionArn: input.Name };
};

/** An execution that died with lock and claim in its hands: in the swap, and in its own HandleFailure. */
async function abandoned(): Promise<{ ports: MemoryPorts; dead: Run }> {
  const ports = await waitingPorts();
  const wrap = { SwapPointer: () => throws(new Error('died')), HandleFailure: () => throws(new Error('died')) };
  const dead = await run(ports, INPUT, { wrap });
  expect(await ports.locks.readLock(COLLECTION)).toMatchObject({ owner: dead.arn, claimOwner: dead.arn });
  return { ports, dead };
}

async function release(ports: MemoryPorts, execution: string, options: RunOptions = {}): Promise<Run> {
  const handlers = { StartSuccessor: starting(ports) };
  const input = { collection: COLLECTION, execution };
  const ended = await run(ports, input, { machine: RELEASE_ABANDONED, handlers, ...options });
  for (const edge of edgesTaken(ended, RELEASE_ABANDONED)) taken.add(edge);
  return ended;
}

describe('release-abandoned', () => {
  it('frees lock and claim, and starts an execution for what waits', async () => {
    const { ports, dead } = await abandoned();

    const { path } = await release(ports, dead.arn);

    expect(path).toEqual(['ReleaseAbandoned', 'Waiting?', 'StartSuccessor', 'Done']);
    expect([...ports.executions.started]).toEqual([[expect.stringMatching(/^books-at-2026-01-01-00-/), INPUT]]);
    expectNothingHeld(ports);
    expect((await run(ports, INPUT)).path.at(-1)).toBe('Compacted');
    await expectSettled(ports, [1, 2, 3, 4]);
  });

  it('starts nothing when nothing waits', async () => {
    const { ports, dead } = await abandoned();
    ports.table.deleteLock(COLLECTION);
    await run(ports, INPUT);

    expect((await release(ports, dead.arn)).path).toEqual(['ReleaseAbandoned', 'Waiting?', 'Done']);
    expect(ports.executions.started.size).toBe(0);
  });

  it('starts an execution for a status that is still to be written, although the inbox is empty', async () => {
    const ports = await waitingPorts();
    const dead = await run(ports, INPUT, { wrap: { FinishCompaction: () => throws(new Error('died')) } });
    for (const key of inbox(ports)) await ports.store.delete(key);

    expect((await release(ports, dead.arn)).path).toContain('StartSuccessor');
    expect((await run(ports, INPUT)).path).toContain('FinishCompaction');
    await expectSettled(ports, [1, 2, 3, 4]);
  });

  it.each(['RUNNING', 'PENDING_REDRIVE'] as const)('leaves an execution alone that is %s again', async (status) => {
    const { ports, dead } = await abandoned();
    const before = ports.table.items();
    ports.executions.statuses.set(dead.arn, status);

    expect((await release(ports, dead.arn)).path).toEqual(['ReleaseAbandoned', 'Waiting?', 'Done']);
    expect(ports.table.items()).toEqual(before);
  });

  it('leaves alone what another execution holds', async () => {
    const { ports } = await abandoned();
    const before = ports.table.items();

    expect((await release(ports, 'arn:another')).path.at(-1)).toBe('Done');
    expect(ports.table.items()).toEqual(before);
  });

  it('leaves alone what the redriven execution acquires meanwhile', async () => {
    const { ports, dead } = await abandoned();
    const request = { owner: dead.arn, phase: 'swap', pointerToken: 0, now: ports.clock.now(), durationMs: 1 } as const;
    const reacquire = { on: 'executions.status', after: () => ports.locks.acquireLock(COLLECTION, request) };

    await release(ports, dead.arn, { faults: [reacquire] });

    expect((await ports.locks.readLock(COLLECTION))?.owner).toBe(dead.arn);
  });

  it('frees a claim, too, that a call of the stopped execution takes between the look and the release', async () => {
    // Prepare: it holds the lock and is stopped, while its ValidateCas is on its way.
    const ports = await waitingPorts();
    const arn = 'arn:stopped';
    const durationMs = 60_000;
    const now = ports.clock.now();
    const request = { owner: arn, phase: 'validation', pointerToken: 0, now, durationMs } as const;
    const { token } = await ports.locks.acquireLock(COLLECTION, request);
    const claim = () => ports.locks.takeClaim(COLLECTION, { holder: { owner: arn, token }, now, durationMs });

    // Act
    await release(ports, arn, { faults: [{ on: 'executions.status', after: claim }] });

    // Assess: nobody delegates to the dead.
    expectNothingHeld(ports);
    expect((await run(ports, INPUT)).path.at(-1)).toBe('Compacted');
  });

  it('starts one successor a minute, and waits for the next minute when this one had its own, which ended', async () => {
    // Prepare: the successor of this minute has failed, too, and left its work behind.
    const { ports, dead } = await abandoned();
    await release(ports, dead.arn);
    const before = ports.clock.now();

    // Act
    const { path } = await release(ports, dead.arn);

    // Assess
    const look = ['ReleaseAbandoned', 'Waiting?', 'StartSuccessor'];
    expect(path).toEqual([...look, 'AwaitNextSlot', ...look, 'Done']);
    expect(ports.clock.now() - before).toBe(60_000);
    expect([...ports.executions.started.keys()]).toEqual([
      expect.stringMatching(/^books-at-2026-01-01-00-00-/),
      expect.stringMatching(/^books-at-2026-01-01-00-01-/),
    ]);
  });

  it('starts no second successor when the first has done the work meanwhile', async () => {
    const { ports, dead } = await abandoned();
    ports.executions.onStart = () => {
      ports.clock.sleep(30_000).then(() => run(ports, INPUT));
    };
    await release(ports, dead.arn);

    const { path } = await release(ports, dead.arn);

    expect(path.slice(-4)).toEqual(['AwaitNextSlot', 'ReleaseAbandoned', 'Waiting?', 'Done']);
    expect(ports.executions.started.size).toBe(1);
    await expectSettled(ports, [1, 2, 3, 4]);
  });

  it('has nothing to do for a collection that does not exist', async () => {
    const { ports, dead } = await abandoned();
    const input = { collection: 'never-created', execution: dead.arn };

    const { path } = await run(ports, input, {
      machine: RELEASE_ABANDONED,
      handlers: { StartSuccessor: starting(ports) },
    });

    expect(path).toEqual(['ReleaseAbandoned', 'Waiting?', 'Done']);
  });

  const FAULTS: Array<[string, string, RunOptions, string[]]> = [
    [
      'the table throttles twice',
      'Done',
      outage({ on: 'locks.readLock', times: 2, before: tableDown }),
      ['ReleaseAbandoned Retry StoreUnavailableError'],
    ],
    [
      'both releases lose their response',
      'Done',
      outage(
        { on: 'locks.releaseLock', times: 1, after: tableDown },
        { on: 'locks.releaseClaim', times: 1, after: tableDown },
      ),
      [],
    ],
    [
      'the store is down for good',
      'StoreUnavailableError',
      outage({ on: 'store.list', before: storeDown }),
      ['ReleaseAbandoned Catch States.ALL'],
    ],
    [
      'Step Functions throttles when the execution is looked up',
      'Done',
      outage({ on: 'executions.status', times: 2, before: executionsDown }),
      ['ReleaseAbandoned Retry StoreUnavailableError'],
    ],
    [
      'one call hangs',
      'Done',
      outage({ on: 'locks.readLock', times: 1, before: () => new Promise(() => {}) }),
      ['ReleaseAbandoned Retry States.Timeout'],
    ],
    [
      'Lambda is in trouble',
      'Done',
      named('ReleaseAbandoned', 'Lambda.TooManyRequestsException', 2),
      ['ReleaseAbandoned Retry Lambda.ServiceException'],
    ],
    [
      'the function was idle, and is ready after nine minutes',
      'Done',
      named('ReleaseAbandoned', 'Lambda.ResourceNotReadyException', 9),
      ['ReleaseAbandoned Retry Lambda.CodeArtifactUserPendingException'],
    ],
    [
      'the start is throttled',
      'Done',
      named('StartSuccessor', 'StepFunctions.ThrottlingException', 2),
      ['StartSuccessor Retry States.TaskFailed'],
    ],
    ['the start hangs', 'Done', named('StartSuccessor', 'States.Timeout', 2), ['StartSuccessor Retry States.Timeout']],
    [
      'nothing can be started',
      'StepFunctions.ThrottlingException',
      named('StartSuccessor', 'StepFunctions.ThrottlingException'),
      ['StartSuccessor Catch States.ALL'],
    ],
  ];

  it.each(FAULTS)('%s: %s', async (_, ends, options, takes) => {
    const { ports, dead } = await abandoned();

    const ended = await release(ports, dead.arn, options);

    expect(ended.error ?? ended.path.at(-1)).toBe(ends);
    expect(edgesTaken(ended, RELEASE_ABANDONED)).toEqual(expect.arrayContaining(takes));
    expectNothingHeld(ports);
  });

  it('fails at once when the key of the function is disabled, and leaves everything as it was', async () => {
    const { ports, dead } = await abandoned();
    const before = ports.table.items();

    const ended = await release(ports, dead.arn, named('ReleaseAbandoned', 'Lambda.KMSDisabledException'));

    expect([ended.error, ended.retries]).toEqual(['Lambda.KMSDisabledException', 0]);
    expect(ports.table.items()).toEqual(before);
  });

  it('fails at once for a collection that is none', async () => {
    const { ports } = await abandoned();

    const ended = await run(
      ports,
      { collection: '../x', execution: 'arn' },
      { machine: RELEASE_ABANDONED, handlers: { StartSuccessor: starting(ports) } },
    );

    for (const edge of edgesTaken(ended, RELEASE_ABANDONED)) taken.add(edge);
    expect([ended.error, ended.path]).toEqual(['InvalidInputError', ['ReleaseAbandoned', 'NotReleased']]);
  });

  /** `detail` of the event, as AWS documents it. */
  const detail = (executionArn: string, input: string | null) => ({
    executionArn,
    stateMachineArn: 'arn:aws:states:us-east-1:123456789012:stateMachine:compaction',
    name: 'x',
    status: 'FAILED',
    startDate: 1_551_225_146_847,
    stopDate: 1_551_225_151_881,
    input,
    inputDetails: { included: input !== null },
    output: null,
    outputDetails: null,
    stateMachineVersionArn: null,
    stateMachineAliasArn: null,
    error: 'States.Runtime',
    cause: '{}',
  });
  const handle = (ports: MemoryPorts, input: object) =>
    run(ports, input as never, { machine: RELEASE_ABANDONED, handlers: { StartSuccessor: starting(ports) } });

  it('takes the detail of the event whole', async () => {
    const { ports, dead } = await abandoned();

    const { path } = await handle(ports, detail(dead.arn, JSON.stringify(INPUT)));

    expect(path).toEqual(['ReleaseAbandoned', 'Waiting?', 'StartSuccessor', 'Done']);
    expectNothingHeld(ports);
  });

  it.each(['{}', '[]', 'null', '7', '""', 'no json', '{"collection":5}', '{"collection":"../x"}'])(
    'has nothing to do for an execution that was started with %s',
    async (input) => {
      const { ports, dead } = await abandoned();
      const before = ports.table.items();

      const { path, error } = await handle(ports, detail(dead.arn, input));

      expect([error, path]).toEqual([undefined, ['ReleaseAbandoned', 'Waiting?', 'Done']]);
      expect(ports.table.items()).toEqual(before);
    },
  );

  it('does not take an input that is not part of the event for one that names nothing', async () => {
    const { ports, dead } = await abandoned();

    const { path, error, cause } = await handle(ports, detail(dead.arn, null));

    expect([error, path]).toEqual(['InvalidInputError', ['ReleaseAbandoned', 'NotReleased']]);
    expect(cause).toContain('start this machine with');
  });

  it('keeps a collection going that fails again and again, once a minute, until it works', async () => {
    // Prepare: three executions fail, each with all merges that it may try.
    const ports = await waitingPorts();
    const times = 3 * (MAX_MERGE_FAILURES + 1 + MAX_ALONE_FAILURES);
    const down: Fault = { on: 'engine.open', times, before: throws(new EngineUnavailableError('No server.')) };
    ports.engine = faulty(ports, [down]).engine;
    const machines = stack(ports);

    // Act
    machines.start();
    const runs = await machines.done();

    // Assess
    expect(runs.map(({ error, path }) => error ?? path.at(-1))).toEqual([
      'MergeLimitError',
      'MergeLimitError',
      'MergeLimitError',
      'Compacted',
    ]);
    await submitNumber(ports, 5);
    await run(ports, INPUT);
    await expectSettled(ports, [1, 2, 3, 4, 5]);
  });

  afterAll(() => {
    expect(edgesOf(RELEASE_ABANDONED).filter((edge) => !taken.has(edge))).toEqual([]);
  });
});

function outage(...faults: Fault[]): RunOptions {
  return { faults };
}

function named(state: string, error: string, times = Number.POSITIVE_INFINITY): RunOptions {
  return { wrap: failing(state, error, 'before', times) ?? {} };
}
