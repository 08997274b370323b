import { defineConfig } from 'vitest/config';

/** The packed packages, each in a project of its own: asks the npm registry, so it is no part of `npm test`. */
export default defineConfig({
  test: { include: ['test/package/*.package.ts'], testTimeout: 300_000, hookTimeout: 300_000, pool: 'forks' },
});
