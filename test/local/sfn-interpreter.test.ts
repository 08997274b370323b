import { describe, expect, it } from 'vitest';
import { type Definition, type Json, parseDefinition } from '../../local/sfn/definition.ts';
import type { RecordedEvent } from '../../local/sfn/history.ts';
import { runExecution, StopRequest } from '../../local/sfn/interpreter.ts';
import { compileMachine, type RunOptions } from '../../local/sfn/run-options.ts';
import { systemTime, type Time } from '../../local/sfn/time.ts';
import { withoutWaits } from '../support/without-waits.ts';

type Handlers = RunOptions['handlers'];

const LAMBDA = 'arn:aws:lambda:us-east-1:000000000000:function:work';
const EXECUTION = {
  Execution: { Id: 'arn:execution', Name: 'run-7', Input: { given: 1 }, StartTime: '2026-01-01T00:00:00.000Z' },
};

/**
 * Run states whose first one is the start; waits and retries take no time and are listed in `sleeps`. Not validated, which
 * takes longer than all the rest: what is refused is told below.
 */
async function run(
  states: Record<string, object>,
  options: { input?: Json; handlers?: Handlers; random?: () => number; time?: Time; signal?: AbortSignal } = {},
) {
  const sleeps: number[] = [];
  const events: RecordedEvent[] = [];
  const definition = { StartAt: Object.keys(states)[0], States: states } as Definition;
  const outcome = await runExecution({
    machine: compileMachine(definition),
    input: options.input === undefined ? {} : options.input,
    handlers: options.handlers ?? {},
    context: EXECUTION,
    onEvent: (event) => events.push(event),
    time: options.time ?? withoutWaits(systemTime, (ms) => sleeps.push(ms)),
    ...(options.random === undefined ? {} : { random: options.random }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  return { outcome, events, types: events.map(({ type }) => type), sleeps };
}

/** A handler that throws errors of these names, in order, then returns `{ calls }`. */
function failing(...names: string[]) {
  let calls = 0;
  return async () => {
    const name = names[calls++];
    if (name !== undefined) throw Object.assign(new Error(`number ${calls}`), { name });
    return { calls };
  };
}

const task = (fields: object = {}) => ({ Type: 'Task', Resource: LAMBDA, End: true, ...fields });
const pass = (fields: object) => ({ Type: 'Pass', End: true, ...fields });
const output = async (states: Record<string, object>, options: Parameters<typeof run>[1] = {}) => {
  const { outcome } = await run(states, options);
  return outcome.status === 'SUCCEEDED' ? outcome.output : outcome;
};

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

describe('Choice', () => {
  const chosen = async (rule: object, input: Json) => {
    const choice = { Type: 'Choice', Choices: [{ ...rule, Next: 'Yes' }], Default: 'No' };
    return output({ C: choice, Yes: pass({ Result: true }), No: pass({ Result: false }) }, { input });
  };
  const x = (test: object) => ({ Variable: '$.x', ...test });
  const T = '2026-01-01T00:00:00Z';

  it.each([
    ['IsPresent true', x({ IsPresent: true }), { x: null }, true],
    ['IsPresent true, absent', x({ IsPresent: true }), {}, false],
    ['IsPresent false', x({ IsPresent: false }), {}, true],
    ['IsPresent false, present', x({ IsPresent: false }), { x: 0 }, false],
    ['IsNull false', x({ IsNull: false }), { x: 1 }, true],
    ['NumericGreaterThan', x({ NumericGreaterThan: 3 }), { x: 4 }, true],
    ['NumericGreaterThan, zero', x({ NumericGreaterThan: -1 }), { x: 0 }, true],
    ['NumericGreaterThan, a string', x({ NumericGreaterThan: 3 }), { x: '5' }, false],
    ['NumericLessThanPath', x({ NumericLessThanPath: '$.y' }), { x: 1, y: 2 }, true],
    ['BooleanEquals false', x({ BooleanEquals: false }), { x: false }, true],
    ['StringEquals', x({ StringEquals: 'a' }), { x: 'a' }, true],
    ['StringMatches, a number', x({ StringMatches: '5*' }), { x: 5 }, false],
    ['StringMatches, wildcards', x({ StringMatches: 'a.*\\*z*' }), { x: 'a.bc*z' }, true],
    ['StringMatches, a dot is a dot', x({ StringMatches: 'a.*' }), { x: 'abc' }, false],
    ['StringLessThanEquals', x({ StringLessThanEquals: 'b' }), { x: 'a' }, true],
    ['IsTimestamp', x({ IsTimestamp: true }), { x: '2026-01-01' }, false],
    ['TimestampGreaterThan', x({ TimestampGreaterThan: T }), { x: '2026-01-01T01:00:00+02:00' }, false],
    ['TimestampEqualsPath', x({ TimestampEqualsPath: '$$.Execution.StartTime' }), { x: T }, true],
    ['BooleanEqualsPath', x({ BooleanEqualsPath: '$.list[1]' }), { x: true, list: [false, true] }, true],
    ['NumericEquals, a string', x({ NumericEquals: 1 }), { x: '1' }, false],
    ['And', { And: [x({ IsPresent: true }), x({ NumericGreaterThan: 0 })] }, { x: 1 }, true],
    ['And stops at the first that fails', { And: [x({ IsPresent: true }), x({ NumericGreaterThan: 0 })] }, {}, false],
    ['Or', { Or: [x({ NumericEquals: 1 }), x({ NumericEquals: 2 })] }, { x: 2 }, true],
    ['Not', { Not: x({ NumericEquals: 1 }) }, { x: 2 }, true],
    ['Not with a nested IsPresent false', { Not: x({ IsPresent: false }) }, { x: 2 }, true],
  ])('%s', async (_name, rule, input, expected) => {
    expect(await chosen(rule, input as Json)).toBe(expected);
  });

  it.each([
    ['a variable', x({ IsNull: true }), {}],
    ['an operand', x({ NumericEqualsPath: '$.y' }), { x: 1 }],
  ])('fails where %s is absent', async (_name, rule, input) => {
    expect(await chosen(rule, input)).toMatchObject({ status: 'FAILED', error: 'States.Runtime' });
  });

  it('without a match or default fails, and says where', async () => {
    const choice = { Type: 'Choice', Choices: [{ ...x({ NumericEquals: 1 }), Next: 'Yes' }] };

    const { outcome, types } = await run({ C: choice, Yes: pass({}) }, { input: { x: 2 } });

    expect(outcome).toMatchObject({ status: 'FAILED', error: 'States.NoChoiceMatched' });
    expect((outcome as { cause: string }).cause).toContain("state 'C' (entered at the event id #2)");
    expect(types.at(-1)).toBe('ExecutionFailed');
  });
});

describe('input and output', () => {
  it('reads the context object, the first input included, however deep in the execution', async () => {
    const Parameters = {
      'id.$': '$$.Execution.Id',
      'input.$': '$$.Execution.Input',
      'start.$': '$$.Execution.StartTime',
      'state.$': '$$.State.Name',
      'label.$': "States.Format('next-{}', $$.Execution.Name)",
    };

    expect(
      await output({ First: { Type: 'Pass', Result: 1, Next: 'Second' }, Second: pass({ Parameters }) }, {}),
    ).toEqual({
      id: 'arn:execution',
      input: { given: 1 },
      start: '2026-01-01T00:00:00.000Z',
      state: 'Second',
      label: 'next-run-7',
    });
  });

  it('applies Parameters, ResultSelector, ResultPath and OutputPath in that order', async () => {
    const state = task({
      Parameters: { 'collection.$': '$.name', limit: 5 },
      ResultSelector: { 'got.$': '$.echo.collection' },
      ResultPath: '$.deep.result',
      OutputPath: '$.deep',
    });

    const result = await output(
      { T: state },
      { input: { name: 'c', deep: { kept: true } }, handlers: { T: async (echo: Json) => ({ echo }) } },
    );

    expect(result).toEqual({ kept: true, result: { got: 'c' } });
  });

  it.each([
    ['a result of 0', pass({ Result: 0, ResultPath: '$.n' }), { a: 1, n: 0 }],
    ['a result of false', pass({ Result: false, ResultPath: '$.n' }), { a: 1, n: false }],
    ['a ResultPath of $', task({ ResultPath: '$' }), { b: 2 }],
    ['a ResultPath of null', task({ ResultPath: null }), { a: 1 }],
    ['a ResultPath in brackets', task({ ResultPath: "$['c']" }), { a: 1, c: { b: 2 } }],
    ['a ResultPath whose parents are missing', task({ ResultPath: '$.c.d' }), { a: 1, c: { d: { b: 2 } } }],
    ['an InputPath of null', pass({ InputPath: null }), {}],
    ['an OutputPath of null', pass({ OutputPath: null }), {}],
    ['a template in a list', pass({ Parameters: { list: [{ 'n.$': '$.a' }, 2] } }), { list: [{ n: 1 }, 2] }],
    ['a path through the context', pass({ InputPath: '$$.Execution.Input' }), { given: 1 }],
  ])('handles %s', async (_name, state, expected) => {
    expect(await output({ S: state }, { input: { a: 1 }, handlers: { S: async () => ({ b: 2 }) } })).toEqual(expected);
  });

  it('computes with intrinsic functions, at random only by the given source', async () => {
    const Parameters = {
      'next.$': 'States.MathAdd($.n, 1)',
      'name.$': "States.Format('{}-{}', $.s, States.MathAdd($.n, 2))",
      'random.$': 'States.MathRandom(1, 1000000)',
    };
    const values = async (random: number) =>
      (await output({ P: pass({ Parameters }) }, { input: { n: 1, s: 'x' }, random: () => random })) as {
        random: number;
      };

    const first = await values(0.1);

    expect(first).toEqual({ next: 2, name: 'x-3', random: expect.any(Number) });
    expect(await values(0.1)).toEqual(first);
    expect((await values(0.9)).random).not.toBe(first.random);
  });

  const FALSY: Json[] = [null, false, 0, ''];
  const echo = { T: async (given: Json) => given };

  it.each(FALSY)('finds %j at $ and in the context, in every kind of template', async (input) => {
    const template = { 'input.$': '$', 'run.$': '$$.Execution.Name' };
    const states: Record<string, object> = {
      plain: task({ Parameters: template }),
      withInputPath: task({ InputPath: '$', Parameters: template }),
      withIntrinsic: task({ Parameters: { ...template, 'one.$': 'States.MathAdd(0, 1)' } }),
      nested: task({ Parameters: { 'all.$': 'States.Array($, States.Array($, 1))', ...template } }),
      withSelector: task({ ResultSelector: { 'all.$': 'States.Array($)', 'input.$': '$', run: 'run-7' } }),
      ofPass: pass({ Parameters: { ...template, 'one.$': 'States.MathAdd(0, 1)' } }),
    };

    for (const [name, state] of Object.entries(states)) {
      expect(await output({ T: state }, { input, handlers: echo }), name).toMatchObject({ input, run: 'run-7' });
    }
    expect(await output({ T: states.nested as object }, { input, handlers: echo })).toMatchObject({
      all: [input, [input, 1]],
    });
  });

  it.each(FALSY)('passes %j on by InputPath, OutputPath and the context', async (value) => {
    const input = { value };
    const chosen = { Type: 'Choice', Choices: [{ Variable: '$', IsPresent: true, Next: 'Yes' }], Default: 'No' };

    expect(await output({ P: pass({ InputPath: '$.value' }) }, { input })).toEqual(value);
    expect(await output({ P: pass({ OutputPath: '$.value' }) }, { input })).toEqual(value);
    expect(await output({ P: pass({ InputPath: '$.value', OutputPath: '$' }) }, { input })).toEqual(value);
    expect(
      await output(
        { T: task({ InputPath: '$.value', Parameters: { 'of.$': '$', 'n.$': 'States.MathAdd(0, 1)' } }) },
        { input, handlers: echo },
      ),
    ).toEqual({ of: value, n: 1 });
    expect(await output({ C: chosen, Yes: pass({}), No: pass({ Result: 'no' }) }, { input: value })).toEqual(value);
  });

  it('fails by name where a result does not fit, and an intrinsic function has not what it needs', async () => {
    const Catch = [{ ErrorEquals: ['States.ALL'], ResultPath: null, Next: 'Caught' }];
    const misfit = task({ ResultPath: '$.a.b', Catch });
    const short = task({ Parameters: { 'text.$': "States.Format('{} {}', $.a)" }, Catch });
    const Caught = pass({ Result: 'caught' });

    const failed = await output({ T: { ...misfit, Catch: [] } }, { input: { a: 1 }, handlers: echo });

    expect(await output({ T: misfit, Caught }, { input: { a: 1 }, handlers: echo })).toBe('caught');
    expect(await output({ T: short, Caught }, { input: { a: 1 }, handlers: echo })).toBe('caught');
    expect(failed).toMatchObject({ status: 'FAILED', error: 'States.ResultPathMatchFailure' });
  });

  it.each([
    ['a filter', pass({ InputPath: '$.list[?(@.a > 1)]' })],
    ['a wildcard', pass({ Parameters: { 'all.$': '$.list[*]' } })],
    ['a ResultPath into a list', task({ ResultPath: '$.list[0]' })],
    ['a function that does not run here', pass({ Parameters: { 'id.$': 'States.UUID()' } })],
  ])('refuses %s, and says where', (_name, state) => {
    const definition = parseDefinition('test', { StartAt: 'S', States: { S: state } });

    expect(() => compileMachine(definition)).toThrow(/^State "S" uses .*, which does not run locally\.$/);
  });

  it('leaves quoted text in intrinsic functions alone', async () => {
    const template = { 'text.$': "States.Format('($), $, $$ costs {}', $)", 'n.$': 'States.MathAdd(0, 1)' };

    expect(await output({ P: pass({ Parameters: template }) }, { input: 5 })).toEqual({
      text: '($), $, $$ costs 5',
      n: 1,
    });
  });

  it('turns a function that returns nothing into null, and a missing path into States.Runtime', async () => {
    expect(await output({ T: task() }, { handlers: { T: async () => undefined } })).toBeNull();
    expect(await output({ P: pass({ Parameters: { 'v.$': '$.missing' } }) })).toMatchObject({
      status: 'FAILED',
      error: 'States.Runtime',
      cause: expect.stringContaining('$.missing'),
    });
  });
});

describe('Wait', () => {
  it('waits for whole seconds, from a path or a timestamp, and passes its input on', async () => {
    const first = await run({ W: { Type: 'Wait', SecondsPath: '$.s', End: true } }, { input: { s: 3 } });
    const second = await run({ W: { Type: 'Wait', Seconds: 2, End: true } }, { input: { s: 3 } });

    expect([first.sleeps, second.sleeps]).toEqual([[3000], [2000]]);
    expect(first.outcome).toEqual({ status: 'SUCCEEDED', output: { s: 3 } });
    expect(first.types).toEqual(['ExecutionStarted', 'WaitStateEntered', 'WaitStateExited', 'ExecutionSucceeded']);
  });

  it.each([0.5, -1, '3', null])('refuses %j seconds, as AWS does', async (s) => {
    const { outcome } = await run({ W: { Type: 'Wait', SecondsPath: '$.s', End: true } }, { input: { s } });

    expect(outcome).toMatchObject({ status: 'FAILED', error: 'States.Runtime' });
  });
});

describe('a definition', () => {
  it.each([
    ['a target that does not exist', { StartAt: 'A', States: { A: { Type: 'Pass', Next: 'B' } } }],
    [
      'a state type that does not run here',
      {
        StartAt: 'A',
        States: {
          A: { Type: 'Parallel', Branches: [{ StartAt: 'B', States: { B: { Type: 'Pass', End: true } } }], End: true },
        },
      },
    ],
    ['HeartbeatSeconds', { StartAt: 'A', States: { A: task({ TimeoutSeconds: 9, HeartbeatSeconds: 3 }) } }],
    ['a placeholder without value', { StartAt: 'A', States: { A: pass({ Result: `\${Nothing}` }) } }],
  ])('with %s is refused', (_name, definition) => {
    expect(() => parseDefinition('test', definition)).toThrow(/"test"/);
  });

  it('has its placeholders replaced, and functions without a value named after them', () => {
    const definition = parseDefinition(
      'test',
      JSON.stringify({
        StartAt: 'A',
        States: {
          A: { Type: 'Task', Resource: `\${PlanCompactionArn}`, Next: 'B' },
          B: { Type: 'Task', Resource: `arn:aws:lambda:us-east-1:000000000000:function:\${Plan}`, Next: 'C' },
          C: { Type: 'Pass', Parameters: { arn: `\${MachineArn}` }, End: true },
        },
      }),
      { MachineArn: 'arn:machine' },
    );

    expect(definition.States).toMatchObject({
      A: { Resource: 'arn:aws:lambda:us-east-1:000000000000:function:PlanCompaction' },
      B: { Resource: 'arn:aws:lambda:us-east-1:000000000000:function:Plan' },
      C: { Parameters: { arn: 'arn:machine' } },
    });
  });
});

it('ends a history that grows past 25,000 events', async () => {
  const { outcome, events } = await run({
    A: { Type: 'Pass', Next: 'B' },
    B: { Type: 'Choice', Choices: [{ Variable: '$.end', IsPresent: true, Next: 'C' }], Default: 'A' },
    C: { Type: 'Succeed' },
  });

  expect(outcome).toMatchObject({ status: 'FAILED', error: 'States.Runtime' });
  expect(events).toHaveLength(25_000);
});
