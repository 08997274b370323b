/** The cache that the functions share, and the staging of commits in it. */
import type { ByteRange, StreamBody } from './store.ts';

/**
 * The EFS cache: immutable objects by their store key, and staging for commits in the making. A cache may forget
 * anything at any time; ENOENT, ESTALE and short reads are misses. Nothing read from it is trusted unverified.
 */
export interface Cache {
  /** The bytes belong to the caller; `undefined`: a miss. */
  read(key: string, range?: ByteRange): Promise<Uint8Array | undefined>;
  /** Drop a damaged object, so that the store's copy is used. Idempotent. */
  evict(key: string): Promise<void>;
  /** Start staging for a commit. @throws CacheUnwritableError */
  stage(collection: string, commitId: string): Promise<Staging>;
  /** @throws StagingLostError */
  openStaged(collection: string, commitId: string, name: string): Promise<StreamBody>;
  /** Move a staged file to its place in the cache, without copying. An existing target is success. */
  adopt(collection: string, commitId: string, name: string, key: string): Promise<void>;
  /** Drop what is staged for a commit. Idempotent. */
  discardStaged(collection: string, commitId: string): Promise<void>;
  /** Total bytes written to the cache by this process, for metrics. */
  bytesWritten(): number;
  /** Drop objects that are unreachable and old, and old staging. @throws CacheUnwritableError */
  prune(options: PruneOptions): Promise<PruneResult>;
}

export interface PruneOptions {
  /** Is this key reachable from a snapshot in use? */
  keep: (key: string) => boolean;
  /** Age from which unreachable objects are removed. */
  olderThanMs: number;
  /** Time since its last write from which staging is removed, sealed or not. */
  stagingOlderThanMs: number;
  /** Milliseconds since the epoch. */
  now: number;
}

export interface PruneResult {
  objects: number;
  /** Number of commits whose staging was removed. */
  staging: number;
  bytes: number;
}

/** Staged files become visible together, and durable, at `seal`. */
export interface Staging {
  append(name: string, bytes: Uint8Array): Promise<void>;
  seal(): Promise<void>;
  /** Discard the staging; nothing is left behind. */
  abandon(): Promise<void>;
}
