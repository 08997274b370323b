/** The TypeScript examples of README.md and the how-to pages: their types are right, and run as printed they answer. */
import { execFile } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { deltaKey } from '../../lambdas/snapshot/keys.ts';
import type { Operation } from '../../lambdas/snapshot/operation.ts';
import { createCollection } from '../../lambdas/upkeep/create-collection.ts';
import { compact, submit, type TestStack, withStack } from './support.ts';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LIBRARY = join(ROOT, 'lambdas/index.ts');
const CONSTRUCTS = join(ROOT, 'cdk/index.ts');
const README = 'README.md';
const READER = 'docs/how-to/read-from-a-service.md';
const OWN_APP = 'docs/how-to/deploy-in-your-own-app.md';
const QUERY = 'docs/how-to/serve-queries-by-lambda.md';

const EXAMPLES = [README, 'docs/events.md', ...globSync('docs/how-to/*.md', { cwd: ROOT })].flatMap((page) =>
  blocks(page, 'ts')
    .filter((code) => /from '(@chroma-compactor\/cdk|chroma-compactor)'/.test(code))
    .map((code, n) => ({ page, code, file: `${basename(page, '.md')}-${n}.ts` })),
);
const CAT: Operation = { op: 'upsert', id: 'cat', embedding: [1, 0, 0], document: 'a feline' };

let folder: string;

beforeAll(async () => {
  // Inside the checkout, so that types and packages are found from there.
  await mkdir(join(ROOT, '.work'), { recursive: true });
  folder = await mkdtemp(join(ROOT, '.work/examples-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

it('are found', () => {
  expect(EXAMPLES.map(({ page }) => page)).toEqual(expect.arrayContaining([README, READER, OWN_APP]));
});

it('have the right types, as printed', async () => {
  for (const { file, code } of EXAMPLES) await writeFile(join(folder, file), code);
  const compilerOptions = { paths: { 'chroma-compactor': [LIBRARY], '@chroma-compactor/cdk': [CONSTRUCTS] } };
  const config = { extends: join(ROOT, 'tsconfig.json'), compilerOptions, include: ['*.ts'], exclude: [] };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config));

  const found = await run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', folder]).catch(({ stdout }) => ({ stdout }));

  expect(found.stdout).toBe('');
});

describe('on a local stack', () => {
  it(`${README}: a delta is sent, applied, and found`, () =>
    withPets(async (stack) => {
      const running = execute(stack, exampleOf(README), 'await reader.close();');
      // On AWS an event starts the execution.
      const arrived = () => stack.ports.store.get(deltaKey('pets', 'key-1'));
      await Promise.race([running, vi.waitFor(arrived, { timeout: 600_000, interval: 100 })]);
      await compact(stack, 'pets');

      expect(await running).toMatchObject({ version: 1, neighbours: [{ id: 'cat', distance: 0 }] });
    }));

  it(`${READER}: a reader answers`, () =>
    withPets(async (stack) => {
      await submit(stack, 'pets', 'one', [CAT]);
      await compact(stack, 'pets');

      const answer = await execute(stack, exampleOf(READER), 'await reader.close();');

      expect(answer).toMatchObject({ version: 1, neighbours: [{ id: 'cat', document: 'a feline' }] });
    }));

  it(`${QUERY}: the handler answers the request`, () =>
    withPets(async (stack) => {
      await submit(stack, 'pets', 'one', [CAT]);
      await compact(stack, 'pets');
      const [request] = blocks(QUERY, 'json');
      const handler = pathToFileURL(join(ROOT, 'lambdas/query.ts')).href;
      const code =
        `import { handler } from '${handler}';\n` +
        `const { version, neighbours } = await handler(${request}, { getRemainingTimeInMillis: () => 60_000 });`;

      const answer = await execute(stack, code, '');

      expect(answer).toMatchObject({ version: 1, neighbours: [{ id: 'cat', document: 'a feline' }] });
    }));
});

/** Fenced blocks of a page in one language, less the indentation of the list that they may be in. */
function blocks(page: string, language: string): string[] {
  const fence = new RegExp(`^( *)\`\`\`${language}\\n([\\s\\S]*?)^ *\`\`\`$`, 'gm');
  return Array.from(readFileSync(join(ROOT, page), 'utf8').matchAll(fence), ([, indent = '', code = '']) =>
    code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );
}

function exampleOf(page: string): string {
  return EXAMPLES.find((example) => example.page === page)?.code ?? '';
}

/** All that is not as printed: where the library, the store, the table and the disk are. */
function substitute(code: string, stack: TestStack): string {
  const { storeUrl, tableName, workDirectory } = placesOf(stack);
  return code
    .replaceAll("'chroma-compactor'", `'${pathToFileURL(LIBRARY).href}'`)
    .replaceAll(/'s3:\/\/[\w-]+'/g, `'${storeUrl}'`)
    .replaceAll("tableName: 'table'", `tableName: '${tableName}', workDirectory: '${workDirectory}'`)
    .replaceAll("'/var/lib/pets'", `'${workDirectory}'`);
}

function placesOf(stack: TestStack) {
  const { storeUrl, tableName } = stack.file;
  return { storeUrl, tableName, workDirectory: join(stack.dataDirectory, 'reader') };
}

/** What an example has in `version` and `neighbours` at its end, run by a process of its own. */
async function execute(stack: TestStack, code: string, ending: string): Promise<unknown> {
  const { storeUrl, tableName, workDirectory } = placesOf(stack);
  const file = join(await mkdtemp(join(folder, 'run-')), 'example.ts');
  // Timers and a Lambda's engine live until the process ends.
  const shown = `console.log(JSON.stringify({ version, neighbours }));\n${ending}\nprocess.exit();\n`;
  await writeFile(file, `${substitute(code, stack)}\n${shown}`);
  const env = {
    ...process.env,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_ENDPOINT_URL_DYNAMODB: stack.file.tableEndpoint,
    STORE_URL: storeUrl,
    TABLE_NAME: tableName,
    WORK_DIRECTORY: workDirectory,
    CACHE_DIRECTORY: join(stack.dataDirectory, 'reader-cache'),
  };
  const { stdout } = await run(process.execPath, ['--disable-warning=ExperimentalWarning', file], {
    env,
    timeout: 600_000,
  });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}

function withPets(test: (stack: TestStack) => Promise<void>): Promise<void> {
  return withStack(async (stack) => {
    await createCollection(stack.ports, { collection: 'pets', dimension: 3, space: 'l2', creator: 'test' });
    await test(stack);
  });
}
