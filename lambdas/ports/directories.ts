/** Working directories: local files for an engine to work on. */
import type { DirectoryDigests, FileDigests } from '../snapshot/blocks.ts';
import type { Run } from '../snapshot/changes.ts';

/** Largest piece of a range that a working directory yields, in bytes: a multiple of the block size. */
export const MAX_PIECE = 256 * 1024;

/** Bytes, and their offset in the file. */
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
   * Paths of files that provably have not been touched since this owner removed the marker, even if an engine has run:
   * their content still matches the digests. Other files may be unchanged, too. Empty if nothing can be proven.
   */
  untouched(): Promise<Set<string>>;
  /** Regular files with their sizes, in path order. */
  list(): Promise<Array<{ path: string; size: number }>>;
  /** Digests of the file as it is now. @throws DirtyDirectoryError (it does not exist, or shrank meanwhile) */
  digest(path: string): Promise<FileDigests>;
  /** The file's content in order, in chunks whose sizes are multiples of 4 KiB except the last. */
  read(path: string): AsyncIterable<Uint8Array>;
  /** Exactly `length` bytes at `offset`. */
  readAt(path: string, offset: number, length: number): Promise<Uint8Array>;
  /**
   * Exactly these ranges, in the given order, each in pieces of `MAX_PIECE` bytes and a rest. A piece is valid until
   * the next one is requested.
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
   * A directory without another owner, preferably one that already holds the collection. Unused directories are
   * removed, the least recently used first, until `bytes` fit into this one, including what it already has. @throws
   * DiskFullError
   */
  claim(collection: string, bytes?: number): Promise<WorkingDirectory>;
  /**
   * A copy of a clean directory for an engine to open: without marker and digests, so that it is never patched, and
   * removed on release. Copy-on-write where the file system supports it. @throws DirtyDirectoryError (the source is not
   * clean)
   */
  replicate(collection: string, source: WorkingDirectory): Promise<WorkingDirectory>;
}
