/**
 * Every error that a step can throw. The literal `name` is the wire name: AWS Lambda reports it as `errorType`, and
 * the state machines match it in `ErrorEquals`, so it must survive minification and never change by accident.
 * Each message says what happened, to what, and what to do next.
 */
export abstract class CompactorError extends Error {
  abstract override readonly name: string;
}

/** Input that no retry can fix: a bad collection name, delta id or configuration value. */
export class InvalidInputError extends CompactorError {
  override readonly name = 'InvalidInputError';
}

/** A configuration value is missing or contradicts another one; thrown at start, before any work. */
export class ConfigurationError extends CompactorError {
  override readonly name = 'ConfigurationError';
}

// ---- lock and claim ---------------------------------------------------------------------------------------------

/** Another execution holds the lock. The state machine retries with backoff and full jitter. */
export class LockHeldError extends CompactorError {
  override readonly name = 'LockHeldError';
  readonly owner: string;
  readonly expiresAt: number;
  constructor(collection: string, owner: string, expiresAt: number) {
    super(`The lock of collection "${collection}" is held by ${owner}; it expires at ${iso(expiresAt)}. Retry later.`);
    this.owner = owner;
    this.expiresAt = expiresAt;
  }
}

/** This execution no longer holds the lock that it acquired (it expired, or the item was deleted). */
export class LockLostError extends CompactorError {
  override readonly name = 'LockLostError';
}

// ---- swap -------------------------------------------------------------------------------------------------------

/** The pointer is no longer the one that was planned for. The execution rebases: it plans again from the new base. */
export class PointerMovedError extends CompactorError {
  override readonly name = 'PointerMovedError';
}

/** It is unknown whether the swap landed. Nothing may be discarded; planning again resolves it. */
export class SwapUnknownError extends CompactorError {
  override readonly name = 'SwapUnknownError';
}

/** Too many rebases in one execution: contention, or a foreign writer that moves the pointer. */
export class RebaseLimitError extends CompactorError {
  override readonly name = 'RebaseLimitError';
}

// ---- store ------------------------------------------------------------------------------------------------------

/** No object under that key (404). */
export class ObjectNotFoundError extends CompactorError {
  override readonly name = 'ObjectNotFoundError';
  readonly key: string;
  constructor(key: string, options?: ErrorOptions) {
    super(`No object at "${key}".`, options);
    this.key = key;
  }
}

/** The condition of a write failed (412). Our own earlier attempt may be the cause: read before concluding anything. */
export class PreconditionFailedError extends CompactorError {
  override readonly name = 'PreconditionFailedError';
  readonly key: string;
  constructor(key: string, options?: ErrorOptions) {
    super(`The condition on "${key}" no longer holds: it was created, changed or deleted by another write.`, options);
    this.key = key;
  }
}

/** A racing conditional write on the same key (409 `ConditionalRequestConflict`): read again and retry. */
export class ConditionalRequestConflictError extends CompactorError {
  override readonly name = 'ConditionalRequestConflictError';
  readonly key: string;
  constructor(key: string, options?: ErrorOptions) {
    super(`A racing write on "${key}" was in progress. Read it again and retry.`, options);
    this.key = key;
  }
}

/** The store did not answer, or answered 5xx or throttled: for a write, the outcome is unknown. */
export class StoreUnavailableError extends CompactorError {
  override readonly name = 'StoreUnavailableError';
}

/** The table did not answer, or throttled: for a write, the outcome is unknown. */
export class TableUnavailableError extends CompactorError {
  override readonly name = 'TableUnavailableError';
}

/** Step Functions did not answer, or throttled the call that starts or looks up an execution. */
export class ExecutionsUnavailableError extends CompactorError {
  override readonly name = 'ExecutionsUnavailableError';
}

/** Secrets Manager did not return an endpoint's token, so nobody can be authenticated. */
export class SecretUnavailableError extends CompactorError {
  override readonly name = 'SecretUnavailableError';
}

/** The event bus did not answer, or refused the call; an event may have been accepted. Never ends a step. */
export class AnnouncerUnavailableError extends CompactorError {
  override readonly name = 'AnnouncerUnavailableError';
}

/** The store ignores conditional writes, or does not implement them: nothing would be safe on it. */
export class UnsafeStoreError extends CompactorError {
  override readonly name = 'UnsafeStoreError';
}

/** A create-only key already holds content that differs from ours: two writers used one key. Never retried. */
export class KeyCollisionError extends CompactorError {
  override readonly name = 'KeyCollisionError';
}

/** An object's bytes are not what its digest or its format says: pointer, manifest, pack, frame or cached file. */
export class CorruptObjectError extends CompactorError {
  override readonly name = 'CorruptObjectError';
}

