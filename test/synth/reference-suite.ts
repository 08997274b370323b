/** docs/reference/ is what `npm run docs` would write. The page on the command line is held by test/docs, which runs it. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { referencePages } from '../../docs/generator/pages.ts';
import { synthesise } from './support.ts';

const pages = referencePages({ Resources: synthesise({ endpoint: true }).resources });

it.each(Object.entries(pages))('docs/reference/%s is up to date: else `npm run docs`', (name, text) => {
  expect(readFileSync(new URL(`../../docs/reference/${name}`, import.meta.url), 'utf8')).toBe(text);
});
