import {
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  GetExecutionHistoryCommand,
  type HistoryEvent,
  ListExecutionsCommand,
  ListStateMachinesCommand,
  SendTaskSuccessCommand,
  SFNClient,
  type SFNServiceException,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LocalStepFunctions } from '../../local/sfn/executions.ts';
import { type SfnServer, startSfnServer } from '../../local/sfn/server.ts';
import type { StatusChange } from '../../local/sfn/status-change.ts';
import { systemTime } from '../../local/sfn/time.ts';
import { withoutWaits } from '../support/without-waits.ts';

const LAMBDA = 'arn:aws:lambda:us-east-1:000000000000:function:work';

/** Every state type and both ways a task can end: `mode` in the input says which way to go. */
const DEFINITION = {
  StartAt: 'Work',
  States: {
    Work: {
      Type: 'Task',
      Resource: LAMBDA,
      TimeoutSeconds: 60,
      Retry: [{ ErrorEquals: ['Flaky'], MaxAttempts: 2 }],
      Catch: [{ ErrorEquals: ['Caught'], ResultPath: '$.error', Next: 'Route' }],
      ResultPath: '$.result',
      Next: 'Route',
    },
    Route: {
      Type: 'Choice',
      Choices: [
        { Variable: '$.mode', StringEquals: 'fail', Next: 'Broken' },
        { Variable: '$.mode', StringEquals: 'start', Next: 'StartAnother' },
      ],
      Default: 'Pause',
    },
    Pause: { Type: 'Wait', Seconds: 5, Next: 'Note' },
    Note: { Type: 'Pass', Result: true, ResultPath: '$.noted', Next: 'Done' },
    StartAnother: {
      Type: 'Task',
      Resource: 'arn:aws:states:::states:startExecution',
      Parameters: { StateMachineArn: `\${MachineArn}`, 'Name.$': '$.name', Input: { mode: 'plain' } },
      Catch: [
        {
          ErrorEquals: ['StepFunctions.ExecutionAlreadyExistsException'],
          ResultPath: '$.exists',
          Next: 'Done',
        },
      ],
      Next: 'Done',
    },
    Done: { Type: 'Succeed' },
    Broken: { Type: 'Fail', Error: 'Broken', Cause: 'as asked' },
  },
};

let local: LocalStepFunctions;
let server: SfnServer;
let client: SFNClient;
let machineArn: string;
/** Ends every handler that is hanging. */
let release: () => void;
let changes: StatusChange[];

beforeEach(async () => {
  const gate = Promise.withResolvers<void>();
  release = gate.resolve;
  let flaky = 0;
  const work = async ({ mode }: { mode?: string }) => {
    if (mode === 'hang') await gate.promise;
    if (mode === 'flaky' && flaky++ < 2) throw Object.assign(new Error('not yet'), { name: 'Flaky' });
    if (mode === 'caught') throw Object.assign(new Error('caught'), { name: 'Caught' });
    if (mode === 'fatal') throw Object.assign(new Error('fatal'), { name: 'Fatal' });
    return { mode: mode ?? null };
  };
  local = new LocalStepFunctions({ time: withoutWaits(systemTime) });
  changes = [];
  local.onStatusChange((change) => changes.push(change));
  machineArn = local.register({
    name: 'work',
    definition: DEFINITION,
    substitutions: { MachineArn: 'arn:aws:states:us-east-1:000000000000:stateMachine:work' },
    handlers: { Work: work },
  });
  server = await startSfnServer({ stepFunctions: local });
  client = new SFNClient({
    endpoint: server.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    maxAttempts: 1,
  });
});

afterEach(async () => {
  release();
  client.destroy();
  await server.close();
  await local.close();
});

const start = (input?: object, name?: string) =>
  client.send(
    new StartExecutionCommand({
      stateMachineArn: machineArn,
      ...(name === undefined ? {} : { name }),
      ...(input === undefined ? {} : { input: JSON.stringify(input) }),
    }),
  );
const describeExecution = (executionArn: string | undefined) =>
  client.send(new DescribeExecutionCommand({ executionArn }));
const history = async (executionArn: string | undefined): Promise<HistoryEvent[]> =>
  (await client.send(new GetExecutionHistoryCommand({ executionArn }))).events ?? [];
