/** What becomes of an execution whose state fails, times out or is stopped. */
import { describe, expect, it } from 'vitest';
import { parseDefinition } from '../../local/sfn/definition.ts';
import type { RecordedEvent } from '../../local/sfn/history.ts';
import { runExecution, StopRequest } from '../../local/sfn/interpreter.ts';
import { compileMachine } from '../../local/sfn/run-options.ts';
import type { Time } from '../../local/sfn/time.ts';
import { EXECUTION, failing, output, pass, run, task } from './sfn-run.ts';

describe('Retry', () => {
  it('matches by error name and counts attempts per retrier', async () => {
    const Retry = [
      { ErrorEquals: ['Fatal'], MaxAttempts: 0 },
      { ErrorEquals: ['A'], IntervalSeconds: 1, BackoffRate: 2, MaxAttempts: 2 },
      { ErrorEquals: ['B'], IntervalSeconds: 10, BackoffRate: 2, MaxAttempts: 2 },
    ];

    const enough = await run({ T: task({ Retry }) }, { handlers: { T: failing('A', 'B', 'A', 'B') } });
    const exhausted = await run({ T: task({ Retry }) }, { handlers: { T: failing('A', 'B', 'A', 'B', 'A') } });

    expect(enough.outcome).toEqual({ status: 'SUCCEEDED', output: { calls: 5 } });
    expect(enough.sleeps).toEqual([1000, 10_000, 2000, 20_000]);
    expect(exhausted.outcome).toMatchObject({ status: 'FAILED', error: 'A' });
  });

  it('lets MaxAttempts 0 shield an error from a later wildcard', async () => {
    const Retry = [{ ErrorEquals: ['Fatal'], MaxAttempts: 0 }, { ErrorEquals: ['States.ALL'] }];

    const { outcome, sleeps } = await run({ T: task({ Retry }) }, { handlers: { T: failing('Fatal') } });

    expect(outcome).toMatchObject({ status: 'FAILED', error: 'Fatal' });
    expect(sleeps).toEqual([]);
  });

  it('caps the delay and spreads it over its whole length with full jitter', async () => {
    const Retry = [
      { ErrorEquals: ['A'], IntervalSeconds: 4, BackoffRate: 3, MaxDelaySeconds: 10, JitterStrategy: 'FULL' },
    ];

    const half = await run({ T: task({ Retry }) }, { handlers: { T: failing('A', 'A') }, random: () => 0.5 });
    const none = await run({ T: task({ Retry }) }, { handlers: { T: failing('A', 'A') }, random: () => 0 });

    expect(half.sleeps).toEqual([2000, 5000]);
    expect(none.sleeps).toEqual([0, 0]);
  });

  it('gives each attempt the same input, whatever the one before did to it', async () => {
    const seen: unknown[] = [];
    const T = async (input: { items: number[] }) => {
      seen.push(structuredClone(input));
      input.items.push(1);
      if (seen.length === 1) throw new Error('first');
    };

    await run({ T: task({ Retry: [{ ErrorEquals: ['Error'] }] }) }, { input: { items: [] }, handlers: { T } });

    expect(seen).toEqual([{ items: [] }, { items: [] }]);
  });
});

