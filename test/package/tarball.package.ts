/** `npm pack`, installed into an empty project: used by its command, its library, and the type checker. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
let project: string;

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'compactor-package-'));
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', project], {
    cwd: ROOT,
    maxBuffer: 2 ** 26,
  });
  const [file] = stdout.match(/chroma-compactor-[\d.]+\.tgz/) ?? [];
  await writeFile(join(project, 'package.json'), '{"name":"empty","private":true,"type":"module"}');
  await run('npm', ['install', '--no-audit', '--no-fund', join(project, file ?? '')], {
    cwd: project,
    maxBuffer: 2 ** 26,
  });
});
afterAll(() => rm(project, { recursive: true, force: true }));

test('the command works from nothing to an answer, and the library reads what it made', async () => {
  const command = (...args: string[]) => run('npx', ['--no-install', 'compactor', '--json', ...args], { cwd: project });
  await writeFile(join(project, 'delta.jsonl'), '{"op":"upsert","id":"cat","embedding":[1,0,0]}\n');
  await command('create', 'pets', '--dimension', '3');
  await command('submit', 'pets', 'delta.jsonl', '--delta-id', 'one');
  await command('start', 'pets');
  const { stdout } = await command('query', 'pets', '--embedding', '[1,0,0]');
  expect(JSON.parse(stdout).neighbours).toMatchObject([{ id: 'cat' }]);

  const script = `
import { connect, DeltaBuilder, SnapshotReader, CompactorError } from 'chroma-compactor';
const compactor = connect({ storeUrl: new URL('.compactor/store', import.meta.url).href, workDirectory: 'reader' });
const reader = await SnapshotReader.open(compactor, 'pets');
const answer = await reader.query([1, 0, 0], 1);
await reader.close();
console.log(JSON.stringify({ ...answer, operations: new DeltaBuilder().delete('x').operations, base: typeof CompactorError }));
`;
  await writeFile(join(project, 'use.mjs'), script);
  const used = await run(process.execPath, ['use.mjs'], { cwd: project });
  expect(JSON.parse(used.stdout)).toMatchObject({ version: 1, neighbours: [{ id: 'cat' }], base: 'function' });
});

test('its types are found, and hold', async () => {
  await writeFile(
    join(project, 'use.ts'),
    `import { type DeltaStatus, SnapshotReader, submitDelta, waitForDelta } from 'chroma-compactor';
export const read = (reader: SnapshotReader): Promise<{ version: number }> => reader.query([1], 1);
export const status = async (): Promise<DeltaStatus | undefined> => waitForDelta(null as never, await submitDelta(null as never, { collection: 'x', operations: [{ op: 'delete', id: 'a' }] }));
// @ts-expect-error an upsert needs an embedding
submitDelta(null as never, { collection: 'x', operations: [{ op: 'upsert', id: 'a' }] });
`,
  );
  const tsc = join(ROOT, 'node_modules/.bin/tsc');
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2024', 'use.ts'];
  await run(tsc, options, { cwd: project });
});
