import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LocalStepFunctions } from '../../local/sfn/executions.ts';
import { systemTime } from '../../local/sfn/time.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const DEFINITION = {
  StartAt: 'Work',
  States: { Work: { Type: 'Task', Resource: 'arn:aws:lambda:us-east-1:000000000000:function:work', End: true } },
};

let dataDirectory: string;
const opened: LocalStepFunctions[] = [];

beforeEach(() => {
  dataDirectory = mkdtempSync(join(tmpdir(), 'sfn-'));
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((local) => local.close(0)));
  rmSync(dataDirectory, { recursive: true });
});

/** Open the data directory, `now` later, with a machine whose handler is given. */
function open(handler: () => Promise<unknown>, now: () => number = () => Date.now()) {
  const local = new LocalStepFunctions({ dataDirectory, time: { ...systemTime, now } });
  opened.push(local);
  const stateMachineArn = local.register({ name: 'work', definition: DEFINITION, handlers: { Work: handler } });
  const types = (executionArn: string) =>
    local.store.events({ executionArn, reverse: false, limit: 100 }).map(({ type }) => type);
  return { local, types, start: (name: string) => local.start({ stateMachineArn, name }).executionArn };
}

it('keeps executions, their histories and their names', async () => {
  const first = open(async () => ({ done: true }));
  const arn = first.start('one');
  await first.local.idle();
  const before = first.types(arn);
  await first.local.close();

  const second = open(async () => ({ done: true }));

  expect(second.local.describe(arn)).toMatchObject({ status: 'SUCCEEDED', output: '{"done":true}' });
  expect(second.types(arn)).toEqual(before);
  expect(second.local.interrupted).toEqual([]);
  expect(() => second.start('one')).toThrow(/Already Exists/);
});

it('aborts what the last process left running, and says so', async () => {
  const { promise: never } = Promise.withResolvers<void>();
  const first = open(() => never);
  const arn = first.start('cut');
  await first.local.close(0);

  const second = open(async () => null);

  expect(second.local.describe(arn)).toMatchObject({ status: 'ABORTED', error: 'Local.Restarted' });
  expect(second.types(arn)).toEqual([
    'ExecutionStarted',
    'TaskStateEntered',
    'LambdaFunctionScheduled',
    'LambdaFunctionStarted',
    'ExecutionAborted',
  ]);
  expect(second.local.interrupted).toMatchObject([{ detail: { executionArn: arn, status: 'ABORTED' } }]);
});

it('waits for handlers when closing, and writes nothing they return', async () => {
  const gate = Promise.withResolvers<void>();
  const first = open(() => gate.promise);
  const arn = first.start('slow');
  let closed = false;

  const closing = first.local.close().then(() => {
    closed = true;
  });
  expect(() => first.start('late')).toThrow(/stopping/);
  expect(closed).toBe(false);
  gate.resolve();
  await closing;

  expect(open(async () => null).local.describe(arn)).toMatchObject({ status: 'ABORTED' });
});

it('belongs to one process at a time', () => {
  open(async () => null);

  expect(() => open(async () => null)).toThrow(/open in another process/);
});

it('forgets an execution, and frees its name, after 90 days', async () => {
  const first = open(async () => null);
  const arn = first.start('old');
  await first.local.idle();
  await first.local.close();

  const soon = open(
    async () => null,
    () => Date.now() + 89 * DAY_MS,
  );
  expect(() => soon.start('old')).toThrow(/Already Exists/);
  await soon.local.close();
  const late = open(
    async () => null,
    () => Date.now() + 91 * DAY_MS,
  );

  expect(() => late.local.describe(arn)).toThrow(/Does Not Exist/);
  expect(late.start('old')).toBe(arn);
});

it('refuses one execution more than maxRunning', () => {
  const { promise: never } = Promise.withResolvers<void>();
  const local = new LocalStepFunctions({ maxRunning: 1 });
  opened.push(local);
  const stateMachineArn = local.register({ name: 'work', definition: DEFINITION, handlers: { Work: () => never } });
  local.start({ stateMachineArn });

  expect(() => local.start({ stateMachineArn })).toThrow(/1 executions are running/);
});

it('refuses a machine whose task has no handler', () => {
  const local = new LocalStepFunctions();
  opened.push(local);

  expect(() => local.register({ name: 'work', definition: DEFINITION, handlers: {} })).toThrow(/"Work".*no handler/);
});
