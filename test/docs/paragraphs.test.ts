/** Every Markdown file has one paragraph a line, so that a changed word is a changed line and never a reflowed page. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PAGES = execFileSync('git', ['ls-files', '-z', '*.md'], { cwd: ROOT }).toString().split('\0').filter(Boolean);

/** Headings, items of lists, rows of tables, images, quotes and HTML: each begins on a line of its own. */
const BEGINS = /^\s*([-*+] |\d+\. |#{1,6} |\||!\[|>|<|---$)/;

/** Lines, from 1, that go on with the paragraph of the line before. Fenced code is left out. */
function wrappedLines(markdown: string): number[] {
  const lines = markdown.replaceAll(/^( *`{3,})[\s\S]*?^\1$/gm, (code) => code.replaceAll(/[^\n]/g, '')).split('\n');
  const isProse = (line: string) => line.trim() !== '' && !/^\s*(#{1,6} |\||!\[|<|---$)/.test(line);
  return lines.flatMap((line, index) =>
    isProse(line) && !BEGINS.test(line) && isProse(lines[index - 1] ?? '') ? [index + 1] : [],
  );
}

it.each(PAGES)('%s', (path) => expect(wrappedLines(readFileSync(join(ROOT, path), 'utf8'))).toEqual([]));

it('sees a paragraph and an item that are wrapped, and nothing else', () => {
  const page = [
    ...['# Title', 'One', 'two.', '', '- item', '  goes on', '- item', '', '```', 'code', 'code', '```', ''],
    ...[
      '| a | b |',
      '| --- | --- |',
      'Three.',
      '![a](b)',
      '![c](d)',
      '1. one',
      '2. two',
      '   ```sh',
      'x',
      'y',
      '   ```',
    ],
  ].join('\n');

  expect(wrappedLines(page)).toEqual([3, 6]);
});
