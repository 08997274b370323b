/** `@chroma-compactor/cli` in a project of its own: from nothing to an answer, and the local stack with its console. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { installPacked, type Project, withEngine } from './project.ts';

let project: Project;

beforeAll(async () => {
  project = await installPacked('cli');
});
afterAll(() => project.remove());

const command = (...args: string[]) => project.run('npx', '--no-install', 'compactor', ...args);

test('has its command, and nothing that only this project needs', async () => {
  expect(await command('--help')).toMatch(/^Usage: compactor /);
  const foreign = /^dist\/(?:docs|test|bench|cdk|cli\/demo)\/|\.d\.ts$|\.test\./;
  expect(project.files.filter((path) => foreign.test(path))).toEqual([]);
});

test('works from nothing to an answer', async () => {
  await project.write('delta.jsonl', '{"op":"upsert","id":"cat","embedding":[1,0,0]}\n');
  await command('create', 'pets', '--dimension', '3');
  await command('submit', 'pets', 'delta.jsonl', '--delta-id', 'one');
  await withEngine(project, () => command('start', 'pets'));
  const answer = await command('--json', 'query', 'pets', '--embedding', '[1,0,0]');
  expect(JSON.parse(answer).neighbours).toMatchObject([{ id: 'cat' }]);
});

test('runs the local stack, whose console loads each of its parts', async () => {
  const args = [join(project.folder, 'node_modules/.bin/compactor-local'), '--port', '0'];
  const stack = spawn(process.execPath, args, { cwd: project.folder, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    let url = '';
    for await (const line of createInterface(stack.stdout)) {
      url ||= /Console\s+(\S+)/.exec(line)?.[1] ?? '';
      if (line.includes('another terminal')) {
        expect(line).toContain('compactor status');
        break;
      }
    }
    const page = await (await fetch(url)).text();
    const parts = Array.from(
      page.matchAll(/(?:src|href)="(\/[^"]+)"|: "(\/[^"]+)"/g),
      ([, src, map]) => src ?? map ?? '',
    );
    const statuses = await Promise.all(
      [...parts, '/console/graph/paths.ts'].map(async (path) => `${(await fetch(new URL(path, url))).status} ${path}`),
    );
    expect(parts.length).toBeGreaterThan(4);
    expect(statuses.filter((status) => !status.startsWith('200'))).toEqual([]);
  } finally {
    stack.kill('SIGTERM');
    await once(stack, 'exit');
  }
});
