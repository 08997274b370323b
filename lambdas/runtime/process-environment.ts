/**
 * Settings that keep the memory of the product's processes below 256 MB whatever the size of the snapshot
 * (docs/scale.md has the measurements). Both are read when a process starts, so they are set by its parent: the CDK for
 * each Lambda, the bench for its workers.
 *
 * - glibc: threads share two arenas, and blocks of 1 MB or more are returned to the system when freed; by default each
 *   thread has its own arena, and freed blocks of up to 32 MB may be kept.
 * - V8: semi-spaces of 1 MiB instead of 16, also in the hashing threads.
 */
export const PROCESS_ENVIRONMENT = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '1000000',
  NODE_OPTIONS: '--max-semi-space-size=1',
} as const;
