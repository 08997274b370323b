/** The operations of the Step Functions API, called by AWS's own client. Histories have a file of their own. */
import {
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  ListExecutionsCommand,
  ListStateMachinesCommand,
  SendTaskSuccessCommand,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFINITION, refusal, WorkMachine } from './sfn-work-machine.ts';

let work: WorkMachine;
beforeEach(async () => {
  work = new WorkMachine();
  await work.listen();
});
afterEach(() => work.close());

describe('StartExecution', () => {
  it('is idempotent while the execution runs, by name and input', async () => {
    const first = await work.start({ mode: 'hang' }, 'one');
    const second = await work.start({ mode: 'hang' }, 'one');

    expect(second.executionArn).toBe('arn:aws:states:us-east-1:000000000000:execution:work:one');
    expect(second).toMatchObject({ executionArn: first.executionArn, startDate: first.startDate });
    expect(await refusal(work.start({ mode: 'other' }, 'one'))).toBe('ExecutionAlreadyExists 400');
    work.release();
    await work.local.idle();
    expect(await refusal(work.start({ mode: 'hang' }, 'one'))).toBe('ExecutionAlreadyExists 400');
  });

  it('makes up a name, and takes {} as the input', async () => {
    const { executionArn } = await work.start();
    await work.local.idle();

    const execution = await work.describeExecution(executionArn);

    expect(execution.name).toMatch(/^[0-9a-f-]{36}$/);
    expect(execution.input).toBe('{}');
  });

  it('refuses what AWS refuses', async () => {
    const call = (fields: object) =>
      refusal(work.client.send(new StartExecutionCommand({ stateMachineArn: work.machineArn, ...fields })));

    expect(await call({ name: 'a b' })).toBe('InvalidName 400');
    expect(await call({ name: 'a:b' })).toBe('InvalidName 400');
    expect(await call({ name: 'x'.repeat(81) })).toBe('InvalidName 400');
    expect(await call({ name: 'x'.repeat(80) })).toBe('none');
    expect(await call({ input: '{' })).toBe('InvalidExecutionInput 400');
    expect(await call({ input: JSON.stringify('x'.repeat(262_144)) })).toBe('InvalidExecutionInput 400');
    expect(await call({ stateMachineArn: 'nonsense' })).toBe('InvalidArn 400');
    expect(await call({ stateMachineArn: `${work.machineArn}2` })).toBe('StateMachineDoesNotExist 400');
    expect(await call({ stateMachineArn: undefined })).toBe('ValidationException 400');
  });

  it('runs 20 executions at once', async () => {
    const started = await Promise.all(Array.from({ length: 20 }, (_, n) => work.start({ mode: 'hang', n }, `n-${n}`)));
    const running = await work.client.send(
      new ListExecutionsCommand({ stateMachineArn: work.machineArn, statusFilter: 'RUNNING' }),
    );

    work.release();
    await work.local.idle();

    expect(running.executions).toHaveLength(20);
    const outputs = await Promise.all(started.map(({ executionArn }) => work.describeExecution(executionArn)));
    expect(outputs.map(({ output }) => JSON.parse(output ?? '').n)).toEqual(started.map((_, n) => n));
  });
});

describe('StopExecution', () => {
  it('aborts at once, and what the handler returns later work.changes nothing', async () => {
    const { executionArn } = await work.start({ mode: 'hang' });

    const stopped = await work.client.send(
      new StopExecutionCommand({ executionArn, error: 'Enough', cause: 'by hand' }),
    );
    const before = await work.history(executionArn);
    work.release();
    await work.local.idle();

    expect(await work.describeExecution(executionArn)).toMatchObject({
      status: 'ABORTED',
      error: 'Enough',
      cause: 'by hand',
      stopDate: stopped.stopDate,
    });
    expect(before.map(({ type }) => type).slice(-2)).toEqual(['LambdaFunctionStarted', 'ExecutionAborted']);
    expect(before.at(-1)?.executionAbortedEventDetails).toEqual({ error: 'Enough', cause: 'by hand' });
    expect(await work.history(executionArn)).toEqual(before);
  });

  it('leaves an execution that has ended as it is', async () => {
    const { executionArn } = await work.start({ mode: 'plain' });
    await work.local.idle();

    const { stopDate } = await work.client.send(new StopExecutionCommand({ executionArn, error: 'Late' }));

    expect(await work.describeExecution(executionArn)).toMatchObject({ status: 'SUCCEEDED', stopDate });
  });

  it('knows executions by ARN', async () => {
    const stop = (executionArn: string) => refusal(work.client.send(new StopExecutionCommand({ executionArn })));

    expect(await stop('nonsense')).toBe('InvalidArn 400');
    expect(await stop('arn:aws:states:us-east-1:000000000000:execution:work:none')).toBe('ExecutionDoesNotExist 400');
  });
});

