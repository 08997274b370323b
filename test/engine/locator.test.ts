import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Candidate, FoundBy } from '../../lambdas/adapters/chroma/candidates.ts';
import { chooseEngine, locateEngine, lookEverywhere } from '../../lambdas/adapters/chroma/locator.ts';
import { EngineUnavailableError } from '../../lambdas/errors/errors.ts';
import { compareVersions } from '../../lambdas/protocol/engine-versions.ts';
import { cleanUpAfterEach, fakeServer, makeDirectory } from './support.ts';

cleanUpAfterEach();

describe('locateEngine', () => {
  test('finds a binding, and keeps what it found', async () => {
    const found = locateEngine({});
    expect((await found).identity.source).toMatch(/^chromadb-(js-bindings|bindings-compat)-/);
    expect(locateEngine({ CHROMA_BIN: '' })).toBe(found);
  });

  test('CHROMA_BIN comes first', async () => {
    const { bin } = await fakeServer('');
    expect(await locateEngine({ CHROMA_BIN: bin })).toEqual({
      command: bin,
      args: [],
      identity: { name: 'chroma', version: '9.8.7', source: bin },
    });
  });

  test('a version that was printed counts, though the program crashes as it exits; a failure does not', async () => {
    const { path } = await makeDirectory();
    const program = async (name: string, ...lines: string[]) => {
      const file = join(path, name);
      await writeFile(file, `#!/bin/sh\n${lines.join('\n')}\n`, { mode: 0o755 });
      return locateEngine({ CHROMA_BIN: file });
    };

    const crashed = await program('crashes', 'echo chroma 9.8.7', 'kill -SEGV $$');

    expect(crashed.identity.version).toBe('9.8.7');
    await expect(program('silent', 'kill -SEGV $$')).rejects.toThrow(EngineUnavailableError);
    await expect(program('fails', 'echo chroma 9.8.7', 'exit 1')).rejects.toThrow(EngineUnavailableError);
  });

  test('a CHROMA_BIN that is of no use is an error, with no falling back', async () => {
    const { path } = await makeDirectory();
    const text = join(path, 'text');
    await writeFile(text, 'no program', { mode: 0o644 });
    const cases = [
      ['/nowhere/chroma', /Tried \/nowhere\/chroma: there is no such file\. Set CHROMA_BIN/],
      [text, /it is not executable/],
      ['/bin/true', /printed no version/],
      ['/bin/false', /Tried \/bin\/false: /],
    ] as const;
    for (const [bin, message] of cases) {
      await expect(locateEngine({ CHROMA_BIN: bin })).rejects.toThrow(message);
      await expect(locateEngine({ CHROMA_BIN: bin })).rejects.toThrow(EngineUnavailableError);
    }
  });
});

/** Scripts in the places of candidates, by the way in which they are found. */
async function scripts(): Promise<(foundBy: FoundBy, ...lines: string[]) => Promise<Candidate>> {
  const { path } = await makeDirectory();
  let made = 0;
  return async (foundBy, ...lines) => {
    const source = join(path, `${foundBy}-${made++}`);
    await writeFile(source, `#!/bin/sh\n${lines.join('\n')}\n`, { mode: 0o755 });
    return { source, foundBy, find: async () => ({ command: source, args: [] }) };
  };
}

describe('chooseEngine', () => {
  test('what npm brought comes before a newer server in a virtual environment or on the path', async () => {
    const script = await scripts();
    const npm = await script('npm', 'echo chroma 1.0.0');

    const chosen = await chooseEngine([npm, await script('VIRTUAL_ENV', 'echo chroma 9.0.0')]);

    expect(chosen.identity).toEqual({ name: 'chroma', version: '1.0.0', source: npm.source });
  });

  test('where nothing of npm can run, the virtual environment is used, then the path', async () => {
    const script = await scripts();
    const broken = await script('npm', 'echo "Error: GLIBC not found" >&2', 'exit 1');
    const active = await script('VIRTUAL_ENV', 'echo chroma 9.0.0');
    const onPath = await script('PATH', 'echo chroma 8.0.0');

    expect((await chooseEngine([broken, active, onPath])).identity.version).toBe('9.0.0');
    expect((await chooseEngine([broken, onPath])).identity.version).toBe('8.0.0');
  });

  test('a server of npm that was cut off is no reason to take another version', async () => {
    const script = await scripts();
    const killed = await script('npm', 'kill -KILL $$');

    const choice = chooseEngine([killed, await script('PATH', 'echo chroma 9.0.0')]);

    await expect(choice).rejects.toThrow(EngineUnavailableError);
  });

  test('another program of that name is passed over, and the error says where an engine is to be had', async () => {
    const script = await scripts();
    const highlighter = await script('PATH', 'echo 2.14.0-linux/amd64');

    await expect(chooseEngine([highlighter])).rejects.toThrow(/printed no version but "2\.14.*pip install chromadb/);
  });
});

describe('lookEverywhere', () => {
  test('lists every place in order, each once, and what runs there', async () => {
    const { path } = await makeDirectory();
    const folders = ['venv/bin', 'wrappers/node_modules/.bin', 'other'].map((folder) => join(path, folder));
    for (const [at, folder] of folders.entries()) {
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'chroma'), `#!/bin/sh\necho chroma 9.0.${at}\n`, { mode: 0o755 });
    }
    const [active = '', wrappers = '', other = ''] = folders;
    const PATH = ['relative', wrappers, active, other].join(':');
    const besidesNpm = async (env: NodeJS.ProcessEnv) =>
      (await lookEverywhere(env)).filter(({ foundBy }) => foundBy !== 'npm');

    expect(await besidesNpm({ VIRTUAL_ENV: join(path, 'venv'), PATH })).toEqual([
      { source: join(active, 'chroma'), foundBy: 'VIRTUAL_ENV', version: '9.0.0', problem: null },
    ]);
    expect(await besidesNpm({ CHROMA_BIN: '/nowhere', PATH: `${wrappers}:${other}` })).toEqual([
      { source: '/nowhere', foundBy: 'CHROMA_BIN', version: null, problem: 'there is no such file' },
      { source: join(other, 'chroma'), foundBy: 'PATH', version: '9.0.2', problem: null },
    ]);
    expect(await besidesNpm({ PATH: wrappers })).toEqual([]);
  });
});

test('compareVersions orders semantic versions', () => {
  const ordered = [
    '0.9.9',
    '1.0.0-alpha',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0',
    '1.0.5',
    '1.4.4',
    '1.10.0',
    '2.0.0',
  ];
  for (const [i, a] of ordered.entries()) {
    for (const [j, b] of ordered.entries())
      expect(Math.sign(compareVersions(a, b)), `${a} ${b}`).toBe(Math.sign(i - j));
  }
  expect(compareVersions('1.0.0+build.7', '1.0.0')).toBe(0);
  expect(compareVersions('1.2', '1.2.0')).toBe(0);
});