describe('Catch', () => {
  const Catch = [{ ErrorEquals: ['Broken'], ResultPath: '$.error', Next: 'Handle' }];
  const states = { T: task({ Catch }), Handle: pass({}) };

  it('puts error and cause, as Lambda writes it, beside the input', async () => {
    const { outcome, types } = await run(states, { input: { a: 1 }, handlers: { T: failing('Broken') } });

    expect(outcome.status).toBe('SUCCEEDED');
    const result = (outcome as { output: unknown }).output as { a: number; error: { Error: string; Cause: string } };
    expect(result).toMatchObject({ a: 1, error: { Error: 'Broken' } });
    expect(JSON.parse(result.error.Cause)).toEqual({
      errorType: 'Broken',
      errorMessage: 'number 1',
      trace: expect.arrayContaining([expect.stringContaining('number 1')]),
    });
    expect(types.slice(1, 6)).toEqual([
      'TaskStateEntered',
      'LambdaFunctionScheduled',
      'LambdaFunctionStarted',
      'LambdaFunctionFailed',
      'TaskStateExited',
    ]);
  });

  it('applies only after retries, and replaces the input without ResultPath', async () => {
    const state = task({
      Retry: [{ ErrorEquals: ['Broken'], MaxAttempts: 1 }],
      Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Handle' }],
    });

    const result = await output(
      { T: state, Handle: pass({}) },
      { input: { a: 1 }, handlers: { T: failing('Broken', 'Broken') } },
    );

    expect(result).toEqual({ Error: 'Broken', Cause: expect.stringContaining('number 2') });
  });

  it('keeps the input alone with a ResultPath of null', async () => {
    const state = task({ Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: null, Next: 'Handle' }] });

    expect(await output({ T: state, Handle: pass({}) }, { input: { a: 1 }, handlers: { T: failing('X') } })).toEqual({
      a: 1,
    });
  });

  const tooLarge = async () => 'x'.repeat(262_145);
  const catching = (...names: string[]) =>
    task({ Catch: [{ ErrorEquals: names, ResultPath: '$.error', Next: 'Handle' }] });

  it.each(['States.ALL', 'States.TaskFailed'])('by %s does not take what is too large', async (wildcard) => {
    const { outcome } = await run({ T: catching(wildcard), Handle: pass({}) }, { handlers: { T: tooLarge } });

    expect(outcome).toMatchObject({ status: 'FAILED', error: 'States.DataLimitExceeded' });
  });

  it('takes what is too large by its name, a result or the output made of it', async () => {
    const state = catching('Other', 'States.DataLimitExceeded');
    const merging = { ...state, ResultPath: '$.result' };
    const half = async () => 'x'.repeat(200_000);

    const byResult = await output({ T: state, Handle: pass({}) }, { handlers: { T: tooLarge } });
    const byOutput = await output(
      { T: merging, Handle: pass({ Parameters: { 'name.$': '$.error.Error' } }) },
      { input: { given: 'x'.repeat(200_000) }, handlers: { T: half } },
    );

    expect(byResult).toEqual({ error: { Error: 'States.DataLimitExceeded', Cause: expect.stringContaining("'T'") } });
    expect(byOutput).toEqual({ name: 'States.DataLimitExceeded' });
  });

  it('retries what is too large by its name alone', async () => {
    const Retry = [
      { ErrorEquals: ['States.DataLimitExceeded'], MaxAttempts: 2 },
      { ErrorEquals: ['States.ALL'], MaxAttempts: 5 },
    ];

    const { outcome, sleeps } = await run({ T: task({ Retry }) }, { handlers: { T: tooLarge } });

    expect(outcome).toMatchObject({ error: 'States.DataLimitExceeded' });
    expect(sleeps).toHaveLength(2);
  });

  it.each(['States.ALL', 'States.TaskFailed', 'States.Runtime'])('by %s takes no States.Runtime', async (name) => {
    const state = { ...catching(name), Parameters: { 'x.$': '$.absent' } };

    const { outcome } = await run({ T: state, Handle: pass({}) }, { handlers: { T: async () => 1 } });

    expect(outcome).toMatchObject({ status: 'FAILED', error: 'States.Runtime' });
  });
});

describe('TimeoutSeconds', () => {
  const hanging = () => new Promise<never>(() => {});
  const timeouts: Time = {
    now: () => 0,
    sleep: async (_ms, _signal, reason) => {
      if (reason === 'execution-timeout') await new Promise(() => {});
    },
  };

  it('of a task is States.Timeout, retried and then caught by that name but not as States.TaskFailed', async () => {
    const state = task({
      TimeoutSeconds: 5,
      Retry: [{ ErrorEquals: ['States.Timeout'], MaxAttempts: 1 }],
      Catch: [
        { ErrorEquals: ['States.TaskFailed'], Next: 'Wrong' },
        { ErrorEquals: ['States.Timeout'], ResultPath: '$.error', Next: 'Right' },
      ],
    });

    const { outcome, types } = await run(
      { T: state, Wrong: pass({ Result: 'wrong' }), Right: pass({}) },
      { handlers: { T: hanging }, time: timeouts },
    );

    expect(outcome).toMatchObject({ output: { error: { Error: 'States.Timeout' } } });
    expect(types.filter((type) => type === 'LambdaFunctionTimedOut')).toHaveLength(2);
  });

  it('of the machine ends the execution as TIMED_OUT', async () => {
    const definition = parseDefinition('test', { StartAt: 'T', TimeoutSeconds: 9, States: { T: task() } });
    const events: RecordedEvent[] = [];

    const outcome = await runExecution({
      machine: compileMachine(definition),
      handlers: { T: hanging },
      input: {},
      context: EXECUTION,
      onEvent: (event) => events.push(event),
      time: { now: () => 0, sleep: async () => {} },
    });

    expect(outcome).toEqual({ status: 'TIMED_OUT' });
    expect(events.at(-1)?.type).toBe('ExecutionTimedOut');
  });
});

describe('stopping', () => {
  it('during a retry wait starts no further attempt', async () => {
    const stop = new AbortController();
    let calls = 0;
    const T = async () => {
      calls += 1;
      throw new Error('again');
    };
    const time: Time = {
      now: () => 0,
      sleep: async () => stop.abort(new StopRequest('Stopped', 'by hand')),
    };

    const { outcome, types } = await run(
      { T: task({ Retry: [{ ErrorEquals: ['States.ALL'] }] }) },
      { handlers: { T }, time, signal: stop.signal },
    );

    expect(outcome).toEqual({ status: 'ABORTED', error: 'Stopped', cause: 'by hand' });
    expect(calls).toBe(1);
    expect(types.at(-1)).toBe('ExecutionAborted');
  });
});

describe('Fail', () => {
  it('takes error and cause from paths and intrinsic functions', async () => {
    const { outcome, types } = await run(
      { F: { Type: 'Fail', ErrorPath: '$.error.Error', CausePath: "States.Format('because {}', $.error.Cause)" } },
      { input: { error: { Error: 'E', Cause: 'C' } } },
    );

    expect(outcome).toEqual({ status: 'FAILED', error: 'E', cause: 'because C' });
    expect(types).toEqual(['ExecutionStarted', 'FailStateEntered', 'ExecutionFailed']);
  });
});