describe('lists and descriptions', () => {
  it('lists executions newest first, by status and page by page', async () => {
    for (const [index, mode] of ['plain', 'fail', 'plain', 'fatal', 'plain'].entries()) {
      await work.start({ mode }, `e${index}`);
    }
    await work.local.idle();
    const list = (fields: object) =>
      work.client.send(new ListExecutionsCommand({ stateMachineArn: work.machineArn, maxResults: 2, ...fields }));
    const names = async (fields: object) => (await list(fields)).executions?.map(({ name }) => name);

    const first = await list({});
    const second = await list({ nextToken: first.nextToken });
    const third = await list({ nextToken: second.nextToken });

    expect([first, second, third].map(({ executions }) => executions?.map(({ name }) => name))).toEqual([
      ['e4', 'e3'],
      ['e2', 'e1'],
      ['e0'],
    ]);
    expect(third.nextToken).toBeUndefined();
    expect(await names({ statusFilter: 'FAILED' })).toEqual(['e3', 'e1']);
    expect(await refusal(list({ nextToken: first.nextToken, statusFilter: 'FAILED' }))).toBe('InvalidToken 400');
    expect(await refusal(list({ maxResults: 1001 }))).toBe('ValidationException 400');
    expect(first.executions?.[0]).toMatchObject({
      stateMachineArn: work.machineArn,
      status: 'SUCCEEDED',
      startDate: expect.any(Date),
      stopDate: expect.any(Date),
    });
  });

  it('describes executions, with or without their data', async () => {
    const { executionArn } = await work.start({ mode: 'plain' });
    await work.local.idle();

    const all = await work.describeExecution(executionArn);
    const bare = await work.client.send(new DescribeExecutionCommand({ executionArn, includedData: 'METADATA_ONLY' }));

    expect(all).toMatchObject({ input: '{"mode":"plain"}', inputDetails: { included: true }, redriveCount: 0 });
    expect(JSON.parse(all.output ?? '')).toEqual({ mode: 'plain', result: { mode: 'plain' }, noted: true });
    expect([bare.input, bare.output, bare.inputDetails?.included]).toEqual([undefined, undefined, false]);
  });

  it('describes and lists state machines', async () => {
    const second = work.local.register({
      name: 'second',
      definition: DEFINITION,
      substitutions: { MachineArn: 'x' },
      handlers: { Work: async () => 1 },
    });

    const described = await work.client.send(new DescribeStateMachineCommand({ stateMachineArn: work.machineArn }));
    const first = await work.client.send(new ListStateMachinesCommand({ maxResults: 1 }));
    const rest = await work.client.send(new ListStateMachinesCommand({ maxResults: 1, nextToken: first.nextToken }));

    expect(described).toMatchObject({ name: 'work', status: 'ACTIVE', type: 'STANDARD' });
    expect(JSON.parse(described.definition ?? '').States.Work).toEqual(DEFINITION.States.Work);
    expect([...(first.stateMachines ?? []), ...(rest.stateMachines ?? [])].map((each) => each.stateMachineArn)).toEqual(
      [work.machineArn, second],
    );
    expect(rest.nextToken).toBeUndefined();
  });

  it('says so when an operation does not exist here', async () => {
    expect(await refusal(work.client.send(new SendTaskSuccessCommand({ taskToken: 't', output: '{}' })))).toBe(
      'UnknownOperationException 400',
    );
  });
});

describe('the startExecution integration', () => {
  it('starts another execution, and names the error when it exists', async () => {
    const first = await work.start({ mode: 'start', name: 'child' });
    await work.local.idle();
    const second = await work.start({ mode: 'start', name: 'child' });
    await work.local.idle();

    const child = await work.describeExecution('arn:aws:states:us-east-1:000000000000:execution:work:child');
    const types = (await work.history(first.executionArn)).map(({ type }) => type);
    const failed = (await work.history(second.executionArn)).find(({ type }) => type === 'TaskFailed');

    expect(child).toMatchObject({ status: 'SUCCEEDED', input: '{"mode":"plain"}' });
    expect(types).toEqual(expect.arrayContaining(['TaskScheduled', 'TaskStarted', 'TaskSucceeded']));
    expect(failed?.taskFailedEventDetails).toMatchObject({
      resourceType: 'states',
      resource: 'startExecution',
      error: 'StepFunctions.ExecutionAlreadyExistsException',
    });
    expect(await work.describeExecution(second.executionArn)).toMatchObject({ status: 'SUCCEEDED' });
  });
});

it('tells listeners of every end, as EventBridge would', async () => {
  const { executionArn } = await work.start({ mode: 'fatal' }, 'told');
  await work.local.idle();
  await work.describeExecution(executionArn);

  expect(work.changes).toMatchObject([
    {
      source: 'aws.states',
      'detail-type': 'Step Functions Execution Status Change',
      resources: [executionArn],
      detail: {
        executionArn,
        stateMachineArn: work.machineArn,
        name: 'told',
        status: 'FAILED',
        input: '{"mode":"fatal"}',
      },
    },
  ]);
});
