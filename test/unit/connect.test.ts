/** What an application may do follows from what it names: by the types, and at run time. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ConfigurationError, connect, type TableConnection } from '../../lambdas/index.ts';
import { applicationPorts } from '../../lambdas/runtime/connect.ts';
import type { MachineConnection } from '../../lambdas/runtime/connection.ts';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'compactor-connect-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** As without types. */
const unnamed = () => connect(options()) as unknown as TableConnection & MachineConnection;
const options = () => ({ storeUrl: pathToFileURL(root).href, workDirectory: join(root, 'work') });
const delta = { collection: 'pets', deltaId: 'd-1', sha256: 'a'.repeat(64) };

it('waiting says that no table was named, at once', async () => {
  const waiting = unnamed().wait(delta);
  await expect(waiting).rejects.toBeInstanceOf(ConfigurationError);
  await expect(waiting).rejects.toThrow(/`tableName` to `connect`/);
});

it('starting says that no state machine was named', async () => {
  const starting = unnamed().start('pets');
  await expect(starting).rejects.toBeInstanceOf(ConfigurationError);
  await expect(starting).rejects.toThrow(/`stateMachineArn` to `connect`/);
});

it('no collection is created that would name a table that nobody has', async () => {
  const creating = unnamed().createCollection('pets', { dimension: 4 });
  await expect(creating).rejects.toBeInstanceOf(ConfigurationError);
  const { store } = applicationPorts(options());
  await expect(store.head('pointers/pets.json')).rejects.toMatchObject({ name: 'ObjectNotFoundError' });
});

it('a table that was named is used', () => {
  expect(applicationPorts({ ...options(), tableName: 'mine' }).statuses.tableName).toBe('mine');
});

it('refuses an option that it does not know, rather than go without the one that was meant', () => {
  const misspelt = { ...options(), tablename: 'mine' };
  expect(() => connect(misspelt)).toThrow(/cannot have tablename; known are storeUrl, tableName,/);
});

it('hands out no ports', () => {
  const compactor = connect({ ...options(), tableName: 'mine', stateMachineArn: 'arn' });
  expect(Object.keys(compactor)).toEqual([]);
});

it('has a type that tells the truth: each line compiles, or does not, as it says', async () => {
  // Prepare: inside the checkout, so that types and packages are found from there.
  await mkdir(join(ROOT, '.work'), { recursive: true });
  const folder = await mkdtemp(join(ROOT, '.work/connect-'));
  const lines = `import { connect } from '../../lambdas/index.ts';
const storeUrl = 's3://bucket';
const delta = { collection: 'pets', deltaId: 'one', sha256: '' };
const [store, table, machine] = [connect({ storeUrl }), connect({ storeUrl, tableName: 't' }), connect({ storeUrl, stateMachineArn: 'm' })];
const maybe = connect({ storeUrl, tableName: process.env.TABLE_NAME });
const all = connect({ storeUrl, tableName: 't', stateMachineArn: 'm' });
export const fine = () => [store.submit, store.openReader, table.submit, table.wait(delta), table.createCollection, machine.start, all.wait, all.start];
store.wait(delta); // no
store.createCollection('pets', { dimension: 1 }); // no
store.start('pets'); // no
table.start('pets'); // no
machine.wait(delta); // no
maybe.wait(delta); // no
connect({ storeUrl, tabelName: 't' }); // no
all.locks; // no
`;
  await writeFile(join(folder, 'lines.ts'), lines);
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: join(ROOT, 'tsconfig.json'), include: ['*.ts'] }),
  );

  // Act
  const { stdout } = await run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', folder]).catch((error) => error);
  await rm(folder, { recursive: true });

  // Assess
  const refused = Array.from(String(stdout).matchAll(/lines\.ts\((\d+),/g), ([, line]) => Number(line));
  const expected = lines.split('\n').flatMap((line, n) => (line.endsWith('// no') ? [n + 1] : []));
  expect(new Set(refused), stdout).toEqual(new Set(expected));
});
