/** docs/reference/api.md is what the package exports today. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { apiPage } from '../../docs/generator/api.ts';

it('is up to date: else `npm run docs -- api`', () => {
  const page = readFileSync(new URL('../../docs/reference/api.md', import.meta.url), 'utf8');

  expect(page).toBe(apiPage());
  expect(page).toContain('#### connect');
});