// ---- collection -------------------------------------------------------------------------------------------------

/** The collection was never created. Collections are only created explicitly (`compactor create`). */
export class CollectionNotFoundError extends CompactorError {
  override readonly name = 'CollectionNotFoundError';
}

/** The collection has snapshots but no pointer: fail closed, never start from empty. */
export class PointerMissingError extends CompactorError {
  override readonly name = 'PointerMissingError';
}

/** `compactor create` on a collection that exists with another dimension or space. */
export class CollectionExistsError extends CompactorError {
  override readonly name = 'CollectionExistsError';
}

/** The pointer names another status table, by name or identity: two stacks were pointed at one store. */
export class ForeignStoreError extends CompactorError {
  override readonly name = 'ForeignStoreError';
}

/** A status that is already written disagrees with the one to write: an invariant is broken. */
export class StatusConflictError extends CompactorError {
  override readonly name = 'StatusConflictError';
}

/** A predicate of `protocol/invariants.ts` does not hold; nothing was swapped. */
export class InvariantViolatedError extends CompactorError {
  override readonly name = 'InvariantViolatedError';
}

/** A scheduled task over several collections failed for those named; it completed for all others. */
export class CollectionsFailedError extends CompactorError {
  override readonly name = 'CollectionsFailedError';
}

// ---- deltas -----------------------------------------------------------------------------------------------------

/** The id was already used for other content. Recorded as a rejection, never thrown by a step. */
export class DeltaIdReusedError extends CompactorError {
  override readonly name = 'DeltaIdReusedError';
}

/** A listed delta changed or vanished before it was read: plan again. */
export class InboxChangedError extends CompactorError {
  override readonly name = 'InboxChangedError';
}

// ---- merge ------------------------------------------------------------------------------------------------------

/** A line that the engine refuses on its own. */
export interface RefusedLine {
  deltaId: string;
  line: number;
  id: string;
  /** Written for the producer. */
  reason: string;
  /**
   * ETag of the object with the line, if the line is remembered for longer than the object is known to be unchanged.
   */
  etag?: string;
}

/** The Chroma server refused the data itself (4xx). The offending lines are searched for, or the batch is reduced. */
export class EngineRejectedDataError extends CompactorError {
  override readonly name = 'EngineRejectedDataError';
  /** What the server said, worded for the producer of the data. */
  readonly reason: string;
  /** The offending lines, if they were searched for and found. */
  readonly refused: readonly RefusedLine[];

  constructor(
    message: string,
    {
      reason = message,
      refused = [],
      ...options
    }: ErrorOptions & { reason?: string; refused?: readonly RefusedLine[] } = {},
  ) {
    super(message, options);
    this.reason = reason;
    this.refused = refused;
  }
}

/** The Chroma server did not start, died, timed out or answered 5xx; no data is blamed. */
export class EngineUnavailableError extends CompactorError {
  override readonly name = 'EngineUnavailableError';
}

/** The Chroma server wrote a file up to its limit, and would not stop by itself. Never retried. */
export class EngineRunawayError extends CompactorError {
  override readonly name = 'EngineRunawayError';
}

/**
 * The snapshot was written by a newer Chroma than the one here. Chroma aborts at start if migrations differ, and opens
 * it silently if they do not, so it is refused up front.
 */
export class EngineTooOldError extends CompactorError {
  override readonly name = 'EngineTooOldError';
}

/** After a merge, the counts or records read back differ from those that the operations imply. */
export class MergeVerificationError extends CompactorError {
  override readonly name = 'MergeVerificationError';
}

/** A working directory has a journal or a stray file, or fails its integrity check. It is repaired or discarded. */
export class DirtyDirectoryError extends CompactorError {
  override readonly name = 'DirtyDirectoryError';
}

/**
 * A directory to import fails a check, or is in use. Only its owner can repair it, and nothing in it was changed.
 */
export class DamagedSourceError extends CompactorError {
  override readonly name = 'DamagedSourceError';
}

/** The local disk of the working directories is full. The same merge would fill it again. */
export class DiskFullError extends CompactorError {
  override readonly name = 'DiskFullError';
}

/** The staged pack or manifest of this commit is gone from the cache: plan and merge again. */
export class StagingLostError extends CompactorError {
  override readonly name = 'StagingLostError';
}

/** The cache directory cannot be written. */
export class CacheUnwritableError extends CompactorError {
  override readonly name = 'CacheUnwritableError';
}

/** Merges of this execution failed too often, even with the smallest batch. */
export class MergeLimitError extends CompactorError {
  override readonly name = 'MergeLimitError';
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