/** The name of the error that a call is refused with. */
const refusal = (call: Promise<unknown>) =>
  call.then(
    () => 'none',
    (error: SFNServiceException) => `${error.name} ${error.$metadata.httpStatusCode}`,
  );

describe('StartExecution', () => {
  it('is idempotent while the execution runs, by name and input', async () => {
    const first = await start({ mode: 'hang' }, 'one');
    const second = await start({ mode: 'hang' }, 'one');

    expect(second.executionArn).toBe('arn:aws:states:us-east-1:000000000000:execution:work:one');
    expect(second).toMatchObject({ executionArn: first.executionArn, startDate: first.startDate });
    expect(await refusal(start({ mode: 'other' }, 'one'))).toBe('ExecutionAlreadyExists 400');
    release();
    await local.idle();
    expect(await refusal(start({ mode: 'hang' }, 'one'))).toBe('ExecutionAlreadyExists 400');
  });

  it('makes up a name, and takes {} as the input', async () => {
    const { executionArn } = await start();
    await local.idle();

    const execution = await describeExecution(executionArn);

    expect(execution.name).toMatch(/^[0-9a-f-]{36}$/);
    expect(execution.input).toBe('{}');
  });

  it('refuses what AWS refuses', async () => {
    const call = (fields: object) =>
      refusal(client.send(new StartExecutionCommand({ stateMachineArn: machineArn, ...fields })));

    expect(await call({ name: 'a b' })).toBe('InvalidName 400');
    expect(await call({ name: 'a:b' })).toBe('InvalidName 400');
    expect(await call({ name: 'x'.repeat(81) })).toBe('InvalidName 400');
    expect(await call({ name: 'x'.repeat(80) })).toBe('none');
    expect(await call({ input: '{' })).toBe('InvalidExecutionInput 400');
    expect(await call({ input: JSON.stringify('x'.repeat(262_144)) })).toBe('InvalidExecutionInput 400');
    expect(await call({ stateMachineArn: 'nonsense' })).toBe('InvalidArn 400');
    expect(await call({ stateMachineArn: `${machineArn}2` })).toBe('StateMachineDoesNotExist 400');
    expect(await call({ stateMachineArn: undefined })).toBe('ValidationException 400');
  });

  it('runs 20 executions at once', async () => {
    const started = await Promise.all(Array.from({ length: 20 }, (_, n) => start({ mode: 'hang', n }, `n-${n}`)));
    const running = await client.send(
      new ListExecutionsCommand({ stateMachineArn: machineArn, statusFilter: 'RUNNING' }),
    );

    release();
    await local.idle();

    expect(running.executions).toHaveLength(20);
    const outputs = await Promise.all(started.map(({ executionArn }) => describeExecution(executionArn)));
    expect(outputs.map(({ output }) => JSON.parse(output ?? '').n)).toEqual(started.map((_, n) => n));
  });
});

