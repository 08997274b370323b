/** Histories of executions, read by AWS's own client. */
import { GetExecutionHistoryCommand } from '@aws-sdk/client-sfn';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LAMBDA, refusal, WorkMachine } from './sfn-work-machine.ts';

let work: WorkMachine;
beforeEach(async () => {
  work = new WorkMachine();
  await work.listen();
});
afterEach(() => work.close());

describe('GetExecutionHistory', () => {
  it('tells a whole execution, each event after the one before', async () => {
    const { executionArn } = await work.start({ mode: 'flaky' });
    await work.local.idle();

    const events = await work.history(executionArn);

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
    const { executionArn } = await work.start({ mode });
    await work.local.idle();

    const events = await work.history(executionArn);

    expect(events.slice(-2).map(({ type }) => type)).toEqual(types);
    expect(events.at(-1)?.executionFailedEventDetails?.error).toBe(error);
    expect(await work.describeExecution(executionArn)).toMatchObject({ status: 'FAILED', error });
  });

  it('pages in both directions, and can leave the data out', async () => {
    const { executionArn } = await work.start({ mode: 'caught' });
    await work.local.idle();
    const whole = await work.history(executionArn);

    const pages = async (reverseOrder: boolean) => {
      const ids: Array<number | undefined> = [];
      let nextToken: string | undefined;
      do {
        const page = await work.client.send(
          new GetExecutionHistoryCommand({ executionArn, maxResults: 4, reverseOrder, nextToken }),
        );
        expect(page.events?.length).toBeLessThanOrEqual(4);
        ids.push(...(page.events ?? []).map(({ id }) => id));
        nextToken = page.nextToken;
      } while (nextToken !== undefined);
      return ids;
    };
    const bare = await work.client.send(new GetExecutionHistoryCommand({ executionArn, includeExecutionData: false }));

    expect(await pages(false)).toEqual(whole.map(({ id }) => id));
    expect(await pages(true)).toEqual(whole.map(({ id }) => id).reverse());
    expect(bare.events?.[1]?.stateEnteredEventDetails).toEqual({ name: 'Work' });
    expect(await refusal(work.client.send(new GetExecutionHistoryCommand({ executionArn, nextToken: 'zzz' })))).toBe(
      'InvalidToken 400',
    );
  });
});
