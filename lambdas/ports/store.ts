/** The object store: where snapshots, deltas and reports lie, and the pointer. */

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
  /**
   * The whole object, or the requested range of it (`size` is always that of the whole object). The bytes belong to the
   * caller.
   */
  body: Uint8Array;
}

/**
 * A body of known size that can be read from the start as often as retries need. A chunk is valid until the next one is
 * requested.
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
  /** List all objects whose key starts with `prefix`, in key order (UTF-8), page by page. `startAfter` is exclusive. */
  list(prefix: string, options?: { startAfter?: string; pageSize?: number }): AsyncIterable<ObjectInfo[]>;
  /**
   * Create-only write (`If-None-Match: *`). With `sha256` (hex) the store verifies the bytes where it can.
   * @throws PreconditionFailedError (the key exists), ConditionalRequestConflictError
   */
  putIfAbsent(key: string, body: Body, options?: { sha256?: string }): Promise<{ etag: string }>;
  /** Compare-and-swap. @throws PreconditionFailedError, ConditionalRequestConflictError, ObjectNotFoundError */
  putIfMatch(key: string, body: Uint8Array, etag: string): Promise<{ etag: string }>;
  /**
   * Delete exactly what was read; an absent key is success.
   * @throws PreconditionFailedError (other content), ConditionalRequestConflictError
   */
  deleteIfMatch(key: string, etag: string): Promise<void>;
  /** Delete unconditionally; an absent key is success. Only for garbage collection and proven orphans. */
  delete(key: string): Promise<void>;
}