describe('GetExecutionHistory', () => {
  it('tells a whole execution, each event after the one before', async () => {
    const { executionArn } = await start({ mode: 'flaky' });
    await local.idle();

    const events = await history(executionArn);

    const attempt = ['LambdaFunctionScheduled', 'LambdaFunctionStarted'];
    expect(events.map(({ type }) => type)).toEqual([
      'ExecutionStarted',
      'TaskStateEntered',
      ...[
        ...attempt,
        'LambdaFunctionFailed',
        ...attempt,
        'LambdaFunctionFailed',
        ...attempt,
        'LambdaFunctionSucceeded',
      ],
      'TaskStateExited',
      ...['ChoiceStateEntered', 'ChoiceStateExited', 'WaitStateEntered', 'WaitStateExited'],
      ...['PassStateEntered', 'PassStateExited', 'SucceedStateEntered', 'SucceedStateExited', 'ExecutionSucceeded'],
    ]);
    expect(events.map(({ id }) => id)).toEqual(events.map((_, index) => index + 1));
    expect(events.map(({ previousEventId }) => previousEventId)).toEqual([
      0,
      0,
      ...events.slice(2).map((_, n) => n + 2),
    ]);
    for (const { timestamp } of events) expect(timestamp).toBeInstanceOf(Date);
    expect(events[0]?.executionStartedEventDetails?.input).toBe('{"mode":"flaky"}');
    expect(events[1]?.stateEnteredEventDetails).toMatchObject({ name: 'Work', input: '{"mode":"flaky"}' });
    expect(events[2]?.lambdaFunctionScheduledEventDetails).toMatchObject({ resource: LAMBDA, timeoutInSeconds: 60 });
    expect(events[4]?.lambdaFunctionFailedEventDetails?.error).toBe('Flaky');
    expect(JSON.parse(events[4]?.lambdaFunctionFailedEventDetails?.cause ?? '')).toMatchObject({ errorType: 'Flaky' });
    expect(events[10]?.lambdaFunctionSucceededEventDetails?.output).toBe('{"mode":"flaky"}');
    expect(events[11]?.stateExitedEventDetails).toMatchObject({ name: 'Work' });
    expect(events.at(-1)?.executionSucceededEventDetails?.output).toBe(
      '{"mode":"flaky","result":{"mode":"flaky"},"noted":true}',
    );
  });

  it.each([
    ['fail', 'Broken', ['FailStateEntered', 'ExecutionFailed']],
    ['fatal', 'Fatal', ['LambdaFunctionFailed', 'ExecutionFailed']],
  ])('ends a %s with its error', async (mode, error, types) => {
    const { executionArn } = await start({ mode });
    await local.idle();

    const events = await history(executionArn);

    expect(events.slice(-2).map(({ type }) => type)).toEqual(types);
    expect(events.at(-1)?.executionFailedEventDetails?.error).toBe(error);
    expect(await describeExecution(executionArn)).toMatchObject({ status: 'FAILED', error });
  });

  it('pages in both directions, and can leave the data out', async () => {
    const { executionArn } = await start({ mode: 'caught' });
    await local.idle();
    const whole = await history(executionArn);

    const pages = async (reverseOrder: boolean) => {
      const ids: Array<number | undefined> = [];
      let nextToken: string | undefined;
      do {
        const page = await client.send(
          new GetExecutionHistoryCommand({ executionArn, maxResults: 4, reverseOrder, nextToken }),
        );
        expect(page.events?.length).toBeLessThanOrEqual(4);
        ids.push(...(page.events ?? []).map(({ id }) => id));
        nextToken = page.nextToken;
      } while (nextToken !== undefined);
      return ids;
    };
    const bare = await client.send(new GetExecutionHistoryCommand({ executionArn, includeExecutionData: false }));

    expect(await pages(false)).toEqual(whole.map(({ id }) => id));
    expect(await pages(true)).toEqual(whole.map(({ id }) => id).reverse());
    expect(bare.events?.[1]?.stateEnteredEventDetails).toEqual({ name: 'Work' });
    expect(await refusal(client.send(new GetExecutionHistoryCommand({ executionArn, nextToken: 'zzz' })))).toBe(
      'InvalidToken 400',
    );
  });
});

describe('StopExecution', () => {
  it('aborts at once, and what the handler returns later changes nothing', async () => {
    const { executionArn } = await start({ mode: 'hang' });

    const stopped = await client.send(new StopExecutionCommand({ executionArn, error: 'Enough', cause: 'by hand' }));
    const before = await history(executionArn);
    release();
    await local.idle();

    expect(await describeExecution(executionArn)).toMatchObject({
      status: 'ABORTED',
      error: 'Enough',
      cause: 'by hand',
      stopDate: stopped.stopDate,
    });
    expect(before.map(({ type }) => type).slice(-2)).toEqual(['LambdaFunctionStarted', 'ExecutionAborted']);
    expect(before.at(-1)?.executionAbortedEventDetails).toEqual({ error: 'Enough', cause: 'by hand' });
    expect(await history(executionArn)).toEqual(before);
  });

  it('leaves an execution that has ended as it is', async () => {
    const { executionArn } = await start({ mode: 'plain' });
    await local.idle();

    const { stopDate } = await client.send(new StopExecutionCommand({ executionArn, error: 'Late' }));

    expect(await describeExecution(executionArn)).toMatchObject({ status: 'SUCCEEDED', stopDate });
  });

  it('knows executions by ARN', async () => {
    const stop = (executionArn: string) => refusal(client.send(new StopExecutionCommand({ executionArn })));

    expect(await stop('nonsense')).toBe('InvalidArn 400');
    expect(await stop('arn:aws:states:us-east-1:000000000000:execution:work:none')).toBe('ExecutionDoesNotExist 400');
  });
});

