/** What a user meets at the command line: nothing says success for what did not happen, and errors say what to do. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { decodePointer, encodePointer } from '../../lambdas/protocol/pointer.ts';
import { sha256 } from '../../lambdas/snapshot/blocks.ts';
import { pointerKey } from '../../lambdas/snapshot/keys.ts';
import { decodeManifest, encodeManifest } from '../../lambdas/snapshot/manifest.ts';
import { runCommand } from './command-line.ts';
import { create, type TestStack, withStack } from './support.ts';

const delta = (id: string) => `{"op":"upsert","id":"${id}","embedding":[1,0,0,0]}\n`;
const [CAT, DOG] = [delta('cat'), delta('dog')];
const AWS = ['STORE_URL', 'TABLE_NAME', 'STATE_MACHINE_ARN'];
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !AWS.includes(name)));

let folder: string;
let data: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'compactor-hands-'));
  data = join(folder, 'stack');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const compactor = (args: string[], options: Parameters<typeof runCommand>[2] = {}) =>
  runCommand(data, args, { env, ...options });
const errorOf = ({ stderr }: { stderr: string }) => JSON.parse(stderr);

describe('a delta id means one content', () => {
  beforeAll(async () => {
    await compactor(['create', 'pets', '--dimension', '4']);
  });
  const submit = (id: string, content: string, ...more: string[]) =>
    compactor(['submit', 'pets', '--delta-id', id, ...more], { stdin: content });

  it('submit tells new, duplicate and conflict apart, while it waits and after it is decided', async () => {
    const fresh = await submit('one', CAT);
    const twice = await submit('one', CAT);
    const other = await submit('one', DOG);
    await compactor(['start', 'pets']);
    const decided = await submit('one', CAT);
    const late = await submit('one', DOG);

    expect(fresh).toMatchObject({ code: 0, json: { outcome: 'new', status: null, sha256: sha256(Buffer.from(CAT)) } });
    expect(twice).toMatchObject({ code: 0, json: { outcome: 'duplicate', status: null } });
    expect(other).toMatchObject({
      code: 3,
      json: { outcome: 'conflict', reason: expect.stringContaining('not sent') },
    });
    expect(decided).toMatchObject({
      code: 0,
      json: { outcome: 'duplicate', status: { outcome: 'applied', version: 1 } },
    });
    expect(late).toMatchObject({
      code: 3,
      json: { outcome: 'conflict', reason: expect.stringContaining('version 1') },
    });
    expect((await compactor(['status', 'pets'])).json).toMatchObject({ pending: 0, records: 1 });
  });

  it('says in words that a submission is a repetition', async () => {
    const { stdout, code } = await compactor(['submit', 'pets', '--delta-id', 'one'], { stdin: CAT, json: false });

    expect(code).toBe(0);
    expect(stdout).toMatch(
      /submitted before, with the same content: nothing was sent. Delta one was applied in version 1/,
    );
  });

  it('a duplicate of what was rejected is no success', async () => {
    const wrong = '{"op":"replace","id":"x"}\n';
    await submit('bad', wrong, '--force', '--wait');

    expect(await submit('bad', wrong, '--force')).toMatchObject({ code: 3, json: { status: { outcome: 'rejected' } } });
  });

  it('submit --wait ends with what became of it', async () => {
    const done = await submit('two', DOG, '--wait');

    expect(done).toMatchObject({
      code: 0,
      json: { outcome: 'new', status: { outcome: 'applied', rejectedOperations: 0 } },
    });
  });

  it('wait --sha256 knows whose content was decided, and whose waits', async () => {
    await submit('three', CAT);
    const [mine, theirs] = [sha256(Buffer.from(CAT)), sha256(Buffer.from(DOG))];

    const waiting = await compactor(['wait', 'pets', 'three', '--sha256', theirs]);
    const applied = await compactor(['wait', 'pets', 'three', '--sha256', mine]);
    const other = await compactor(['wait', 'pets', 'three', '--sha256', theirs]);
    const noDigest = await compactor(['wait', 'pets', 'three', '--sha256', 'abc']);

    expect(waiting.code).toBe(3);
    expect(errorOf(waiting).message).toContain('is waiting with other content');
    expect(applied).toMatchObject({ code: 0, json: { outcome: 'applied' } });
    expect(other.code).toBe(3);
    expect(errorOf(other).message).toContain('was decided with other content');
    expect(noDigest.code).toBe(2);
  });
});

describe('the target', () => {
  it.each([
    [{ STORE_URL: 's3://bucket' }, 'TABLE_NAME and STATE_MACHINE_ARN are not'],
    [{ STORE_URL: 's3://bucket', TABLE_NAME: 't' }, 'STATE_MACHINE_ARN is not'],
    [{ STATE_MACHINE_ARN: 'arn:x' }, 'STORE_URL and TABLE_NAME are not'],
  ])('is refused when %j names half of it', async (given, message) => {
    const child = spawn(process.execPath, ['cli/main.ts', '--json', 'create', 'x', '--dimension', '3'], {
      env: { ...env, COMPACTOR_DATA: join(folder, 'untouched'), ...given },
    });
    const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);

    expect(code).toBe(2);
    expect(errorOf({ stderr })).toMatchObject({
      error: 'ConfigurationError',
      message: expect.stringContaining(message),
    });
    await expect(readFile(join(folder, 'untouched'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('is refused when the command line names another one than the environment', async () => {
    const both = { ...env, STORE_URL: 's3://bucket', TABLE_NAME: 't', STATE_MACHINE_ARN: 'arn:x' };

    const refused = await compactor(['status', 'pets'], { env: both });

    expect(refused.code).toBe(2);
    expect(errorOf(refused).message).toContain('Two targets are named');
  });

  it('is named by what changes something, in its errors too, and not by what reads', async () => {
    const made = await compactor(['create', 'named', '--dimension', '3']);
    const refused = await compactor(['create', 'named', '--dimension', '4']);
    const inWords = await compactor(['gc', 'named'], { json: false });
    const dry = await compactor(['gc', 'named', '--dry-run'], { json: false });
    const read = await compactor(['status', 'named']);

    expect(made.json.target).toEqual({ local: data });
    expect(errorOf(refused)).toMatchObject({ target: { local: data }, exitCode: 2 });
    expect(inWords.stderr).toContain(`Target: local stack in ${data}\n`);
    expect(dry.stderr).toBe('');
    expect(read.json).not.toHaveProperty('target');
  });
});

describe('errors', () => {
  it.each([
    ['status', ['status', 'nowhere'], 'CollectionNotFoundError'],
    ['a version', ['query', 'pets', '--embedding', '[1,0,0,0]', '--version', '99'], 'InvalidInputError'],
    ['rollback without a terminal', ['rollback', 'pets', '0'], 'InvalidInputError'],
    ['an option', ['status', 'pets', '--nonsense'], 'InvalidInputError'],
    ['an argument', ['status'], 'InvalidInputError'],
    ['a command', ['statsu', 'pets'], 'InvalidInputError'],
    ['a filter', ['query', 'pets', '--embedding', '[1,0,0,0]', '--where', '[1]'], 'InvalidInputError'],
  ])('of %s end with 2, as JSON, in words of people', async (_, args, error) => {
    const failed = await compactor(args);

    expect(failed).toMatchObject({ code: 2, stdout: '' });
    expect(errorOf(failed)).toMatchObject({ error, exitCode: 2 });
    expect(failed.stderr).not.toMatch(/Invalid input|expected .* received|Unrecognized/);
  });
});

it('a snapshot of a newer engine is refused by every command that would open it, before a server starts', async () => {
  await compactor(['create', 'future', '--dimension', '4']);
  await compactor(['submit', 'future', '--wait'], { stdin: CAT });
  await withNewerEngine(data, 'future');

  for (const args of [
    ['query', 'future', '--embedding', '[1,0,0,0]'],
    ['get', 'future'],
  ]) {
    const refused = await compactor(args);

    expect(refused.code, args[0]).toBe(2);
    expect(errorOf(refused)).toMatchObject({ error: 'EngineTooOldError' });
    expect(refused.stderr).not.toMatch(/panic|\(\(\(|printed last/);
  }

  // Of an execution that fails, the command says the same.
  await compactor(['submit', 'future'], { stdin: DOG });
  for (const args of [
    ['start', 'future'],
    ['vacuum', 'future'],
    ['correct-space', 'future'],
  ]) {
    const refused = await compactor(args);

    expect(refused.code, args[0]).toBeGreaterThan(0);
    expect(refused.stderr, args[0]).toContain('EngineTooOldError');
    expect(refused.stderr).not.toMatch(/panic|\(\(\(|printed last/);
  }
});

it('gc on a local stack keeps as many versions as RETAIN_VERSIONS says', async () => {
  await compactor(['create', 'kept', '--dimension', '4']);
  for (const each of [CAT, DOG, delta('cow')]) await compactor(['submit', 'kept', '--wait'], { stdin: each });

  const usual = await compactor(['gc', 'kept', '--dry-run']);
  const few = await compactor(['gc', 'kept', '--dry-run'], { env: { ...env, RETAIN_VERSIONS: '1', RETAIN_DAYS: '0' } });

  expect(usual.json).toMatchObject({ retainedFrom: 0 });
  expect(few.json).toMatchObject({ retainedFrom: 3, deletedManifests: 3 });
});

it('start under a name that was taken says so, and what became of that execution', async () => {
  await compactor(['create', 'twice', '--dimension', '4']);
  await compactor(['start', 'twice', '--name', 'once']);
  await compactor(['submit', 'twice'], { stdin: CAT });

  const again = await compactor(['start', 'twice', '--name', 'once']);

  expect(again.stderr).toContain('Note: execution "once" was started before');
  expect(again.json.executionArn).toMatch(/:once$/);
  expect((await compactor(['status', 'twice'])).json).toMatchObject({ pending: 1 });
});

it('start answers Ctrl-C at once, and says what goes on without it', () =>
  withStack(async (stack) => {
    await create(stack, 'busy');
    // Its execution waits for a lock that nobody gives back.
    const request = { owner: 'arn:another', phase: 'validation', pointerToken: 0, durationMs: 600_000 } as const;
    await stack.ports.locks.acquireLock('busy', { ...request, now: Date.now() });
    await put(stack, 'busy');
    const args = ['cli/main.ts', '--data', stack.dataDirectory, '--json', 'start', 'busy'];
    const child = spawn(process.execPath, args, { env });
    // It asks how the execution is as soon as it waits for it.
    const asked = vi.spyOn(stack.stepFunctions, 'describe');
    await vi.waitFor(() => expect(asked).toHaveBeenCalled(), { timeout: 120_000, interval: 20 });
    const [executionArn = ''] = asked.mock.calls[0] ?? [];

    const ended = Promise.all([text(child.stderr), once(child, 'exit')]);
    child.kill('SIGINT');
    const [stderr, [code]] = await ended;

    expect(code).toBe(130);
    expect(errorOf({ stderr }).message).toBe(
      `Interrupted. The execution goes on without this command. See: compactor explain ${executionArn}.`,
    );
    expect(stack.stepFunctions.describe(executionArn).status).toBe('RUNNING');
    await stack.stepFunctions.stop({ executionArn });
  }));

async function put(stack: TestStack, collection: string): Promise<void> {
  await stack.ports.store.putIfAbsent(`deltas/${collection}/one`, Buffer.from(CAT), {
    sha256: sha256(Buffer.from(CAT)),
  });
}

/** As if version 99 of the engine had made the current version: its manifest says so, and the pointer names that. */
async function withNewerEngine(stack: string, collection: string): Promise<void> {
  const at = (key: string) => join(stack, 'store', key);
  const key = pointerKey(collection);
  const pointer = decodePointer(key, collection, await readFile(at(key)));
  const manifest = decodeManifest(
    pointer.manifest.key,
    await readFile(at(pointer.manifest.key)),
    pointer.manifest.sha256,
  );
  const engine = { name: 'chroma', migrations: {}, ...manifest.engine, version: '99.0.0' };
  const newer = encodeManifest({ ...manifest, engine });
  await writeFile(at(pointer.manifest.key), newer.bytes);
  await writeFile(at(key), encodePointer({ ...pointer, manifest: { ...pointer.manifest, sha256: newer.sha256 } }));
  await rm(join(stack, 'cache'), { recursive: true });
}
