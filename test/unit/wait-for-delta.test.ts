/** Who waits for a delta learns that nobody is compacting, and why. */
import { DescribeExecutionCommand, ListExecutionsCommand, SFNClient } from '@aws-sdk/client-sfn';
import { describe, expect, it } from 'vitest';
import { createOutput, EXIT } from '../../cli/output.ts';
import type { Target } from '../../cli/target.ts';
import { waitForDelta } from '../../cli/wait-for-delta.ts';
import { COLLECTION, createCollection, type MemoryPorts, memoryPorts, submit } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';

interface Execution {
  name: string;
  status: string;
  error?: string;
  collection?: string;
}

const START = `compactor start ${COLLECTION}`;
const MINE = { collection: COLLECTION, deltaId: 'mine', timeout: 0 };

/** A target whose Step Functions knows these executions; `undefined`: one may not ask it. */
async function waiting(executions: Execution[] | undefined): Promise<{ target: Target; ports: MemoryPorts }> {
  const ports = memoryPorts();
  await createCollection(ports);
  await submit(ports, 'mine', [{ op: 'delete', id: 'a' }]);
  const sfn = new SFNClient({ region: 'eu-west-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' } });
  const known = (executions ?? []).map(({ collection = COLLECTION, ...execution }) => ({
    ...execution,
    executionArn: `arn:${execution.name}`,
    input: JSON.stringify({ collection }),
    stopDate: new Date(ports.clock.now() + 60_000),
  }));
  sfn.send = (async (command: unknown) => {
    if (executions === undefined) throw new Error('AccessDeniedException');
    if (command instanceof ListExecutionsCommand) {
      const { statusFilter } = command.input;
      return { executions: known.filter(({ status }) => statusFilter === undefined || status === statusFilter) };
    }
    if (command instanceof DescribeExecutionCommand) {
      return known.find(({ executionArn }) => executionArn === command.input.executionArn);
    }
    throw new Error('Nothing else is asked.');
  }) as typeof sfn.send;
  const place = { local: '/data' };
  return { ports, target: { kind: 'local', place, ports, sfn, stateMachineArn: 'arn:machine', close: async () => {} } };
}

async function messageOf(target: Target): Promise<string> {
  const waited = waitForDelta({ target, output: createOutput(true) }, MINE);
  await expect(waited).rejects.toMatchObject({ exitCode: EXIT.timedOut });
  return waited.then(
    () => '',
    ({ message }: Error) => message,
  );
}

describe('after the time-out', () => {
  it.each<[what: string, executions: Execution[] | undefined, expected: string]>([
    ['nobody', [], `Nobody is compacting "books": ${START}.`],
    [
      'nobody, since the last one failed',
      [{ name: 'tried', status: 'FAILED', error: 'EngineUnavailableError' }],
      `${START}. The last execution failed with EngineUnavailableError: compactor explain tried.`,
    ],
    ['an execution that runs', [{ name: 'busy', status: 'RUNNING' }], 'busy is compacting "books"'],
    [
      'one of another collection',
      [{ name: 'b', status: 'RUNNING', collection: 'pets' }],
      'Nobody is compacting "books"',
    ],
    ['unknown', undefined, 'See: compactor status books.'],
  ])('says who is compacting: %s', async (_, executions, expected) => {
    const { target } = await waiting(executions);

    expect(await messageOf(target)).toContain(expected);
  });

  it('names the holder of the claim', async () => {
    const { target, ports } = await waiting([]);
    const now = ports.clock.now();
    const request = { owner: 'arn:another', phase: 'swap', pointerToken: 0, durationMs: 60_000 } as const;
    const { token } = await ports.locks.acquireLock(COLLECTION, { ...request, now });
    await ports.locks.takeClaim(COLLECTION, { holder: { owner: 'arn:another', token }, now, durationMs: 60_000 });

    expect(await messageOf(target)).toContain('arn:another is compacting "books": compactor explain arn:another.');
  });
});

it('says so while it waits, and goes on waiting', async () => {
  // Prepare
  const { target, ports } = await waiting([]);
  const told: string[] = [];
  let seen = () => {};
  const isTold = new Promise<void>((resolve) => {
    seen = resolve;
  });
  const tell = (reason: string) => {
    told.push(reason);
    seen();
  };

  // Act
  const waited = waitForDelta(
    { target, output: createOutput(true) },
    { ...MINE, timeout: 120 },
    { firstLookMs: 0, tell },
  );
  // Without a word it ends by its time-out, and the test with it.
  await Promise.race([isTold, waited]);
  await run(ports, { collection: COLLECTION });

  // Assess
  expect(await waited).toMatchObject({ version: 1 });
  expect(new Set(told)).toEqual(new Set([`Nobody is compacting "books": ${START}`]));
});
