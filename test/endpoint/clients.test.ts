/** The lines of README.md and docs/how-to/use-a-chroma-client.md, as they are printed there, by the clients that they are for. */
import { execFile } from 'node:child_process';
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
const PAGE = readFileSync(`${ROOT}docs/how-to/use-a-chroma-client.md`, 'utf8');
const README = readFileSync(`${ROOT}README.md`, 'utf8');
const run = promisify(execFile);

/** The first block of a language, for a server on another port, and what it would show of its last line. */
function lines(language: string, port: number, show: (last: string) => string, page = PAGE): string {
  const block = new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(page)?.[1] ?? '';
  const all = block.trimEnd().replaceAll('8000', String(port)).split('\n');
  return [...all.slice(0, -1), show(all.at(-1) ?? '')].join('\n');
}

async function served(test: (port: number) => Promise<void>): Promise<void> {
  await withStack(async ({ ports }) => {
    const { server, close } = await serveEndpoint(ports, { readLevel: 'index_and_wal', allowReset: false });
    try {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      await test((server.address() as AddressInfo).port);
    } finally {
      await close();
    }
  });
}

describe.skipIf(!HAS_ENGINE)('what is printed', () => {
  it('works in JavaScript', () =>
    served(async (port) => {
      const show = (last: string) => `console.log(JSON.stringify((${last.replace(/;$/, '')}).ids));`;
      const args = ['--input-type=module', '-e', lines('js', port, show)];

      const { stdout } = await run(process.execPath, args, { cwd: ROOT });

      expect(JSON.parse(stdout)).toEqual([['cat']]);
    }));

  it.skipIf(process.env.CHROMA_PYTHON === undefined).each([
    ['the how-to', PAGE],
    ['the README', README],
  ])('works in Python, as %s has it', (_name, page) =>
    served(async (port) => {
      const code = lines('python', port, (last) => `print(${last})`, page);

      const { stdout } = await run(process.env.CHROMA_PYTHON ?? '', ['-c', code]);

      expect(stdout).toContain("'documents': [['a feline']]");
    }),
  );
});