describe('lists and descriptions', () => {
  it('lists executions newest first, by status and page by page', async () => {
    for (const [index, mode] of ['plain', 'fail', 'plain', 'fatal', 'plain'].entries()) {
      await start({ mode }, `e${index}`);
    }
    await local.idle();
    const list = (fields: object) =>
      client.send(new ListExecutionsCommand({ stateMachineArn: machineArn, maxResults: 2, ...fields }));
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
      stateMachineArn: machineArn,
      status: 'SUCCEEDED',
      startDate: expect.any(Date),
      stopDate: expect.any(Date),
    });
  });

  it('describes executions, with or without their data', async () => {
    const { executionArn } = await start({ mode: 'plain' });
    await local.idle();

    const all = await describeExecution(executionArn);
    const bare = await client.send(new DescribeExecutionCommand({ executionArn, includedData: 'METADATA_ONLY' }));

    expect(all).toMatchObject({ input: '{"mode":"plain"}', inputDetails: { included: true }, redriveCount: 0 });
    expect(JSON.parse(all.output ?? '')).toEqual({ mode: 'plain', result: { mode: 'plain' }, noted: true });
    expect([bare.input, bare.output, bare.inputDetails?.included]).toEqual([undefined, undefined, false]);
  });

  it('describes and lists state machines', async () => {
    const second = local.register({
      name: 'second',
      definition: DEFINITION,
      substitutions: { MachineArn: 'x' },
      handlers: { Work: async () => 1 },
    });

    const described = await client.send(new DescribeStateMachineCommand({ stateMachineArn: machineArn }));
    const first = await client.send(new ListStateMachinesCommand({ maxResults: 1 }));
    const rest = await client.send(new ListStateMachinesCommand({ maxResults: 1, nextToken: first.nextToken }));

    expect(described).toMatchObject({ name: 'work', status: 'ACTIVE', type: 'STANDARD' });
    expect(JSON.parse(described.definition ?? '').States.Work).toEqual(DEFINITION.States.Work);
    expect([...(first.stateMachines ?? []), ...(rest.stateMachines ?? [])].map((each) => each.stateMachineArn)).toEqual(
      [machineArn, second],
    );
    expect(rest.nextToken).toBeUndefined();
  });

  it('says so when an operation does not exist here', async () => {
    expect(await refusal(client.send(new SendTaskSuccessCommand({ taskToken: 't', output: '{}' })))).toBe(
      'UnknownOperationException 400',
    );
  });
});

describe('the startExecution integration', () => {
  it('starts another execution, and names the error when it exists', async () => {
    const first = await start({ mode: 'start', name: 'child' });
    await local.idle();
    const second = await start({ mode: 'start', name: 'child' });
    await local.idle();

    const child = await describeExecution('arn:aws:states:us-east-1:000000000000:execution:work:child');
    const types = (await history(first.executionArn)).map(({ type }) => type);
    const failed = (await history(second.executionArn)).find(({ type }) => type === 'TaskFailed');

    expect(child).toMatchObject({ status: 'SUCCEEDED', input: '{"mode":"plain"}' });
    expect(types).toEqual(expect.arrayContaining(['TaskScheduled', 'TaskStarted', 'TaskSucceeded']));
    expect(failed?.taskFailedEventDetails).toMatchObject({
      resourceType: 'states',
      resource: 'startExecution',
      error: 'StepFunctions.ExecutionAlreadyExistsException',
    });
    expect(await describeExecution(second.executionArn)).toMatchObject({ status: 'SUCCEEDED' });
  });
});

it('tells listeners of every end, as EventBridge would', async () => {
  const { executionArn } = await start({ mode: 'fatal' }, 'told');
  await local.idle();
  await describeExecution(executionArn);

  expect(changes).toMatchObject([
    {
      source: 'aws.states',
      'detail-type': 'Step Functions Execution Status Change',
      resources: [executionArn],
      detail: { executionArn, stateMachineArn: machineArn, name: 'told', status: 'FAILED', input: '{"mode":"fatal"}' },
    },
  ]);
});
