/** docs/reference/cli.md shows what the commands print today, on a local stack with a real Chroma server. */
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { cliPage, playStory } from '../../docs/generator/cli.ts';

it('is up to date: else `npm run docs`', async () => {
  const page = await cliPage(await playStory());

  expect(await readFile(new URL('../../docs/reference/cli.md', import.meta.url), 'utf8')).toBe(page);
});
