/** The engine: a server of vectors that opens a working directory. */
import type { WorkingDirectory } from './directories.ts';

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
