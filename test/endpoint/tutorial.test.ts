/** docs/tutorial-chroma-client.md: the code of each language as it is printed, against two endpoints over one store. */
import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { serveEndpoint } from '../../lambdas/runtime/serve.ts';
import { withStack } from '../e2e/support.ts';
import { HAS_ENGINE } from './support.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PAGE = readFileSync(`${ROOT}docs/tutorial-chroma-client.md`, 'utf8');
const PYTHON = process.env.CHROMA_PYTHON;
const run = promisify(execFile);

/** All blocks of a language in a section, or what is printed there. */
function blocks(section: string, language: string): string {
  const [, text = ''] = new RegExp(`^## ${section}\n([\\s\\S]*?)(?=^## |(?![\\s\\S]))`, 'm').exec(PAGE) ?? [];
  return Array.from(text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm))
    .filter(([, of]) => of === language)
    .map(([, , block = '']) => block)
    .join('\n');
}

/** The two endpoints of the page, on the ports that are free. */
function withTwo(test: (own: (code: string) => string) => Promise<void>): Promise<void> {
  return withStack(async ({ ports }) => {
    const options = { readLevel: 'index_and_wal', allowReset: false } as const;
    const served = [await serveEndpoint(ports, options), await serveEndpoint(ports, options)];
    try {
      for (const { server } of served) await once(server.listen(0, '127.0.0.1'), 'listening');
      const [first, second] = served.map(({ server }) => String((server.address() as AddressInfo).port));
      await test((code) => code.replace(/\b800[01]\b/g, (port) => (port === '8000' ? first : second) ?? ''));
    } finally {
      for (const { close } of served) await close();
    }
  });
}

function imports(module: string): boolean {
  if (PYTHON === undefined) return false;
  try {
    execFileSync(PYTHON, ['-c', `import ${module}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Of what is printed, without empty lines between blocks. */
const printed = (text: string) => text.split('\n').filter((line) => line !== '');

describe.skipIf(!HAS_ENGINE)('the tutorial for clients', () => {
  it('is true in JavaScript', () =>
    withTwo(async (own) => {
      const code = own(blocks('JavaScript', 'js'));

      const { stdout } = await run(process.execPath, ['--input-type=module', '-e', code], { cwd: ROOT });

      expect(printed(stdout)).toEqual(printed(blocks('JavaScript', 'text')));
    }));

  describe.each([
    ['Python', 'chromadb'],
    ['LangChain', 'langchain_chroma'],
  ])('in %s', (section, module) => {
    it.skipIf(!imports(module))('is true', () =>
      withTwo(async (own) => {
        const code = own(blocks(section, 'python'));

        const { stdout } = await run(PYTHON ?? '', ['-c', code]);

        expect(printed(stdout)).toEqual(printed(blocks(section, 'text')));
      }),
    );
  });
});
