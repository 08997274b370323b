/** Commands of package.json that take options show them, with an example, and refuse others in one line. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { InvalidArgumentError } from 'commander';
import { expect, it } from 'vitest';
import { wholeNumber } from '../../local/script.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const { scripts } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { scripts: Record<string, string> };
/** They take none. */
const WITHOUT_OPTIONS = ['asl', 'docs:picture'];

/** The cheapest of them to load: the others differ in what they declare. */
function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['local/chroma.ts', ...args], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

it('each is declared by the same function', () => {
  const files = Object.entries(scripts).flatMap(([name, command]) => {
    const file = /^node (?:--\S+ )*((?:local|test|docs|statemachine)\/\S+\.ts)$/.exec(command)?.[1];
    return file === undefined || WITHOUT_OPTIONS.includes(name) ? [] : [{ name, file }];
  });

  expect(files.map(({ name }) => name).sort()).toEqual([
    ...['chaos', 'chaos:endpoint', 'chroma', 'docs', 'local', 'simulate', 'test:chroma', 'test:clients'],
  ]);
  for (const { file } of files) {
    const source = readFileSync(`${ROOT}${file}`, 'utf8');
    expect(source, file).toMatch(/ = script\([\s\S]*\.parse\(\)/);
    expect(source, file).not.toMatch(/parseArgs|process\.argv/);
  }
});

it('shows its help', () => {
  const { status, stdout, stderr } = run('--help');

  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toMatch(/^Usage: npm run chroma -- .*\n[\s\S]*\nExample:\n {2}\S/);
});

it.each([
  ['an option that it does not know', ['--prot', '1']],
  ['a value that is no number', ['--port', 'many']],
  ['a missing argument', []],
])('refuses %s, in one line', (_, args) => {
  const { status, stdout, stderr } = run(...args);

  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toMatch(/^error: .*\n$/);
});

it('takes whole numbers only, from the least on', () => {
  expect(wholeNumber(1)('12')).toBe(12);
  for (const text of ['0', '1.5', '', ' ', 'x', '1e400'])
    expect(() => wholeNumber(1)(text)).toThrow(InvalidArgumentError);
});
