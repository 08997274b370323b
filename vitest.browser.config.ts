import { defineConfig } from 'vitest/config';

/** Tests in a real browser, apart from the others: `npm test` must not need one. */
export default defineConfig({
  test: {
    include: ['test/browser/**/*.browser.ts'],
    // Far more than anything takes: the machine may have other things to do, and only a hang should end here.
    testTimeout: 900_000,
    hookTimeout: 900_000,
    pool: 'forks',
    maxWorkers: 1,
  },
});
