import { defineConfig } from 'vitest/config';

/** Tests in a real browser, apart from the others: `npm test` must not need one. */
export default defineConfig({
  test: {
    include: ['test/browser/**/*.browser.ts'],
    testTimeout: 120_000,
    hookTimeout: 180_000,
    pool: 'forks',
    maxWorkers: 1,
  },
});
