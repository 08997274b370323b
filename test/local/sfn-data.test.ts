/** What states read and write: rules of Choice states, paths, templates, intrinsic functions. */
import { describe, expect, it } from 'vitest';
import { type Json, parseDefinition } from '../../local/sfn/definition.ts';
import { compileMachine } from '../../local/sfn/run-options.ts';
import { output, pass, run, task } from './sfn-run.ts';

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
