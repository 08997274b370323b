/** The CLI as scripts use it: one process per command, JSON on stdout, exit codes. */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createProgram } from '../../cli/program.ts';
import { runCommand } from './command-line.ts';

let data: string;

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'compactor-cli-'));
});
afterAll(() => rm(data, { recursive: true, force: true }));

interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
  // biome-ignore lint/suspicious/noExplicitAny: each command has its own document
  json: any;
}

async function compactor(args: string[], stdin = ''): Promise<Result> {
  const child = spawn(process.execPath, ['cli/main.ts', '--data', join(data, 'stack'), '--json', ...args]);
  child.stdin.end(stdin);
  const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  return { code, stdout, stderr, json: stdout === '' ? undefined : JSON.parse(stdout) };
}

const CAT = '{"op":"upsert","id":"cat","embedding":[1,0,0],"metadata":{"legs":4},"document":"a feline"}\n';
const DOG = '{"op":"upsert","id":"dog","embedding":[0,1,0]}\n';

test('create, submit, start, wait, status, versions, query, verify and checkout, from nothing to an answer', async () => {
  expect((await compactor(['create', 'pets', '--dimension', '3'])).json).toMatchObject({ outcome: 'created' });
  expect((await compactor(['create', 'pets', '--dimension', '3'])).json).toMatchObject({ outcome: 'existed' });

  const submitted = await compactor(['submit', 'pets', '--delta-id', 'one'], CAT + DOG);
  expect(submitted.json).toMatchObject({ deltaId: 'one', operations: 2, rejectedOperations: 0 });
  expect((await compactor(['status', 'pets'])).json).toMatchObject({ version: 0, pending: 1 });
  const started = await compactor(['start', 'pets']);
  expect(started.json).toMatchObject({ status: 'SUCCEEDED', state: { committed: { version: 1, records: 2 } } });
  expect(started.json.path.at(-1)).toBe('Compacted');
  expect(started.json).not.toHaveProperty('message');
  expect((await compactor(['wait', 'pets', 'one'])).json).toMatchObject({ outcome: 'applied', version: 1 });

  const status = await compactor(['status', 'pets']);
  expect(status.json).toMatchObject({ version: 1, records: 2, pending: 0, lock: null, claim: null });
  expect((await compactor(['versions', 'pets'])).json).toMatchObject([
    { version: 1, records: 2, deltas: 1 },
    { version: 0, records: 0 },
  ]);
  const answer = await compactor(['query', 'pets', '--embedding', '[1,0.1,0]', '--limit', '1']);
  expect(answer.json.neighbours).toMatchObject([{ id: 'cat', document: 'a feline', metadata: { legs: 4 } }]);
  expect((await compactor(['verify', 'pets'])).json).toMatchObject({ ok: true, version: 1, records: 2 });
  const out = join(data, 'out');
  expect((await compactor(['checkout', 'pets', out])).json).toMatchObject({ version: 1, directory: out });
  expect(await readdir(out)).toContain('chroma.sqlite3');
  expect((await compactor(['checkout', 'pets', out])).code).toBe(2);
});

test('bad input is named, ends with 2, and submits nothing', async () => {
  const file = join(data, 'bad.jsonl');
  await writeFile(file, `${CAT}{"op":"replace","id":"x"}\n{"op":"upsert","id":"y","embedding":[1]}\n`);

  const refused = await compactor(['submit', 'pets', file]);
  const wrongName = await compactor(['status', '../x']);
  const unknown = await compactor(['status', 'nothing-here']);
  const noArgument = await compactor(['create', 'pets2']);
  const dimension = await compactor(['create', 'pets', '--dimension', '4']);
  const vector = await compactor(['query', 'pets', '--embedding', '[1,2]']);

  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('line 2: UnknownOperation');
  expect(refused.stderr).toContain('line 3: WrongDimension');
  expect(JSON.parse(wrongName.stderr)).toMatchObject({ error: 'InvalidInputError', exitCode: 2 });
  expect(JSON.parse(unknown.stderr)).toMatchObject({ error: 'CollectionNotFoundError', exitCode: 2 });
  expect(noArgument.code).toBe(2);
  expect(JSON.parse(dimension.stderr)).toMatchObject({ error: 'CollectionExistsError' });
  expect(vector.code).toBe(2);
  expect((await compactor(['status', 'pets'])).json.pending).toBe(0);
});

test('--force submits the valid lines, and a delta of which nothing is valid ends wait with 3', async () => {
  await compactor(['submit', 'pets', '--delta-id', 'bad', '--force'], '{"op":"replace","id":"x"}\n');

  const waited = await compactor(['wait', 'pets', 'bad']);

  expect(waited).toMatchObject({ code: 3, json: { outcome: 'rejected', rejectedOperations: 1 } });
});

test('rollback asks for --yes, brings an older version back, and goes forward again', async () => {
  await compactor(['submit', 'pets', '--delta-id', 'two'], '{"op":"delete","id":"cat"}\n');
  const { state } = (await compactor(['start', 'pets'])).json;
  expect(state.committed).toMatchObject({ records: 1 });
  const { version } = state.committed;

  const unasked = await compactor(['rollback', 'pets', '1']);
  const back = await compactor(['rollback', 'pets', '1', '--yes']);
  const answer = await compactor(['query', 'pets', '--embedding', '[1,0.1,0]', '--limit', '1']);
  const forth = await compactor(['rollback', 'pets', String(version), '--yes']);
  const same = await compactor(['rollback', 'pets', String(version + 2), '--yes']);
  const word = await compactor(['rollback', 'pets', 'last', '--yes']);

  expect(unasked.code).toBe(2);
  expect(back).toMatchObject({ code: 0, json: { version: version + 1, restored: 1, replaced: version, records: 2 } });
  expect(answer.json.neighbours).toMatchObject([{ id: 'cat' }]);
  expect(forth.json).toMatchObject({ version: version + 2, restored: version, records: 1, undoneDeltas: 0 });
  expect([same.code, word.code]).toEqual([2, 2]);
  expect((await compactor(['verify', 'pets'])).json).toMatchObject({ ok: true, version: version + 2, records: 1 });
});

test('damage in the store is found by verify, which ends with 3', async () => {
  const folder = join(data, 'stack', 'store', 'packs', 'pets');
  const pack = join(folder, (await readdir(folder))[0] ?? '');
  const bytes = await readFile(pack);
  bytes[10] = (bytes[10] ?? 0) ^ 1;
  await writeFile(pack, bytes);

  const verified = await compactor(['verify', 'pets']);

  expect(verified.code).toBe(3);
  expect(verified.stderr).toContain('CorruptObjectError');
});

test('--version is that of the program, and of a collection beside a command', async () => {
  const { version } = JSON.parse(await readFile('cli/package.json', 'utf8')) as { version: string };

  const program = await runCommand(join(data, 'stack'), ['--version'], { json: false });
  const records = await compactor(['get', 'pets', '--count', '--version', '0']);

  expect(program).toMatchObject({ code: 0, stdout: `${version}\n` });
  expect(records.json).toMatchObject({ version: 0, count: 0 });
});

test('help of every command shows an example', async () => {
  const { commands } = await createProgram();
  expect(commands.length).toBeGreaterThan(15);
  for (const command of commands) {
    let help = '';
    command.configureOutput({ writeOut: (part) => (help += part) }).outputHelp();
    expect(help, command.name()).toMatch(/Example:\n {2}compactor/);
  }
});
