import { defineConfig } from 'vitest/config';

/**
 * The project's parts on parts that nobody here wrote (docs/peers.md). They are installed on first use, from the
 * registries of Python, Go and Rust, so this is no part of `npm test`. Verbose, so that the reason of a skip is seen.
 */
export default defineConfig({
  test: {
    include: ['test/peers/**/*.peer.ts'],
    testTimeout: 180_000,
    hookTimeout: 900_000,
    pool: 'forks',
    maxWorkers: 2,
    reporters: ['verbose'],
  },
});
