import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Far more than anything takes: the machine may have other things to do, and only a hang should end here.
    testTimeout: 900_000,
    hookTimeout: 900_000,
    expect: { poll: { timeout: 600_000 } },
    globalSetup: 'test/support/temporary-directory.ts',
    pool: 'forks',
    maxWorkers: 2,
  },
});
