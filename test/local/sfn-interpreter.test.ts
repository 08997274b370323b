/** The interpreter: which definitions it takes, how long it waits, when it ends by itself. */
import { describe, expect, it } from 'vitest';
import { parseDefinition } from '../../local/sfn/definition.ts';
import { pass, run, task } from './sfn-run.ts';

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
