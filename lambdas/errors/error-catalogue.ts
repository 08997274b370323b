/**
 * Cause and remedy of every error, for docs/reference/errors.md and `compactor explain`. The names are taken from the
 * classes: an error without an entry, or an entry without its class, does not compile. What the state machine does
 * about an error is left out, since the ASL file defines it.
 */

import type * as errors from './errors.ts';
import type { CompactorError } from './errors.ts';

type NameOf<Class> = Class extends new (
  ...args: never[]
) => infer Instance
  ? Instance extends CompactorError
    ? Instance['name']
    : never
  : never;
/** Literal names of all classes in errors.ts except the abstract one. */
export type ErrorName = { [Key in keyof typeof errors]: NameOf<(typeof errors)[Key]> }[keyof typeof errors];

/** Both are plain sentences for operators and users. */
export interface CatalogueEntry {
  /** Why the error happens. */
  cause: string;
  /** What to do, or why nothing needs to be done. */
  remedy: string;
}

export const ERROR_CATALOGUE = {
  InvalidInputError: {
    cause: 'A collection name, delta id, version or execution input is malformed, or names what does not exist.',
    remedy: 'Correct the input; the message names the value and the rule. Retrying does not help.',
  },
  ConfigurationError: {
    cause:
      'A setting is missing or contradicts another one, or it names a bucket, table, work directory or credentials that cannot be used.',
    remedy: 'Correct the environment as the message says, then start again. Nothing was done.',
  },
  LockHeldError: {
    cause: 'Another execution holds the lock of the collection; it is normally held for about 100 ms.',
    remedy:
      'None: it is retried until well after the lock expires. If collisions are frequent, batch notifications for longer.',
  },
  LockLostError: {
    cause:
      'The lock expired or its item was deleted before the work under it was done: a redrive, a suspended Lambda, or clocks that differ.',
    remedy:
      'None: the lock is acquired again. After five losses in one round, find what delays the swap or deletes items.',
  },
  PointerMovedError: {
    cause: 'Another execution committed, or garbage collection fenced the pointer, after this execution planned.',
    remedy: 'None: the execution rebases, that is, it plans and merges again on the new base.',
  },
  SwapUnknownError: {
    cause:
      'The response to the swap was lost, and the state of the store neither proves nor disproves that the swap landed.',
    remedy:
      'None: nothing is discarded, and the next plan finds out. The ledger keeps any delta from being applied twice.',
  },
  RebaseLimitError: {
    cause: 'The pointer moved, or the inbox changed, 20 times in one execution without a commit of its own.',
    remedy:
      'Find out which other stack or person keeps moving the pointer. The deltas stay in the inbox; the sweep starts a new execution.',
  },
  ObjectNotFoundError: {
    cause: 'There is no object under the key: it was deleted between listing and reading, or never written.',
    remedy:
      'For a delta, none: the execution plans again. For any other key, the error that wraps this one says what to restore.',
  },
  PreconditionFailedError: {
    cause: 'The condition of a write failed, because another write had created, changed or deleted the object (412).',
    remedy: 'None: the step reads the object again and decides what to do.',
  },
  ConditionalRequestConflictError: {
    cause: 'Two conditional writes on one key raced, and S3 refused one of them (409).',
    remedy: 'None: it is retried.',
  },
  StoreUnavailableError: {
    cause: 'The store did not answer, throttled, or refused access. For a write, the outcome is unknown.',
    remedy:
      'If S3 has an outage, wait. If the message says that access was refused, compare role and bucket policy with what the stack deploys.',
  },
  TableUnavailableError: {
    cause: 'The table did not answer, or throttled. For a write, the outcome is unknown.',
    remedy: 'Wait, and check the health of the table. Correctness does not depend on it.',
  },
  SecretUnavailableError: {
    cause: 'Secrets Manager did not give the token of an endpoint, so that nobody can say who may ask.',
    remedy: 'Check that the secret exists, has a value, and that the role of the endpoint may read it.',
  },
  ExecutionsUnavailableError: {
    cause: 'Step Functions did not answer, or throttled the call that starts or looks up an execution.',
    remedy: 'Wait. If it persists, check the quota of StartExecution and the role.',
  },
  AnnouncerUnavailableError: {
    cause: 'The event bus did not answer, or refused the call that announces a commit.',
    remedy:
      'For the commit, none: it stands, and its statuses are written. If it persists, check the bus that EVENT_BUS_NAME names, and its policy.',
  },
  UnsafeStoreError: {
    cause:
      'The store writes even though a condition (`If-Match`, `If-None-Match`) fails, or does not implement conditional writes.',
    remedy:
      'Use a store that enforces them, as S3 does. `create` and `import` test the store first: nothing was created.',
  },
  KeyCollisionError: {
    cause: 'A create-only key already holds content that differs from ours: something else writes to this store.',
    remedy:
      'For a delta, send it under a new id. Otherwise stop all executions and find the other writer before you continue.',
  },
  CorruptObjectError: {
    cause: 'A pointer, manifest, pack or table item does not match its digest or its format, or is missing.',
    remedy:
      'Restore the object from an earlier bucket version; the message names it. Or roll back to a version that does not need it.',
  },
  CollectionNotFoundError: {
    cause: 'The collection was never created. A mistyped name does not create one.',
    remedy: 'Create it with `compactor create`, or correct the name.',
  },
  PointerMissingError: {
    cause: 'The collection has snapshots but no pointer. It is never treated as empty.',
    remedy: 'Restore the pointer from an earlier bucket version. Do not create the collection again.',
  },
  CollectionExistsError: {
    cause: 'The collection already exists with another dimension or space than requested.',
    remedy: 'Use another name. Dimension and space of a collection never change.',
  },
  ForeignStoreError: {
    cause:
      'The pointer names another table, by name or identity: two stacks share one store, or the table was lost and recreated.',
    remedy:
      'Give each stack a store of its own. If the other table is lost, restore it, or `compactor adopt` the collection. Nothing was changed.',
  },
  StatusConflictError: {
    cause:
      'The status of a delta disagrees with the ledger of the commit that decided it: something else wrote to the table.',
    remedy: 'The ledger is right. Find what wrote the status, correct the item, and start the collection again.',
  },
  InvariantViolatedError: {
    cause:
      'A check before the seal or the swap failed: the new version would break an invariant of the protocol. It was not published.',
    remedy: 'This should not happen. Stop executions, keep everything, and report it with the message.',
  },
  CollectionsFailedError: {
    cause: 'The sweep or garbage collection failed for the named collections. It completed for all others.',
    remedy: 'Look up the error that the message gives for each collection. The next scheduled run tries again.',
  },
  DeltaIdReusedError: {
    cause:
      'A delta arrived under an id that was already used for other content. It was rejected with a report, not applied.',
    remedy: 'Send it again under a new id. An id means one content.',
  },
  InboxChangedError: {
    cause: 'A delta changed, vanished or could not be read after it was listed.',
    remedy: 'None: the execution plans again. Producers should not overwrite a waiting delta.',
  },
  EngineRejectedDataError: {
    cause: 'Chroma refused the operations of a merge.',
    remedy:
      'None: the offending lines are found and rejected with a report; if no line is at fault, merges of half as many deltas each find the offending delta.',
  },
  EngineUnavailableError: {
    cause: 'No Chroma server runs here, or it did not start, died, timed out or answered 5xx.',
    remedy:
      'The merge is retried. If it persists, raise the memory, `/tmp` or timeout of MergeDeltas; the message quotes the server. Where none runs: `compactor engines` lists what was found, and `pip install chromadb` brings one.',
  },
  EngineRunawayError: {
    cause:
      'The Chroma server wrote a file far beyond what the snapshot and its deltas need, and was stopped at the limit. Nothing was published.',
    remedy:
      'The deltas wait. `compactor verify --deep` says whether the base is damaged; if so, roll back to an intact version, or import the collection again.',
  },
  EngineTooOldError: {
    cause: 'The snapshot was written by a newer Chroma than the one that runs here.',
    remedy:
      'Run that version or a newer one: deploy it, or `pip install chromadb` and set `CHROMA_BIN`; `compactor engines` lists what is found. Do not downgrade Chroma.',
  },
  MergeVerificationError: {
    cause: 'After a merge, the records read back are not those that the operations imply.',
    remedy:
      'Nothing was published, and the merge is retried. If it persists, report it with the delta and the Chroma version.',
  },
  DirtyDirectoryError: {
    cause: 'A working directory holds a journal or a file that does not belong there, or fails its integrity check.',
    remedy:
      'None: it is repaired from its manifest, or discarded. From `verify` it means that the stored version is damaged: roll back.',
  },
  DamagedSourceError: {
    cause:
      'A directory to import fails a check, or something writes to it. Nothing was created, and nothing in it was changed.',
    remedy:
      'Follow the message: stop the process that has it open, rebuild its full-text index, or restore a backup; then import again.',
  },
  DiskFullError: {
    cause: 'The disk of the working directories, or its quota, has no room for the snapshot. Nothing was published.',
    remedy:
      'Give MergeDeltas a larger `/tmp` (`compactor:mergeTmpMiB`), or free space in the work directory. The deltas wait.',
  },
  StagingLostError: {
    cause: 'The staged pack or manifest of a merge is gone from the cache, or damaged there.',
    remedy: 'None: the execution plans and merges again.',
  },
  CacheUnwritableError: {
    cause: 'The cache directory is not mounted, is full, or belongs to another user.',
    remedy: 'Mount it, free space, or correct its permissions; then start the collection again.',
  },
  MergeLimitError: {
    cause: 'Merges of one execution failed 14 times in a row, down to the smallest batch.',
    remedy:
      'The message ends with the last cause. If it ran out of memory or time, raise the memory and `/tmp` of MergeDeltas.',
  },
} as const satisfies Record<ErrorName, CatalogueEntry>;
