import { defineConfig } from 'vitest/config';

/**
 * What is quick to ask while one writes: no server, no Chroma, no process of its own. Files share their thread, which halves
 * the time, so none of them may leave anything behind in a module.
 */
export default defineConfig({
  test: {
    include: [
      'test/unit/**/*.test.ts',
      'test/property/**/*.test.ts',
      'test/docs/**/*.test.ts',
      // The contracts of the ports, on memory and on files.
      'test/contract/{cache,disk-errors,engine-model,frame-codec,full-disk,power-cut,replicate,working-directory}*.test.ts',
    ],
    // Far more than anything takes: the machine may have other things to do, and only a hang should end here.
    testTimeout: 900_000,
    expect: { poll: { timeout: 600_000 } },
    globalSetup: 'test/support/temporary-directory.ts',
    pool: 'threads',
    isolate: false,
    maxWorkers: 2,
  },
});
