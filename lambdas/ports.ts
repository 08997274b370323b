/**
 * What the steps need from the world, and nothing else. Adapters in `adapters/` implement these against S3, DynamoDB,
 * files and the Chroma server; tests and the simulation implement them in memory. Every port has one contract suite
 * under `test/contract/` that runs over all of its adapters.
 */

import type { CompactionCommitted } from './protocol/announcement.ts';
import type { DeltaStatus } from './protocol/ledger.ts';
import type { AcquireRequest, ClaimRequest, Holder, LockItem } from './protocol/lock.ts';
import type { Metric } from './protocol/metrics.ts';
import type { DirectoryDigests, FileDigests } from './snapshot/blocks.ts';
import type { Run } from './snapshot/changes.ts';

// ---- object store -----------------------------------------------------------------------------------------------

/** Bytes `start` (inclusive) to `end` (exclusive). */
export interface ByteRange {
  start: number;
  end: number;
}

export interface ObjectInfo {
  key: string;
  size: number;
  /** Opaque: compare, never parse. */
  etag: string;
  /** Milliseconds since the epoch, by the store's clock. */
  lastModified: number;
  /** Hex SHA-256 of the whole object, where the store keeps one. */
  sha256?: string;
}

export interface StoredObject extends ObjectInfo {
  /** The whole object, or the requested range of it (`size` is always the whole object's): the caller's own. */
  body: Uint8Array;
}

/**
 * A body of known size that can be read from the start as often as a retry needs. A chunk is good until the next one is
 * asked for.
 */
export interface StreamBody {
  size: number;
  stream(): AsyncIterable<Uint8Array>;
}
export type Body = Uint8Array | StreamBody;

/**
 * An object store with atomic conditional writes and read-after-write consistency.
 *
 * Every method throws `StoreUnavailableError` when the store does not answer or answers 5xx; after a write that means
 * that the outcome is unknown. Writes are sent exactly once: callers retry, because only they know what a 412 after a
 * lost response means.
 */
export interface ObjectStore {
  /** For people and logs: `s3://bucket/prefix` or `file:///dir`. */
  readonly url: string;
  /** @throws ObjectNotFoundError, PreconditionFailedError (the ETag is not `ifMatch`) */
  get(key: string, options?: { range?: ByteRange; ifMatch?: string }): Promise<StoredObject>;
  /** @throws ObjectNotFoundError */
  head(key: string): Promise<ObjectInfo>;
  /** All objects whose key starts with `prefix`, in key order (UTF-8), page by page. `startAfter` is exclusive. */
  list(prefix: string, options?: { startAfter?: string; pageSize?: number }): AsyncIterable<ObjectInfo[]>;
  /**
   * Create-only write (`If-None-Match: *`). With `sha256` (hex) the store verifies the bytes where it can.
   * @throws PreconditionFailedError (the key exists), ConditionalRequestConflictError
   */
  putIfAbsent(key: string, body: Body, options?: { sha256?: string }): Promise<{ etag: string }>;
  /** Compare-and-swap. @throws PreconditionFailedError, ConditionalRequestConflictError, ObjectNotFoundError */
  putIfMatch(key: string, body: Uint8Array, etag: string): Promise<{ etag: string }>;
  /**
   * Delete what was read; an absent key is success.
   * @throws PreconditionFailedError (other content), ConditionalRequestConflictError
   */
  deleteIfMatch(key: string, etag: string): Promise<void>;
  /** Delete unconditionally; an absent key is success. Only for garbage collection and proven orphans. */
  delete(key: string): Promise<void>;
}

// ---- table ------------------------------------------------------------------------------------------------------

/**
 * The `LOCK` item of each collection. Every method is one conditional update whose meaning is the pure function of the
 * same name in `protocol/lock.ts`; a retry that meets its own success is a success.
 * All methods throw `TableUnavailableError` when the outcome is unknown.
 */
