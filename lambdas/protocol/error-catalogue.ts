/**
 * Cause and remedy of every error, for docs/reference/errors.md and `compactor explain`. The names are taken from the
 * classes: an error without an entry, or an entry without its class, does not compile. What the state machine does with
 * an error is not said here, since the ASL file says it.
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
/** Literal names of all classes in errors.ts but the abstract one. */
export type ErrorName = { [Key in keyof typeof errors]: NameOf<(typeof errors)[Key]> }[keyof typeof errors];

/** Both are plain sentences, for whoever operates or uses a compactor. */
export interface CatalogueEntry {
  /** How it comes about. */
  cause: string;
  /** What a person does, or why nobody need do anything. */
  remedy: string;
}

export const ERROR_CATALOGUE = {
  InvalidInputError: {
    cause: 'A collection name, delta id, version or execution input is malformed, or names what does not exist.',
    remedy: 'Correct the input; the message names the value and the rule. A retry does not help.',
  },
  ConfigurationError: {
    cause:
      'A setting is missing, or contradicts another one; or the bucket, the table or the credentials that it names cannot be used.',
    remedy: 'Correct the environment as the message says, then start again. Nothing was done.',
  },
  LockHeldError: {
    cause: 'Another execution holds the lock of the collection, which takes about 100 ms.',
    remedy:
      'None: it is retried until well after the lock expires. If collisions are frequent, gather notifications for longer.',
  },
  LockLostError: {
    cause:
      'The lock expired or its item was deleted before the work under it was done: a redrive, a suspended Lambda, or clocks that differ.',
    remedy:
      'None: the lock is acquired again. After five losses in one round, find what delays the swap or deletes items.',
  },
  PointerMovedError: {
    cause: 'Another execution committed, or garbage collection fenced the pointer, after this execution planned.',
    remedy: 'None: the execution rebases, which means that it plans and merges again from the new base.',
  },
  SwapUnknownError: {
    cause:
      'The response to the swap was lost, and what the store says since neither proves nor disproves that it landed.',
    remedy:
      'None: nothing is discarded, and the next plan finds out. The ledger keeps every delta from being applied twice.',
  },
  RebaseLimitError: {
    cause: 'The pointer moved, or the inbox changed, 20 times in one execution without a commit of its own.',
    remedy:
      'Look for a second stack, or a person, that keeps moving the pointer. The deltas wait; the sweep starts a new execution.',
  },
  ObjectNotFoundError: {
    cause: 'There is no object under the key: it was deleted between listing and reading, or never written.',
    remedy:
      'None for a delta: the execution plans again. For any other key the error that wraps this one says what to restore.',
  },
  PreconditionFailedError: {
    cause: 'A conditional write met an object that another write had created, changed or deleted (412).',
    remedy: 'None: the step reads again and decides anew.',
  },
  ConditionalRequestConflictError: {
    cause: 'Two conditional writes on one key raced, and S3 refused one of them (409).',
    remedy: 'None: it is retried.',
  },
  StoreUnavailableError: {
    cause: 'The store did not answer, throttled, or refused access. For a write, the outcome is unknown.',
    remedy:
      'Wait if S3 is in trouble. If the message says that access was refused, compare role and bucket policy with the deployed ones.',
  },
  TableUnavailableError: {
    cause: 'The table did not answer, or throttled. For a write, the outcome is unknown.',
    remedy: 'Wait, and look at the health of the table. Correctness does not rest on it.',
  },
  ExecutionsUnavailableError: {
    cause: 'Step Functions did not answer, or throttled, when an execution was to be started or looked up.',
    remedy: 'Wait. If it goes on, look at the quota of StartExecution and at the role.',
  },
  AnnouncerUnavailableError: {
    cause: 'The event bus did not answer, or refused the call, when a commit was to be announced.',
    remedy:
      'None for the commit: it stands, and its statuses are written. If it lasts, check the bus that EVENT_BUS_NAME names, and its policy.',
  },
  KeyCollisionError: {
    cause: 'A key that is written once already holds other content than ours: something else writes to this store.',
    remedy: 'For a delta, send it under a new id. Otherwise stop executions and find the other writer before going on.',
  },
  CorruptObjectError: {
    cause:
      'The bytes of a pointer, manifest, pack or table item are not what its digest or its format says, or one is missing.',
    remedy:
      'Restore the object from an earlier bucket version; the message names it. Or roll back to a version that does not need it.',
  },
  CollectionNotFoundError: {
    cause: 'The collection was never created. A mistyped name never becomes a collection.',
    remedy: 'Create it with `compactor create`, or correct the name.',
  },
  PointerMissingError: {
    cause: 'The collection has snapshots but no pointer. It is never taken for empty.',
    remedy: 'Restore the pointer from an earlier bucket version. Do not create the collection anew.',
  },
  CollectionExistsError: {
    cause: 'The collection exists already, with another dimension or space than the ones asked for.',
    remedy: 'Use another name. Dimension and space of a collection never change.',
  },
  ForeignStoreError: {
    cause: 'The pointer names the table of another stack: two stacks were pointed at one store.',
    remedy: 'Give each stack a store of its own. Nothing was changed.',
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
    cause: 'The sweep or garbage collection failed for the named collections. It was done for all others.',
    remedy: 'Look up the error that the message gives for each collection. The next scheduled run tries again.',
  },
  DeltaIdReusedError: {
    cause:
      'A delta came under an id that was already used for other content. It was rejected with a report, not applied.',
    remedy: 'Send it again under a new id. An id means one content.',
  },
  InboxChangedError: {
    cause: 'A delta changed, vanished or could not be read while it was being read.',
    remedy: 'None: the execution plans again. Producers should not write over a delta that waits.',
  },
  EngineRejectedDataError: {
    cause: 'Chroma refused the operations of a merge.',
    remedy: 'None: merges with half as many deltas find the one to blame, which is rejected with a report.',
  },
  EngineUnavailableError: {
    cause: 'The Chroma server did not start, died, timed out or answered 5xx.',
    remedy:
      'The merge is tried again. If it goes on, raise memory, `/tmp` or time of MergeDeltas: the message tells what the server said.',
  },
  EngineTooOldError: {
    cause: 'The snapshot was written by a newer Chroma than the one that runs here.',
    remedy: 'Run that version or a newer one (deploy it, or set `CHROMA_BIN`). Do not go back to an older Chroma.',
  },
  MergeVerificationError: {
    cause: 'After a merge, the records read back are not those that the operations imply.',
    remedy:
      'Nothing was published, and the merge is tried again. If it goes on, report it with the delta and the Chroma version.',
  },
  DirtyDirectoryError: {
    cause: 'A working directory holds a journal or a file that does not belong there, or fails its integrity check.',
    remedy:
      'None: it is repaired from its manifest, or discarded. From `verify` it means that the stored version is damaged: roll back.',
  },
  DiskFullError: {
    cause: 'The disk, or the quota, of the working directories has no room for the snapshot. Nothing was published.',
    remedy:
      'Give MergeDeltas a larger `/tmp` (`compactor:mergeTmpMiB`), or free space below the work directory; the deltas wait.',
  },
  StagingLostError: {
    cause: 'The staged pack or manifest of a merge is gone from the cache, or damaged there.',
    remedy: 'None: the execution plans and merges again.',
  },
  CacheUnwritableError: {
    cause: 'The cache directory is not mounted, is full, or belongs to another user.',
    remedy: 'Mount it, free space, or correct its rights; then start the collection again.',
  },
  MergeLimitError: {
    cause: 'Merges of one execution failed 14 times in a row, down to the smallest batch.',
    remedy: 'The message ends with the last cause. Out of memory or time: raise memory and `/tmp` of MergeDeltas.',
  },
} as const satisfies Record<ErrorName, CatalogueEntry>;

