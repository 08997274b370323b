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
  /** Where it was found: a path or a package name. */
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

/** What can be read off a closed directory without a server. */
export interface DirectoryReport {
  /** Highest applied migration per kind, e.g. `{ sysdb: 10, metadb: 6, embeddings_queue: 2 }`. Empty for no database. */
  migrations: Record<string, number>;
  /** Records of the collection by the files; 0 for no database. */
  records: number;
}

export interface InspectOptions {
  /** Compare indexes, of text and of vectors, with what they index, too. Its time grows with the collection. */
  thorough?: boolean;
}

/** What of a collection never changes. */
export interface CollectionShape {
  space: Space;
  dimension: number;
  /** The engine's own settings of the collection, as JSON text; its defaults without. */
  schema?: string;
}

export interface OpenOptions {
  /** Bytes of operations that the session will be given; none by default. They bound what the engine may write. */
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
  /** What a vacuum could win, of a closed directory that was inspected. Cheap. */
  measureWaste(directory: WorkingDirectory, collection: string): Promise<Waste>;
  /**
   * Rewrite the files of a closed, dirty directory, with the same collection and the same records to the last bit, and
   * without anything else. The directory stays dirty; when this throws, it is of no more use.
   * @throws DirtyDirectoryError, EngineUnavailableError, EngineRunawayError
   */
  vacuum(directory: WorkingDirectory, collection: string, shape: CollectionShape): Promise<void>;
  /**
   * Of a closed directory without records: is there nothing in it, such as metadata or settings of the collection, that
   * opening an empty directory would not make? The directory is dirty afterwards. @throws EngineUnavailableError
   */
  isAsNew(directory: WorkingDirectory, collection: string, shape: CollectionShape): Promise<boolean>;
}

/** What a question is limited to. The engine's own language, passed on as it is. */
export interface RecordFilter {
  /** On metadata, e.g. `{ legs: { $gte: 2 } }`. */
  where?: Record<string, unknown>;
  /** On documents, e.g. `{ $contains: 'cat' }`. */
  whereDocument?: Record<string, unknown>;
  /** Default: documents and metadatas. */
  include?: readonly Column[];
}

/** Records by filter: all, without any. */
export interface RecordPage extends RecordFilter {
  /** Limit; default: all. */
  limit?: number;
  /** How many are skipped first. */
  offset?: number;
}

/**
 * One running server on one directory. Methods resolve only once the server has acknowledged every write, and split
 * into batches within its limits. Throws `EngineRejectedDataError` (it blames the data) or `EngineUnavailableError`.
 */
export interface EngineSession {
  /** False from the moment on in which its server is known to have ended, whatever ended it. */
  readonly isRunning: boolean;
  /** Open the collection, creating it in an empty directory. */
  useCollection(name: string, options: CollectionShape): Promise<void>;
  /**
   * The distance by which the collection's index really ranks: what its files say of it may be nothing, or outdated.
   * @throws DirtyDirectoryError (by none of the spaces, or not by the vectors that it has)
   */
  measureSpace(name: string): Promise<Space>;
  count(): Promise<number>;
  /** Which of these ids exist. */
  existing(ids: readonly string[]): Promise<Set<string>>;
  upsert(records: readonly EngineRecord[]): Promise<void>;
  update(records: readonly EngineRecord[]): Promise<void>;
  remove(ids: readonly string[]): Promise<void>;
  /**
   * Send a request of the engine's own API as it is, in one piece: `add` of a record that is there does nothing, nor does
   * `update` or `delete` of one that is not. All of it is done, or, if the engine blames the data, nothing.
   */
  replay(request: LoggedRequest): Promise<void>;
  get(ids: readonly string[]): Promise<EngineRecord[]>;
  /** Show every record's embedding to `visit`, in batches and in no order that means anything. */
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
