/** `@chroma-compactor/cdk` in a project of its own: the example of its page, synthesised without sources or bundler. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { VERBS } from '../../cdk/verbs.ts';
import { installPacked, type Project, ROOT } from './project.ts';

const PAGE = readFileSync(join(ROOT, 'docs/how-to/deploy-in-your-own-app.md'), 'utf8');
const EXAMPLE = /^```ts\n([\s\S]*?)^```$/m.exec(PAGE)?.[1] ?? '';

let project: Project;

beforeAll(async () => {
  project = await installPacked('cdk');
});
afterAll(() => project.remove());

test('synthesises the example, with the code of every function', async () => {
  await project.write('app.ts', EXAMPLE);

  await project.run('env', 'CDK_OUTDIR=cdk.out', process.execPath, 'app.ts');

  const out = join(project.folder, 'cdk.out');
  const { Resources } = JSON.parse(readFileSync(join(out, 'Search.template.json'), 'utf8'));
  const machines = Object.values(Resources as Record<string, { Type: string }>).filter(
    ({ Type }) => Type === 'AWS::StepFunctions::StateMachine',
  );
  expect(machines).toHaveLength(2);
  const handlers = readdirSync(out).filter((name) => existsSync(join(out, name, 'index.mjs')));
  expect(handlers).toHaveLength(VERBS.length);
  // That of MergeDeltas finds its client in the image.
  const zips = handlers.filter((name) => !existsSync(join(out, name, 'Dockerfile')));
  const files = zips.map((name) => join(out, name, 'index.mjs'));
  const load = `for (const file of ${JSON.stringify(files)}) console.log(typeof (await import(file)).handler);`;
  const loaded = await project.run(process.execPath, '--input-type=module', '-e', load);
  expect(loaded.trim().split('\n')).toEqual(zips.map(() => 'function'));
  const image = handlers.find((name) => existsSync(join(out, name, 'Dockerfile'))) ?? '';
  expect(readdirSync(join(out, image))).toContain('package-lock.json');
});

test('its types are found, and hold', async () => {
  await project.write(
    'types.ts',
    `${EXAMPLE}\n// @ts-expect-error no such setting\nnew Compactor(stack, 'B', { settings: { memory: 3 } });\n`,
  );
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2024', 'types.ts'];
  await project.run(join(ROOT, 'node_modules/.bin/tsc'), ...options);
});

test('brings no SDK, no engine and no bundler', () => {
  const installed = readdirSync(join(project.folder, 'node_modules')).filter((name) => !name.startsWith('.'));
  const own = ['@chroma-compactor', 'jsonc-parser', 'zod'];
  expect(installed.sort()).toEqual(['@aws-cdk', 'aws-cdk-lib', 'constructs', ...own].sort());
});