/** Names that AWS gives and the state machines match. */
export const AWS_ERROR_CATALOGUE = {
  'Lambda.ServiceException': { cause: 'Lambda had an internal error.', remedy: 'None: it is retried.' },
  'Lambda.AWSLambdaException': { cause: 'Lambda had an internal error.', remedy: 'None: it is retried.' },
  'Lambda.SdkClientException': { cause: 'Step Functions could not reach Lambda.', remedy: 'None: it is retried.' },
  'Lambda.TooManyRequestsException': {
    cause: 'Lambda throttled the call.',
    remedy: 'If it goes on, raise the concurrency quota of the account, or start fewer executions at once.',
  },
  'Lambda.ClientExecutionTimeoutException': {
    cause: 'The connection to Lambda was lost while the function ran.',
    remedy: 'None: it is retried, and every step may be done again.',
  },
  'Lambda.Unknown': {
    cause: 'The function ended without an answer: mostly out of memory, or stopped by Lambda.',
    remedy: 'If it goes on in MergeDeltas, raise its memory and `/tmp`.',
  },
  'Sandbox.Timedout': {
    cause: 'The function reached its own timeout and was stopped.',
    remedy: 'If it goes on in MergeDeltas, raise its memory, which also buys processor, or lower the size of a commit.',
  },
  'Runtime.ExitError': {
    cause: 'The process of the function exited: mostly out of memory.',
    remedy: 'If it goes on in MergeDeltas, raise its memory.',
  },
  'Runtime.OutOfMemory': { cause: 'The function used up its memory.', remedy: 'Raise its memory.' },
  'States.Timeout': {
    cause: 'A task did not end within its `TimeoutSeconds`. The Lambda may still run: whatever it writes is harmless.',
    remedy: 'None: it is retried or planned again.',
  },
  'States.TaskFailed': {
    cause: 'A task failed with any error but a timeout.',
    remedy: 'Look up the name that the execution reports.',
  },
  'States.ALL': {
    cause: 'Any error that no other rule names.',
    remedy: 'Look up the name that the execution reports.',
  },
  'StepFunctions.ExecutionAlreadyExistsException': {
    cause: 'An execution of that name was already started.',
    remedy: 'None: that is what names are for.',
  },
} as const satisfies Record<string, CatalogueEntry>;

/** @returns `undefined` for a name that neither this code nor the state machines know */
export function findCatalogueEntry(name: string): CatalogueEntry | undefined {
  const all: Readonly<Record<string, CatalogueEntry>> = { ...ERROR_CATALOGUE, ...AWS_ERROR_CATALOGUE };
  return Object.hasOwn(all, name) ? all[name] : undefined;
}
