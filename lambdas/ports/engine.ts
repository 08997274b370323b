/** The engine: a server of vectors that opens a working directory. */
import type { Column } from '../protocol/record-filter.ts';
import type { Waste } from '../protocol/vacuum.ts';
import type { Metadata } from '../snapshot/metadata.ts';
import type { LoggedRequest } from '../snapshot/request-delta.ts';
import type { WorkingDirectory } from './directories.ts';

export type { Column } from '../protocol/record-filter.ts';
export type { Waste } from '../protocol/vacuum.ts';
export type { Metadata, MetadataScalar, MetadataValue } from '../snapshot/metadata.ts';

export interface EngineIdentity {
  /** e.g. `chroma` */
  name: string;
  /** Semantic version that the server binary reports. */
  version: string;
  /** Where the server was found: a path or a package name. */
  source: string;
}

export interface EngineRecord {
  id: string;
  embedding?: number[];
  metadata?: Metadata;
  document?: string;
}

export interface RecordEmbedding {
  id: string;
  /** `null`: the record has none. */
  embedding: readonly number[] | null;
}

/** What can be read from a closed directory without a server. */
export interface DirectoryReport {
  /**
   * Highest applied migration per kind, e.g. `{ sysdb: 10, metadb: 6, embeddings_queue: 2 }`. Empty if there is no
   * database.
   */
  migrations: Record<string, number>;
  /** Number of records of the collection according to the files; 0 if there is no database. */
  records: number;
}

export interface InspectOptions {
  /** Also compare full-text and vector indexes with what they index. Takes time in proportion to the collection. */
  thorough?: boolean;
}

/** The properties of a collection that never change. */
export interface CollectionShape {
  space: Space;
  dimension: number;
  /** The engine's own settings of the collection, as JSON text. Default: the engine's defaults. */
  schema?: string;
}

export interface OpenOptions {
  /** Bytes of operations that the session will be given; none by default. They limit what the engine may write. */
  incomingBytes?: number;
}

export interface Engine {
  /** Paths of files that a server may write to before it is asked to write anything. It only reads all others. */
  readonly writtenAtStart: ReadonlySet<string>;
  identify(): Promise<EngineIdentity>;
  /**
   * Start a server on a directory. @throws DirtyDirectoryError (a journal is present), EngineUnavailableError
   */
  open(directory: WorkingDirectory, options?: OpenOptions): Promise<EngineSession>;
  /**
   * Integrity check and counts on closed files: their structure, or, if `thorough`, all that the engine's own check
   * looks at. @throws DirtyDirectoryError
   */
  inspect(directory: WorkingDirectory, collection: string, options?: InspectOptions): Promise<DirectoryReport>;
  /** What a vacuum would gain, for a closed directory that has been inspected. Cheap. */
  measureWaste(directory: WorkingDirectory, collection: string): Promise<Waste>;
  /**
   * Rewrite the files of a closed, dirty directory so that they hold the same collection and the same records, to the
   * last bit, and nothing else. The directory stays dirty; when this throws, it must be repaired or discarded.
   * @throws DirtyDirectoryError, EngineUnavailableError, EngineRunawayError
   */
  vacuum(directory: WorkingDirectory, collection: string, shape: CollectionShape): Promise<void>;
  /**
   * For a closed directory without records: does it hold nothing, such as metadata or settings of the collection, that
   * opening an empty directory would not create? The directory is dirty afterwards. @throws EngineUnavailableError
   */
  isAsNew(directory: WorkingDirectory, collection: string, shape: CollectionShape): Promise<boolean>;
}

/** Which records a query is limited to, in the engine's own filter language, passed on unchanged. */
export interface RecordFilter {
  /** On metadata, e.g. `{ legs: { $gte: 2 } }`. */
  where?: Record<string, unknown>;
  /** On documents, e.g. `{ $contains: 'cat' }`. */
  whereDocument?: Record<string, unknown>;
  /** Default: documents and metadatas. */
  include?: readonly Column[];
}

/** Records by filter; all records if there is none. */
export interface RecordPage extends RecordFilter {
  /** Only these, from 1 to 1,000, each given once; default: all. Ids that do not exist are left out. */
  ids?: readonly string[];
  /** Limit; default: all. */
  limit?: number;
  /** Number of records to skip. */
  offset?: number;
}

/**
 * One running server on one directory. Methods split their work into batches within the server's limits, and resolve
 * only once it has acknowledged every write. Throws `EngineRejectedDataError` (it blames the data) or
 * `EngineUnavailableError`.
 */
export interface EngineSession {
  /** False once its server is known to have exited, for whatever reason. */
  readonly isRunning: boolean;
  /** Open the collection, creating it in an empty directory. */
  useCollection(name: string, options: CollectionShape): Promise<void>;
  /**
   * The distance by which the collection's index really ranks: its files may say nothing about it, or be outdated.
   * @throws DirtyDirectoryError (it ranks by none of the spaces, or not by the vectors that it has)
   */
  measureSpace(name: string): Promise<Space>;
  count(): Promise<number>;
  /** Which of these ids exist. */
  existing(ids: readonly string[]): Promise<Set<string>>;
  upsert(records: readonly EngineRecord[]): Promise<void>;
  update(records: readonly EngineRecord[]): Promise<void>;
  remove(ids: readonly string[]): Promise<void>;
  /**
   * Send a request of the engine's own API unchanged and undivided. `add` of an existing record does nothing, nor does
   * `update` or `delete` of a missing one. Either all of it is done or, if the engine blames the data, nothing.
   */
  replay(request: LoggedRequest): Promise<void>;
  get(ids: readonly string[]): Promise<EngineRecord[]>;
  /** Pass every record's embedding to `visit`, in batches and in arbitrary order. */
  visitEmbeddings(visit: (batch: readonly RecordEmbedding[]) => void): Promise<void>;
  query(
    embedding: readonly number[],
    limit: number,
    filter?: RecordFilter,
  ): Promise<Array<EngineRecord & { distance: number }>>;
  /** Records by filter, in the engine's order. */
  find(page: RecordPage): Promise<EngineRecord[]>;
  /**
   * Stop the server and wait for its exit: SIGTERM, then SIGKILL (newer servers do not exit on SIGTERM).
   * @throws DirtyDirectoryError, EngineRunawayError (it wrote up to its limit)
   */
  close(): Promise<void>;
}

export const SPACES = ['l2', 'cosine', 'ip'] as const;
export type Space = (typeof SPACES)[number];
