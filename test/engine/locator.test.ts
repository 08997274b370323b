import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { locateEngine } from '../../lambdas/adapters/chroma/locator.ts';
import { EngineUnavailableError } from '../../lambdas/errors/errors.ts';
import { compareVersions } from '../../lambdas/protocol/versions.ts';
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
