/** What only files can do: races between processes, killed holders, stray files, failing disks. */
import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as readAll } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { tryLock } from '../../lambdas/adapters/files/try-lock.ts';
import { FileLock, lockNumber, lockWaits } from '../../lambdas/adapters/store/file-lock.ts';
import { FileStore } from '../../lambdas/adapters/store/file-store.ts';
import { InvalidInputError, StoreUnavailableError } from '../../lambdas/errors/errors.ts';
import { brokenStream, bytes, text } from './object-store-bodies.ts';

const KEY = 'pointers/birds.json';
const NOBODY = 65_534;

let folder: string;
let store: FileStore;
const children = new Set<ChildProcess>();
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'file-store-'));
  store = new FileStore(folder);
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
  await rm(folder, { recursive: true });
});

/** Start processes, let them begin together, and give what each printed. */
async function together(argumentsOf: string[][]): Promise<string[]> {
  const script = new URL('object-store-child.ts', import.meta.url).pathname;
  const started = argumentsOf.map(([verb = '', ...rest]) => {
    const child = fork(script, [verb, pathToFileURL(folder).href, ...rest], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    children.add(child);
    return child;
  });
  await Promise.all(started.map((child) => new Promise((resolve) => child.once('message', resolve))));
  const finished = started.map(async (child) => {
    const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
    const [output, errors, code] = await Promise.all([read(child.stdout), read(child.stderr), exit]);
    if (code !== 0) throw new Error(`A child failed (${code}): ${errors}`);
    return output;
  });
  for (const child of started) child.send('start');
  return Promise.all(finished);
}

function read(stream: NodeJS.ReadableStream | null): Promise<string> {
  return stream === null ? Promise.resolve('') : readAll(stream);
}

describe('between processes', () => {
  test('no update is lost', async () => {
    await store.putIfAbsent(KEY, bytes('0'));

    await together(Array.from({ length: 4 }, () => ['increment', KEY, '25']));

    expect(text((await store.get(KEY)).body)).toBe('100');
  });

  test('one create-only write wins', async () => {
    const outcomes = await together(Array.from({ length: 4 }, (_, n) => ['create', KEY, String(n)]));

    const winner = outcomes.indexOf('won');
    expect(outcomes.filter((outcome) => outcome === 'PreconditionFailedError')).toHaveLength(3);
    expect(text((await store.get(KEY)).body)).toBe(String(winner));
  });
});

describe('the lock', () => {
  test('goes with its holder, however it dies', async () => {
    await store.putIfAbsent(KEY, bytes('base'));
    const path = join(folder, '.tmp', `lock-${lockNumber(KEY)}.sqlite`);
    const hold = `
      const { DatabaseSync } = require('node:sqlite');
      const database = new DatabaseSync(process.argv[1]);
      database.exec('BEGIN IMMEDIATE');
      process.send('held');
      setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ['-e', hold, path], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    children.add(holder);
    await new Promise((resolve) => holder.once('message', resolve));

    const { etag } = await store.get(KEY);
    let settled = false;
    const swap = store.putIfMatch(KEY, bytes('next'), etag).finally(() => {
      settled = true;
    });
    // Far more work than a swap that does not wait.
    for (let n = 0; n < 20; n++) await store.putIfAbsent(`other-${n}`, bytes('x'));
    expect(settled).toBe(false);
    holder.kill('SIGKILL');

    await swap;
    expect(text((await store.get(KEY)).body)).toBe('next');
  });

  test('is kept from other processes although somebody else in this one asks for it, too', async () => {
    const path = join(folder, 'lock');
    const release = tryLock(path);

    expect(tryLock(path)).toBeUndefined();

    const asking = `
      const { tryLock } = await import(process.argv[1]);
      process.stdout.write(tryLock(process.argv[2]) === undefined ? 'busy' : 'had');`;
    const module = new URL('../../lambdas/adapters/files/try-lock.ts', import.meta.url).href;
    const ask = () =>
      execFileSync(process.execPath, ['--input-type=module', '-e', asking, module, path], { encoding: 'utf8' });
    expect(ask()).toBe('busy');
    release?.();
    expect(ask()).toBe('had');
  });

  test('is free again after a task that failed, and lets one in at a time', async () => {
    const lock = new FileLock(join(folder, 'lock'));
    const other = new FileLock(join(folder, 'lock'));
    await expect(lock.run(() => Promise.reject(new Error('failed')))).rejects.toThrow('failed');

    let inside = 0;
    let most = 0;
    const visit = async () => {
      inside += 1;
      most = Math.max(most, inside);
      await readdir(folder);
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 10 }, (_, n) => (n % 2 === 0 ? lock : other).run(visit)));

    expect(most).toBe(1);
  });

  test('says what it waits for once the wait is long', async () => {
    const path = join(folder, 'lock');
    const freed = Promise.withResolvers<void>();
    const holder = new FileLock(path).run(() => freed.promise);
    const said = new Promise((resolve) => {
      lockWaits.subscribe((reason) => resolve(reason));
    });

    const waiter = new FileLock(path).run(async () => 'had it');

    expect(await said).toContain(`another process holds "${path}"`);
    freed.resolve();
    await holder;
    expect(await waiter).toBe('had it');
  });

  test('that cannot be had makes the store unavailable', async () => {
    await mkdir(join(folder, 'lock'));

    await expect(new FileLock(join(folder, 'lock')).run(async () => 1)).rejects.toThrow(StoreUnavailableError);
  });
});

describe('files', () => {
  test('left by dead writers are swept up, those of living ones are not', async () => {
    const temporary = join(folder, '.tmp');
    await mkdir(temporary);
    const dayAgo = Date.now() / 1000 - 86_400;
    for (const name of ['old.part', 'new.part', 'old.other']) await writeFile(join(temporary, name), 'x');
    for (const name of ['old.part', 'old.other']) await utimes(join(temporary, name), dayAgo, dayAgo);

    await store.putIfAbsent(KEY, bytes('x'));

    expect((await readdir(temporary)).sort()).toEqual(['new.part', 'old.other']);
  });

  test('are not left behind by writes, won, lost or broken', async () => {
    const { etag } = await store.putIfAbsent(KEY, bytes('one'));
    await store.putIfMatch(KEY, bytes('two'), etag);
    await store.putIfAbsent(KEY, bytes('three')).catch(() => undefined);
    await store.putIfMatch(KEY, bytes('four'), etag).catch(() => undefined);
    await store.putIfAbsent('other', brokenStream(10_000_000, new Error('broken'))).catch(() => undefined);

    expect(await readdir(join(folder, '.tmp'))).toEqual([`lock-${lockNumber(KEY)}.sqlite`]);
  });

  test('that are hidden, or links, are not listed', async () => {
    await store.putIfAbsent('list/one', bytes('1'));
    await writeFile(join(folder, 'list', '.hidden'), 'x');
    await symlink(join(folder, 'list', 'one'), join(folder, 'list', 'link'));

    const pages = [];
    for await (const page of store.list('')) pages.push(page.map(({ key }) => key));

    expect(pages).toEqual([['list/one']]);
  });

  test('cannot have another key as folder', async () => {
    await store.putIfAbsent('a', bytes('x'));

    await expect(store.putIfAbsent('a/b', bytes('x'))).rejects.toThrow(InvalidInputError);
    await expect(store.putIfAbsent('a/b/c', bytes('x'))).rejects.toThrow(InvalidInputError);
  });
});

describe('a failing disk', () => {
  test('makes the store unavailable, until it is mended', async () => {
    const blocked = new FileStore(join(folder, 'store'));
    await writeFile(join(folder, 'store'), 'not a folder');
    await expect(blocked.putIfAbsent(KEY, bytes('x'))).rejects.toThrow(StoreUnavailableError);
    await rm(join(folder, 'store'));

    await blocked.putIfAbsent(KEY, bytes('x'));

    expect(text((await blocked.get(KEY)).body)).toBe('x');
  });

  test('that refuses to read is no missing object', async () => {
    await store.putIfAbsent(KEY, bytes('x'));
    await chmod(folder, 0o755);
    await chmod(join(folder, KEY), 0o000);

    // Nothing is refused to root, so that it becomes nobody for this one read.
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid?.(NOBODY);
    const found = store.get(KEY).finally(() => {
      if (isRoot) process.seteuid?.(0);
    });

    await expect(found).rejects.toThrow(StoreUnavailableError);
  });
});
