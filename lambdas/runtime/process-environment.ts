/**
 * How the processes of the product keep memory, below 256 MB whatever the size of the snapshot (docs/scale.md has the
 * measurements). Both are read when a process starts, so that whoever starts it sets them: the CDK for each Lambda, the
 * bench for its workers.
 *
 * - glibc: threads share two arenas, and a block from 1 MB on goes back to the system when it is freed; by default each
 *   thread has an arena of its own, and what was freed once may be kept up to 32 MB.
 * - V8: 1 MiB of young objects in each half, in the threads that hash as well, rather than 16.
 */
export const PROCESS_ENVIRONMENT = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '1000000',
  NODE_OPTIONS: '--max-semi-space-size=1',
} as const;