export interface LockTable {
  /** Consistent read. */
  readLock(collection: string): Promise<LockItem | undefined>;
  /** One attempt, no waiting. @throws LockHeldError */
  acquireLock(collection: string, request: AcquireRequest): Promise<{ token: number }>;
  /** `undefined`: it was not held by this holder (any more). */
  releaseLock(collection: string, holder: Holder): Promise<{ acquiredAt: number } | undefined>;
  takeClaim(collection: string, request: ClaimRequest): Promise<{ token: number } | 'lock-lost' | 'claimed'>;
  renewClaim(collection: string, holder: Holder, now: number, durationMs: number): Promise<boolean>;
  /** False: there is no live claim to wake. */
  wakeClaimant(collection: string, now: number): Promise<boolean>;
  /** With `wake`: only if it is unchanged. False: refused, for whatever reason. */
  releaseClaim(collection: string, holder: Holder, wake?: number): Promise<boolean>;
}

/** The `DELTA#<id>` items: what producers wait on, and the guard against late duplicates. */
export interface StatusTable {
  /** Name that pointers carry, so that two stacks on one store notice each other. */
  readonly tableName: string;
  /** Consistent reads; ids without a status are absent from the map. */
  getStatuses(collection: string, deltaIds: readonly string[]): Promise<Map<string, DeltaStatus>>;
  /** Create-only; an equal status is success. @throws StatusConflictError (another one is there) */
  putStatus(collection: string, deltaId: string, status: DeltaStatus): Promise<void>;
}

// ---- engine -----------------------------------------------------------------------------------------------------

export interface EngineIdentity {
  /** e.g. `chroma` */
  name: string;
  /** Semantic version that the server binary reports. */
  version: string;
  /** Where it was found: a path or a package name. */
  source: string;
}

export type MetadataValue = string | number | boolean;
export type Metadata = Record<string, MetadataValue | null>;

export interface EngineRecord {
  id: string;
  embedding?: number[];
  metadata?: Metadata;
  document?: string;
}

/** What can be read off a closed directory without a server. */
export interface DirectoryReport {
  /** Highest applied migration per kind, e.g. `{ sysdb: 10, metadb: 6, embeddings_queue: 2 }`. Empty for no database. */
  migrations: Record<string, number>;
  /** Records of the collection by the files; 0 for no database. */
  records: number;
}

export interface InspectOptions {
  /** Compare indexes with what they index, too. Its time grows with the text in the collection. */
  thorough?: boolean;
}

export interface Engine {
  /** Paths of files that a server may write to before it is asked to write anything. It only reads all others. */
  readonly writtenAtStart: ReadonlySet<string>;
  identify(): Promise<EngineIdentity>;
  /**
   * Start a server on a directory. @throws DirtyDirectoryError (a journal is present), EngineUnavailableError
   */
  open(directory: WorkingDirectory): Promise<EngineSession>;
  /**
   * Integrity check and counts on closed files: their structure, or, if `thorough`, all that the engine's own check
   * looks at. @throws DirtyDirectoryError
   */
  inspect(directory: WorkingDirectory, collection: string, options?: InspectOptions): Promise<DirectoryReport>;
}

/**
 * One running server on one directory. Methods resolve only once the server has acknowledged every write, and split
 * into batches within its limits. Throws `EngineRejectedDataError` (it blames the data) or `EngineUnavailableError`.
 */
export interface EngineSession {
  /** Open the collection, creating it in an empty directory. */
  useCollection(name: string, options: { space: Space; dimension: number }): Promise<void>;
  count(): Promise<number>;
  /** Which of these ids exist. */
  existing(ids: readonly string[]): Promise<Set<string>>;
  upsert(records: readonly EngineRecord[]): Promise<void>;
  update(records: readonly EngineRecord[]): Promise<void>;
  remove(ids: readonly string[]): Promise<void>;
  get(ids: readonly string[]): Promise<EngineRecord[]>;
  query(embedding: readonly number[], limit: number): Promise<Array<EngineRecord & { distance: number }>>;
  /** Stop the server and wait for its exit: SIGTERM, then SIGKILL (newer servers do not exit on SIGTERM). */
  close(): Promise<void>;
}

