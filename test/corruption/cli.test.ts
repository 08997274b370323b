/** What a person sees of damage: one line with a name and what to do, never a stack trace. With real Chroma. */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startStack } from '../../local/stack.ts';
import { compact, create, stateOf, submit, upserts } from '../e2e/support.ts';
import { Random } from '../simulation/random.ts';
import { type Damage, damaged } from './damage.ts';

let data: string;
let store: string;

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'corruption-cli-'));
  store = join(data, 'store');
  const stack = await startStack({ dataDirectory: data });
  for (const collection of ['pets', 'cars']) {
    await create(stack, collection);
    await submit(stack, collection, 'load', upserts(collection, 20));
    for (const record of await compact(stack, collection)) stateOf(record);
  }
  await stack.close();
  // What a new machine has: no cache and no warm directory to read from instead.
  for (const folder of ['cache', 'work']) await rm(join(data, folder), { recursive: true, force: true });
});
afterAll(() => rm(data, { recursive: true, force: true }));

async function compactor(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, ['cli/main.ts', '--data', data, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  return { code, stdout, stderr };
}

/** Newest file of a collection's folder, and the other collection's. */
async function target(kind: string): Promise<{ file: string; other: string }> {
  const newest = async (collection: string) => {
    if (kind === 'pointers') return join(store, kind, `${collection}.json`);
    const names = await readdir(join(store, kind, collection));
    return join(store, kind, collection, names.sort().at(-1) ?? '');
  };
  return { file: await newest('pets'), other: await newest('cars') };
}

const VERIFY = ['verify', 'pets'];
const QUERY = ['query', 'pets', '--embedding', '[1,2,3,4]'];
const START = ['start', 'pets'];

test.each([
  ['pointers', 'truncate', [VERIFY, QUERY, START]],
  ['manifests', 'flip', [VERIFY, START]],
  ['packs', 'flip', [VERIFY, QUERY]],
] satisfies Array<[string, Damage, string[][]]>)(
  '%s that suffer from %s are named on one line',
  async (kind, how, commands) => {
    const { file, other } = await target(kind);
    const bytes = await readFile(file);
    await writeFile(file, damaged(how, bytes, await readFile(other), new Random(7)));
    const pointer = await readFile(join(store, 'pointers', 'pets.json'));
    try {
      for (const [command = '', ...args] of commands) {
        const { code, stdout, stderr } = await compactor(command, ...args);
        const said = `${stdout}${stderr}`;
        expect([1, 3], `${command}: ${said}`).toContain(code);
        expect(said, command).toContain('CorruptObjectError');
        expect(said, command).not.toMatch(/^\s+at .*:\d+/m);
        expect(said, command).not.toContain('node:internal');
        expect(await readFile(join(store, 'pointers', 'pets.json')), command).toEqual(pointer);
      }
    } finally {
      await writeFile(file, bytes);
    }
  },
);
