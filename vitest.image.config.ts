import { defineConfig } from 'vitest/config';

/** The image of MergeDeltas on Debian 13: needs root, a Debian mirror and npm's registry, so it is no part of `npm test`. */
export default defineConfig({
  test: {
    include: ['test/image/*.image.ts'],
    testTimeout: 180_000,
    hookTimeout: 1_200_000,
    pool: 'forks',
    maxWorkers: 1,
  },
});