export const SPACES = ['l2', 'cosine', 'ip'] as const;
export type Space = (typeof SPACES)[number];

// ---- frames -----------------------------------------------------------------------------------------------------

/**
 * Compression, away from whoever asks. What it gives is what `snapshot/frames.ts` gives, byte for byte, and the caller's
 * own: it may `release` it.
 */
export interface FrameCodec {
  /** Nobody changes `raw` meanwhile. */
  compress(raw: Uint8Array): Promise<Uint8Array>;
  /** Rejects if it is not the stored form of `rawLength` bytes. */
  decompress(stored: Uint8Array, rawLength: number): Promise<Uint8Array>;
}

// ---- working directories ----------------------------------------------------------------------------------------

/** Largest piece of a range that a working directory hands out, in bytes: a whole number of blocks. */
export const MAX_PIECE = 256 * 1024;

/** Bytes and where in their file they belong. */
export interface PlacedBytes {
  offset: number;
  bytes: Uint8Array;
}

/** Names the manifest whose content the directory holds exactly. */
export interface CleanMarker {
  manifestKey: string;
  manifestSha256: string;
}

/**
 * A directory for one collection, owned by one invocation until released. Paths are relative, `/`-separated and
 * already validated. It is reusable only with its marker, which is removed durably before any write or engine start.
 */
export interface WorkingDirectory {
  /** Absolute path, for an engine that needs one. */
  readonly path: string;
  readMarker(): Promise<CleanMarker | undefined>;
  /** Durable: everything written before is flushed first. */
  markClean(marker: CleanMarker): Promise<void>;
  /** Durable before it resolves. Idempotent. */
  markDirty(): Promise<void>;
  /** Block digests kept beside the directory; `undefined` when absent or damaged. */
  readDigests(): Promise<DirectoryDigests | undefined>;
  writeDigests(digests: DirectoryDigests): Promise<void>;
  /**
   * Paths of files that provably nobody has touched since this owner took the marker away: their content is still what
   * the digests say. Another file may be unchanged all the same; empty without proof. An engine may have run meanwhile.
   */
  untouched(): Promise<Set<string>>;
  /** Regular files with their sizes, in path order. */
  list(): Promise<Array<{ path: string; size: number }>>;
  /** Digests of the file as it is now. */
  digest(path: string): Promise<FileDigests>;
  /** The file's content in order, in chunks whose sizes are multiples of 4 KiB except the last. */
  read(path: string): AsyncIterable<Uint8Array>;
  /** Exactly `length` bytes at `offset`. */
  readAt(path: string, offset: number, length: number): Promise<Uint8Array>;
  /**
   * Exactly these ranges, in the order given, each in pieces of `MAX_PIECE` bytes and a rest. A piece is good until the
   * next one is asked for.
   */
  readRuns(path: string, runs: readonly Run[]): AsyncIterable<PlacedBytes>;
  /** Write at an offset, creating file and folders as needed. */
  writeAt(path: string, offset: number, bytes: Uint8Array): Promise<void>;
  /** The same for many offsets at once. */
  writeEach(path: string, pieces: readonly PlacedBytes[]): Promise<void>;
  /** Set the exact size, creating file and folders as needed. */
  resize(path: string, size: number): Promise<void>;
  remove(path: string): Promise<void>;
  /** Remove everything, marker and digests included. */
  clear(): Promise<void>;
  /** Give up ownership. */
  release(): Promise<void>;
}

export interface WorkingDirectories {
  /**
   * A directory that nobody else owns, preferably one that holds the collection already. Directories that nobody uses
   * go, the least recently used first, until `bytes` fit into this one, with what it has already. @throws DiskFullError
   */
  claim(collection: string, bytes?: number): Promise<WorkingDirectory>;
  /**
   * A copy of a clean directory for an engine to open: without marker and digests, so that it is never patched, and gone
   * when it is released. Copy-on-write where the file system can. @throws DirtyDirectoryError (the source is not clean)
   */
  replicate(collection: string, source: WorkingDirectory): Promise<WorkingDirectory>;
}

