/** Why is it stuck? What the commands say of collections that wait, fail and reject, against a stack in another process. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { putDelta } from '../../lambdas/producer/put-delta.ts';
import { pointerKey } from '../../lambdas/snapshot/keys.ts';
import { type CommandResult, runCommand } from './command-line.ts';
import { compact, create, submit, type TestStack, upserts, withStack } from './support.ts';

/** Each command is a process, on a machine that may be busy. */
vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 });

const AWS = ['STORE_URL', 'TABLE_NAME', 'STATE_MACHINE_ARN'];
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !AWS.includes(name)));

let stack: TestStack;
let end: () => void;
let over: Promise<void>;
/** Name of the execution of "stuck" that failed. */
let failed: string;

const compactor = (...args: string[]): Promise<CommandResult> => runCommand(stack.dataDirectory, args, { env });
const inWords = async (...args: string[]) => (await runCommand(stack.dataDirectory, args, { env, json: false })).stdout;

/** An execution that finds a damaged pointer, which is then as it was. @returns its name */
async function fail(collection: string): Promise<string> {
  const { store } = stack.ports;
  const { body, etag } = await store.get(pointerKey(collection));
  const damaged = await store.putIfMatch(pointerKey(collection), Buffer.from('{'), etag);
  const [execution] = await compact(stack, collection);
  await store.putIfMatch(pointerKey(collection), body, damaged.etag);
  return execution?.name ?? '';
}

beforeAll(async () => {
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  await new Promise<void>((resolve, reject) => {
    over = withStack(async (made) => {
      stack = made;
      resolve();
      await ended;
    });
    over.catch(reject);
  });
  for (const collection of ['pets', 'stuck']) {
    await create(stack, collection);
    await submit(stack, collection, 'load', upserts('pet', 5));
    await compact(stack, collection);
  }
  const half = '{"op":"upsert","id":"y","embedding":[1]}\n{"op":"delete","id":"pet-4"}\n';
  await putDelta(stack.ports, { collection: 'pets', deltaId: 'half', body: Buffer.from(half) });
  await fail('pets');
  await compact(stack, 'pets');
  await submit(stack, 'stuck', 'first', upserts('more', 1));
  failed = await fail('stuck');
  await submit(stack, 'stuck', 'second', upserts('more', 2));
});
afterAll(async () => {
  end();
  await over;
});

test('collections lists all of them, with what waits, what was rejected, and the last error', async () => {
  const { code, json } = await compactor('collections');
  const text = await inWords('collections');

  expect(code).toBe(0);
  expect(json).toMatchObject([
    {
      ...{ collection: 'pets', problem: null, version: 2, records: 4, rejected: 1 },
      waiting: { deltas: 0, oldest: null },
      // It failed, too, and was compacted since.
      lastError: { error: 'CorruptObjectError', over: true },
    },
    {
      ...{ collection: 'stuck', problem: null, version: 1, records: 5, rejected: 0 },
      waiting: { deltas: 2, oldest: { deltaId: 'first' } },
      lastError: { execution: failed, error: 'CorruptObjectError', over: false },
    },
  ]);
  expect(json[1].bytes).toBeGreaterThan(0);
  expect(text).toMatch(/^pets .* -$/m);
  expect(text).toMatch(/^stuck .* 2 {2,}\d+ \w+ old .* CorruptObjectError$/m);
  expect(text).toContain(`"stuck" failed last with CorruptObjectError: `);
  expect(text).not.toContain('"pets" failed');
});

test('status knows the executions, the last error and the oldest delta of its own collection', async () => {
  const stuck = await compactor('status', 'stuck');
  const pets = await compactor('status', 'pets');
  const text = await inWords('status', 'stuck');

  expect(stuck.json.executions).toMatchObject([{ name: failed, status: 'FAILED' }, { status: 'SUCCEEDED' }]);
  expect(stuck.json).toMatchObject({
    pending: 2,
    oldestPending: { deltaId: 'first', ageSeconds: expect.any(Number) },
    lastError: { execution: failed, over: false },
  });
  expect(pets.json.executions).toHaveLength(3);
  expect(pets.json).toMatchObject({ oldestPending: null, lastError: { over: true } });
  expect(text).toMatch(/^oldest pending +first, \d+ \w+ old$/m);
  expect(text).toMatch(new RegExp(`^last error +CorruptObjectError: .*${failed}`, 'm'));
});

test('explain of a delta that waits says what the last execution failed of, and what waits longest', async () => {
  const { json } = await compactor('explain', 'stuck/second');
  const story = json.story.join('\n');

  expect(json).toMatchObject({ verdict: 'waiting', lastError: { execution: failed }, oldest: { deltaId: 'first' } });
  expect(json.todo).toEqual([`compactor explain ${failed}`, 'compactor start stuck']);
  expect(story).toContain('The delta that has waited longest is first, ');
  expect(story).toMatch(new RegExp(`The last execution that failed, ${failed} at .* CorruptObjectError: `));
});
