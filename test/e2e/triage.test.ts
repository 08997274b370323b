/** Why is it stuck? What the commands say of collections that wait, fail and reject, against a stack in another process. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

/** Variables, if any, then the command. */
type Typed = [NodeJS.ProcessEnv | string, ...string[]];
const run = ([first, ...rest]: Typed, json: boolean): Promise<CommandResult> =>
  typeof first === 'string'
    ? runCommand(stack.dataDirectory, [first, ...rest], { env, json })
    : runCommand(stack.dataDirectory, rest, { env: { ...env, ...first }, json });
const compactor = (...typed: Typed) => run(typed, true);
const inWords = async (...typed: Typed) => (await run(typed, false)).stdout;

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

test('engines lists what is here, what it opens of a collection, and why one is used; CHROMA_BIN decides', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'engines-'));
  const [old, recent] = [join(folder, 'old'), join(folder, 'chroma')];
  await writeFile(old, '#!/bin/sh\necho chroma 0.9.0\n', { mode: 0o755 });
  await writeFile(recent, '#!/bin/sh\necho chroma 99.0.0\n', { mode: 0o755 });
  const paths = { VIRTUAL_ENV: '', PATH: `${folder}:${process.env.PATH}` };
  try {
    const asIs = await compactor({ ...paths, CHROMA_BIN: '' }, 'engines', 'pets');
    const tooOld = await compactor({ ...paths, CHROMA_BIN: old }, 'engines', 'pets');
    const missing = await compactor({ ...paths, CHROMA_BIN: '/nowhere' }, 'engines');
    const text = await inWords({ ...paths, CHROMA_BIN: old }, 'engines', 'pets');
    const refused = await compactor({ ...paths, CHROMA_BIN: old }, 'get', 'pets');

    const newer = { source: recent, foundBy: 'PATH', version: '99.0.0' };
    expect(asIs.code).toBe(0);
    expect(asIs.json.engines.at(-1)).toMatchObject({ ...newer, used: false, opens: [2, 1, 0] });
    expect(asIs.json.engines.filter(({ used }: { used: boolean }) => used)).toMatchObject([{ foundBy: 'npm' }]);
    expect(tooOld.code).toBe(3);
    // Version 0 has no records, and was written by none.
    expect(tooOld.json.engines[0]).toMatchObject({ used: true, why: 'CHROMA_BIN names it', opens: [0] });
    expect(text).toContain('One that opens it is here: unset CHROMA_BIN');
    expect(missing.code).toBe(1);
    expect(missing.json.engines[0]).toMatchObject({ used: false, why: 'there is no such file' });
    expect(refused.code).toBe(2);
    expect(JSON.parse(refused.stderr)).toMatchObject({
      error: 'EngineTooOldError',
      message: expect.stringMatching(/pip install chromadb .* compactor engines/),
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('deltas lists the inbox, the oldest first, by page; a collection without any says so', async () => {
  const all = await compactor('deltas', 'stuck');
  const second = await compactor('deltas', 'stuck', '--limit', '1', '--offset', '1');
  const text = await inWords('deltas', 'stuck', '--limit', '1');

  expect(all.json).toMatchObject({ collection: 'stuck', total: 2 });
  expect(all.json.deltas).toMatchObject([
    { deltaId: 'first', state: 'waiting', source: 'producer', operations: 1, ageSeconds: expect.any(Number) },
    { deltaId: 'second', state: 'waiting', source: 'producer', operations: 2 },
  ]);
  expect(all.json.deltas[0].size).toBeGreaterThan(0);
  expect(second.json.deltas.map(({ deltaId }: { deltaId: string }) => deltaId)).toEqual(['second']);
  expect(text).toMatch(/^first +waiting +producer +1 .* old\nand 1 more delta\.$/m);
  expect(await inWords('deltas', 'pets')).toBe('No delta of "pets" is in the inbox.\n');
});

test('rejections lists reports with their reasons; an unknown collection and a wrong limit are bad input', async () => {
  const { json } = await compactor('rejections', 'pets');
  const text = await inWords('rejections', 'pets');
  const codes = [];
  for (const typed of [
    ['rejections', 'nowhere'],
    ['deltas', 'nowhere'],
    ['deltas', 'pets', '--limit', '0'],
  ]) {
    codes.push((await runCommand(stack.dataDirectory, typed, { env })).code);
  }

  expect(json).toMatchObject({
    ...{ collection: 'pets', total: 1 },
    rejections: [
      {
        deltaId: 'half',
        rejectedOperations: 1,
        rejections: [{ line: 1, id: 'y', error: 'WrongDimension' }],
        problem: null,
      },
    ],
  });
  expect(text).toMatch(/^half +1 .* line 1: WrongDimension: /m);
  expect(codes).toEqual([2, 2, 2]);
});

test('get takes ids and a filter, and counts, by what the engine answers', async () => {
  const ids = async (...typed: string[]) =>
    (await compactor('get', 'pets', ...typed)).json.records.map(({ id }: { id: string }) => id).sort();
  const count = async (...typed: string[]) => (await compactor('get', 'pets', '--count', ...typed)).json;

  expect(await ids('pet-2', 'pet-0', 'pet-2', 'pet-4')).toEqual(['pet-0', 'pet-2']);
  expect(await ids('pet-2', 'pet-0', '--where', '{"n":{"$gte":1}}')).toEqual(['pet-2']);
  expect(await count()).toEqual({ collection: 'pets', version: 2, count: 4 });
  expect(await count('--version', '1')).toMatchObject({ version: 1, count: 5 });
  expect(await count('--where', '{"n":{"$gte":2}}', '--limit', '1')).toMatchObject({ count: 2 });
  expect(await count('pet-1', 'pet-4')).toMatchObject({ count: 1 });
  expect(await inWords('get', 'pets', '--count')).toBe('4\n');
});
