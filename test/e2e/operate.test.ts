/** Finding out what happened and repairing it, by the CLI against a local stack that runs in another process. */
import { appendFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { putDelta } from '../../lambdas/producer/put-delta.ts';
import { loadCurrent } from '../../lambdas/versions/load-current.ts';
import { COMPACTION } from '../../local/machines.ts';
import { executionArn } from '../../local/sfn/names.ts';
import { type CommandResult, runCommand } from './command-line.ts';
import { compact, create, submit, type TestStack, upserts, withStack } from './support.ts';

let stack: TestStack;
let end: () => void;
let over: Promise<void>;

beforeAll(async () => {
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  await new Promise<void>((resolve) => {
    over = withStack(async (made) => {
      stack = made;
      resolve();
      await ended;
    });
  });
  await create(stack, 'pets');
  await submit(stack, 'pets', 'load', upserts('pet', 5));
  await compact(stack, 'pets');
});
afterAll(async () => {
  end();
  await over;
});

const compactor = (...args: string[]): Promise<CommandResult> => runCommand(stack.dataDirectory, args);
const inWords = async (...args: string[]) => (await runCommand(stack.dataDirectory, args, { json: false })).stdout;

test('explain tells of a delta that was applied, by which commit and which execution', async () => {
  const { manifest, pointer } = await loadCurrent(stack.ports, 'pets');

  const told = await compactor('explain', 'pets/load');
  const text = await inWords('explain', 'load');

  expect(told).toMatchObject({
    code: 0,
    json: { verdict: 'applied', collection: 'pets', deltaId: 'load', execution: pointer.execution, inbox: null },
  });
  expect(told.json.commit).toEqual({ version: 1, commitId: manifest.commitId });
  expect(text).toContain('Delta load of "pets": applied.');
  expect(text).toContain(`It was applied in version 1 by commit ${manifest.commitId}`);
  expect(text).toContain('What to do:\n  Nothing.');
});

test('explain tells of deltas that wait, were rejected in part, or were never heard of', async () => {
  const bad = '{"op":"upsert","id":"x","embedding":[1,2,3,4]}\n{"op":"upsert","id":"y","embedding":[1]}\n';
  await putDelta(stack.ports, { collection: 'pets', deltaId: 'half', body: Buffer.from(bad) });

  const waiting = await compactor('explain', 'half', '--collection', 'pets');
  await compact(stack, 'pets');
  const half = await compactor('explain', 'half');
  const unknown = await compactor('explain', 'pets/never');
  const nothing = await compactor('explain', 'never-heard-of');

  expect(waiting).toMatchObject({ code: 0, json: { verdict: 'waiting', todo: ['compactor start pets'] } });
  expect(half).toMatchObject({ code: 3, json: { verdict: 'applied in part', status: { rejectedOperations: 1 } } });
  expect(half.json.story.join('\n')).toContain('line 2 ("y"): WrongDimension');
  expect(half.json.todo.at(-1)).toContain('under a new id');
  expect(unknown).toMatchObject({ code: 2, json: { verdict: 'unknown' } });
  expect(nothing.code).toBe(2);
  expect(JSON.parse(nothing.stderr)).toMatchObject({ error: 'InvalidInputError' });
});

test('explain tells of an id that was used for two contents', async () => {
  const other = Buffer.from('{"op":"delete","id":"pet-0"}\n');
  await putDelta(stack.ports, { collection: 'pets', deltaId: 'load', body: other });
  const before = await compactor('explain', 'pets/load');
  await compact(stack, 'pets');

  const after = await compactor('explain', 'pets/load');

  expect(before.json.story.join()).toContain('Other content lies in the inbox');
  expect(after.json).toMatchObject({ verdict: 'applied', inbox: null });
  expect(after.json.todo.join()).toContain('an id means one content');
});

test('locks shows who holds what; release frees the dead at once, and the living only by force', async () => {
  await create(stack, 'held');
  await submit(stack, 'held', 'one', upserts('h', 2));
  const { locks } = stack.ports;
  const name = 'waits-for-the-lock';
  const living = executionArn(COMPACTION, name);
  const request = { phase: 'validation', pointerToken: 0, now: Date.now(), durationMs: 120_000 } as const;
  // The claim is the living one's, the lock that of an execution which Step Functions does not know.
  const { token } = await locks.acquireLock('held', { ...request, owner: living });
  await locks.takeClaim('held', { holder: { owner: living, token }, now: Date.now(), durationMs: 120_000 });
  await locks.releaseLock('held', { owner: living, token });
  await locks.acquireLock('held', { ...request, owner: executionArn(COMPACTION, 'gone') });
  const input = JSON.stringify({ collection: 'held' });
  stack.stepFunctions.start({ stateMachineArn: stack.stateMachineArn, input, name });

  const listed = await compactor('locks', 'held');
  const refused = await compactor('release', 'held');
  const forced = await compactor('release', 'held', '--force');
  await stack.stepFunctions.idle();
  const afterwards = await compactor('locks');
  const again = await compactor('release', 'held');
  const told = await inWords('explain', name);

  expect(listed.json).toMatchObject([
    {
      collection: 'held',
      lock: { state: 'held', owner: executionArn(COMPACTION, 'gone'), phase: 'validation', token: 2 },
      claim: { state: 'held', owner: living, token: 1 },
    },
  ]);
  expect(refused.code).toBe(3);
  expect(refused.stderr).toContain('stop-execution');
  expect(forced).toMatchObject({ code: 0, json: { releasedLock: true, releasedClaim: true, waiting: true } });
  expect(forced.json.holders).toContainEqual({ execution: living, status: 'RUNNING' });
  expect(afterwards.json).toContainEqual({ collection: 'held', lock: null, claim: null, wake: expect.any(Number) });
  expect(again).toMatchObject({ code: 0, json: { releasedLock: false, releasedClaim: false, started: null } });
  expect(told).toContain('AcquireValidationLock failed');
  expect(told).toContain('LockHeldError');
  expect((await loadCurrent(stack.ports, 'held')).manifest).toMatchObject({ version: 1, records: 2 });
});

test('explain tells of an execution that failed: what of, and what to do', async () => {
  const input = JSON.stringify({ collection: 'never-created' });
  stack.stepFunctions.start({ stateMachineArn: stack.stateMachineArn, input, name: 'doomed' });
  await stack.stepFunctions.idle();

  const told = await compactor('explain', 'doomed');

  expect(told).toMatchObject({ code: 3, json: { status: 'FAILED', error: 'CollectionNotFoundError' } });
  expect(told.json.story.at(-1)).toContain('It failed after');
  expect(told.json.todo.join()).toContain('compactor create');
});

test('events are those of the commits, in order', async () => {
  const listed = await compactor('events', 'pets');

  expect(listed.json.map((event: { detail: { version: number } }) => event.detail.version)).toEqual([1, 2]);
  expect(listed.json[0]).toMatchObject({ source: 'chroma-compactor', 'detail-type': 'Compaction Committed' });
  expect(listed.json[0].detail.deltas).toMatchObject([{ deltaId: 'load', outcome: 'applied' }]);
});

test('verify --deep reads every retained version, and finds what lies in none of their frames', async () => {
  const whole = await compactor('verify', 'pets', '--deep');
  const one = await compactor('verify', 'pets', '--deep', '--version', '1');
  const folder = join(stack.dataDirectory, 'store', 'packs', 'pets');
  const packs = (await readdir(folder)).filter((name) => name.endsWith('.pack'));
  expect(whole).toMatchObject({ code: 0, json: { ok: true, packs: packs.length } });
  expect(whole.json.versions.map((each: { version: number }) => each.version)).toEqual([2, 1, 0]);
  expect(one.json.versions).toMatchObject([{ version: 1, records: 5 }]);
  await appendFile(join(folder, packs[0] ?? ''), 'x');

  const damaged = await compactor('verify', 'pets', '--deep');
  const missing = await compactor('verify', 'pets', '--deep', '--version', '9');

  expect(damaged.code).toBe(3);
  expect(damaged.stderr).toContain('CorruptObjectError');
  expect(missing.code).toBe(2);
});
