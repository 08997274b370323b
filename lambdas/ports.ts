/**
 * Everything that the steps need from the outside. Adapters in `adapters/` implement these ports against S3, DynamoDB,
 * files and the Chroma server; tests and the simulation implement them in memory. Every port has one contract suite
 * under `test/contract/` that runs over all of its adapters.
 */
import type { Cache } from './ports/cache.ts';
import type { WorkingDirectories } from './ports/directories.ts';
import type { Engine } from './ports/engine.ts';
import type { ObjectStore } from './ports/store.ts';
import type { Announcer, Clock, Executions, FrameCodec, Ids, Telemetry } from './ports/surroundings.ts';
import type { LockTable, StatusTable } from './ports/table.ts';
import type { RewriteScale } from './snapshot/rewrite.ts';

export * from './ports/api.ts';
export * from './ports/cache.ts';
export * from './ports/directories.ts';
export * from './ports/engine.ts';
export * from './ports/store.ts';
export * from './ports/surroundings.ts';
export * from './ports/table.ts';

/** Settings that steps need; parsed once by `runtime/config.ts`. Durations in milliseconds where no unit is named. */
export interface Settings {
  lockDurationMs: number;
  claimDurationMs: number;
  heartbeatIntervalMs: number;
  maxDeltasPerCommit: number;
  maxBytesPerCommit: number;
  /** How many of the newest versions garbage collection keeps, including the current one, ... */
  retainVersions: number;
  /** ... and all versions replaced within this many days. */
  retainDays: number;
  /** Only tests and the simulation set it, so that small snapshots are defragmented, too. */
  scale?: RewriteScale;
}

/** Everything a step may touch. */
export interface Ports {
  store: ObjectStore;
  locks: LockTable;
  statuses: StatusTable;
  engine: Engine;
  directories: WorkingDirectories;
  cache: Cache;
  codec: FrameCodec;
  clock: Clock;
  ids: Ids;
  executions: Executions;
  announcer: Announcer;
  telemetry: Telemetry;
  settings: Settings;
}
