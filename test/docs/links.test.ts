/** What the documentation refers to exists: pages, headings, commands, options and scripts. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../cli/program.ts';
import { anchor } from '../../docs/generator/markdown.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PAGES = [...globSync('*.md', { cwd: ROOT }), ...globSync('docs/**/*.md', { cwd: ROOT })].sort();
const PROGRAM = await createProgram({});
const SCRIPTS = Object.keys((JSON.parse(read('package.json')) as { scripts: object }).scripts);

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** Without code, in which nothing is a link or a heading. */
function prose(markdown: string): string {
  return markdown
    .replaceAll(/^ *```[\s\S]*?^ *```$/gm, '')
    .replaceAll(/`[^`\n]*`/g, (code) => code.replaceAll(/[[\]#]/g, ' '));
}

/** Fenced blocks and inline code. */
function codeOf(markdown: string): string[] {
  const fenced = Array.from(markdown.matchAll(/^ *```.*\n([\s\S]*?)^ *```$/gm), ([, text = '']) => text);
  const inline = markdown.replaceAll(/^ *```[\s\S]*?^ *```$/gm, '').matchAll(/`([^`\n]+)`/g);
  return [...fenced, ...Array.from(inline, ([, text = '']) => text)];
}

/** As GitHub makes them: a heading that comes again gets a number. */
function anchorsOf(path: string): Set<string> {
  const seen = new Map<string, number>();
  const markdown = read(path).replaceAll(/^ *```[\s\S]*?^ *```$/gm, '');
  return new Set(
    Array.from(markdown.matchAll(/^#{1,6} (.+)$/gm), ([, title = '']) => {
      const name = anchor(title.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1'));
      const count = seen.get(name) ?? 0;
      seen.set(name, count + 1);
      return count === 0 ? name : `${name}-${count}`;
    }),
  );
}

function brokenLinks(path: string, markdown: string): string[] {
  const targets = Array.from(prose(markdown).matchAll(/\]\(([^)\s]+)\)/g), ([, target = '']) => target);
  return targets.filter((target) => {
    if (/^[a-z]+:/.test(target)) return false;
    const [file = '', heading] = target.split('#');
    const found = file === '' ? path : relative(ROOT, join(ROOT, dirname(path), file));
    if (!existsSync(join(ROOT, found))) return true;
    return heading !== undefined && !(found.endsWith('.md') && anchorsOf(found).has(heading));
  });
}

/** Commands that do not exist, or not with that option. */
function unknownCommands(markdown: string): string[] {
  const call =
    /(?:^|[\s`$(])(?:compactor|npm run (?:--silent |-s )?cli --)((?: --data \S+| --json)*) ([a-z][\w-]*)((?:[^\n|;&`)]|\\\n)*)/g;
  return codeOf(markdown).flatMap((code) =>
    Array.from(code.matchAll(call)).flatMap(([text, , name = '', rest = '']) => {
      const command = PROGRAM.commands.find((each) => each.name() === name);
      if (command === undefined) return [text.trim()];
      const known = [...command.options, ...PROGRAM.options].flatMap(({ short, long }) => [short, long]);
      const used = rest.replaceAll(/'[^']*'|"[^"]*"/g, '').match(/(?<=\s)--?[a-z][\w-]*/g) ?? [];
      return used
        .filter((option) => !known.includes(option) && option !== '--help')
        .map((option) => `${name} ${option}`);
    }),
  );
}

function unknownScripts(markdown: string): string[] {
  const calls = codeOf(markdown).flatMap((code) => Array.from(code.matchAll(/npm run (?:-\S+ )*([\w:-]+)/g)));
  return calls.flatMap(([, script = '']) => (SCRIPTS.includes(script) ? [] : [script]));
}

describe.each(PAGES)('%s', (path) => {
  const markdown = read(path);

  it('has no broken link', () => expect(brokenLinks(path, markdown)).toEqual([]));
  it('names only commands and options that exist', () => expect(unknownCommands(markdown)).toEqual([]));
  it('names only npm scripts that exist', () => expect(unknownScripts(markdown)).toEqual([]));
});

it('leads from its index to every page', () => {
  const index = read('docs/README.md');
  const pages = PAGES.filter(
    (path) => path.startsWith('docs/') && path !== 'docs/README.md' && !path.startsWith('docs/adr/'),
  );
  expect(pages.filter((path) => !index.includes(`](${relative('docs', path)})`))).toEqual([]);
});

it('leads from the index of decisions to every decision', () => {
  const index = read('docs/adr/README.md');
  const decisions = PAGES.filter((path) => /^docs\/adr\/\d/.test(path)).map((path) => relative('docs/adr', path));
  expect(decisions.filter((path) => !index.includes(`](${path})`))).toEqual([]);
});

describe('the checks', () => {
  it('see a broken link, file or heading', () => {
    const page = '[a](protocol.md#states) [b](protocol.md#nowhere) [c](gone.md) `[d](e.md)`\n```sh\n[f](g.md)\n```\n';
    expect(brokenLinks('docs/x.md', page)).toEqual(['protocol.md#nowhere', 'gone.md']);
  });

  it('see a command, option or script that is none', () => {
    const page =
      '`compactor fly pets`\n```sh\ncompactor verify pets --quick --json\nnpm run cli -- start pets | x --y\nnpm run dance\n```\n';
    expect(unknownCommands(page)).toEqual(['verify --quick', 'compactor fly pets']);
    expect(unknownScripts(page)).toEqual(['dance']);
  });
});