// ---- cache ------------------------------------------------------------------------------------------------------

/**
 * The EFS cache: immutable objects by their store key, and staging for commits in the making. A cache may forget
 * anything at any time; ENOENT, ESTALE and short reads are misses. Nothing read from it is trusted unverified.
 */
export interface Cache {
  /** The caller's own bytes; `undefined`: a miss. */
  read(key: string, range?: ByteRange): Promise<Uint8Array | undefined>;
  /** Drop a damaged object, so that the store's copy is used. Idempotent. */
  evict(key: string): Promise<void>;
  /** Start staging for a commit. @throws CacheUnwritableError */
  stage(collection: string, commitId: string): Promise<Staging>;
  /** @throws StagingLostError */
  openStaged(collection: string, commitId: string, name: string): Promise<StreamBody>;
  /** Move a staged file to its place in the cache, without a copy. An existing target is success. */
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
  /** Unreachable objects that were written longer ago go. */
  olderThanMs: number;
  /** Staging whose last write is longer ago goes, sealed or not. */
  stagingOlderThanMs: number;
  /** Milliseconds since the epoch. */
  now: number;
}

export interface PruneResult {
  objects: number;
  /** Commits. */
  staging: number;
  bytes: number;
}

/** Staged files become visible together, and durable, at `seal`. */
export interface Staging {
  append(name: string, bytes: Uint8Array): Promise<void>;
  seal(): Promise<void>;
  /** Give up: nothing stays behind. */
  abandon(): Promise<void>;
}

// ---- the rest ---------------------------------------------------------------------------------------------------

export interface Clock {
  /** Wall clock in milliseconds since the epoch: a hint for liveness, never for safety. */
  now(): number;
  /** Milliseconds that never run backwards, for elapsed times. */
  monotonic(): number;
  sleep(ms: number): Promise<void>;
  /** Run `task` every `ms` until the returned function is called; a failing task is reported, not thrown. */
  every(ms: number, task: () => Promise<void>): () => void;
}

export interface Ids {
  /** A new ULID. */
  commitId(): string;
  /** Uniform in [0, 1), for jitter. */
  random(): number;
}

export type ExecutionStatus = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED' | 'PENDING_REDRIVE';

/** Every method throws `ExecutionsUnavailableError` when Step Functions does not answer. */
export interface Executions {
  /** Start a named compaction execution; `exists` when the name was used before. */
  start(name: string, input: { collection: string }): Promise<'started' | 'exists'>;
  /** `undefined`: no such execution. */
  status(executionArn: string): Promise<ExecutionStatus | undefined>;
}

/** An announcement that was not taken, and why. */
export interface Refusal {
  announcement: CompactionCommitted;
  reason: string;
}

/** Publishes events of commits. Delivery may repeat and reorder them; they name versions for that. */
export interface Announcer {
  /**
   * One attempt. Returns the ones that were refused, to be tried again.
   * @throws AnnouncerUnavailableError (whether any was taken is unknown)
   */
  announce(announcements: readonly CompactionCommitted[]): Promise<Refusal[]>;
}

export interface Telemetry {
  /** `phase` is `validation` or `swap` for the lock, and the step's name elsewhere. */
  metric(metric: Metric, value: number, dimensions: { collection: string; phase?: string }): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
}

/** Settings that steps need; parsed once by `runtime/config.ts`. Durations in milliseconds where no unit is named. */
export interface Settings {
  lockDurationMs: number;
  claimDurationMs: number;
  heartbeatIntervalMs: number;
  maxDeltasPerCommit: number;
  maxBytesPerCommit: number;
  /** Garbage collection keeps so many of the newest versions, the current one included, ... */
  retainVersions: number;
  /** ... and all versions that were sealed at most so many days ago. */
  retainDays: number;
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
