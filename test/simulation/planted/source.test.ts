/** Bugs of the source can be planted: the text that each replaces is there, once. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { changeSource } from './source.ts';
import { SOURCE_BUGS } from './source-bugs.ts';

it.each(Object.entries(SOURCE_BUGS))('%s', (_name, { change }) => {
  const source = readFileSync(new URL(`../../../${change.file}`, import.meta.url), 'utf8');

  const planted = changeSource(source, change);

  expect(planted).not.toBe(source);
});
