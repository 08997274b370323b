/**
 * What each verb's role may do with data, and why: one table, from which the policies are made and with which a test
 * compares the calls that the steps really make. What every function needs to run at all is in `constructs/functions.ts`.
 */
import type { Verb } from './verbs.ts';

export type ObjectPrefix = 'pointers/' | 'manifests/' | 'packs/' | 'deltas/' | 'rejected/';

export type Grant =
  | { on: 'objects'; prefix: ObjectPrefix; actions: readonly ObjectAction[]; why: string }
  | { on: 'bucket'; actions: readonly ['s3:ListBucket']; why: string }
  | { on: 'table'; actions: readonly TableAction[]; why: string }
  | { on: 'bus'; actions: readonly ['events:PutEvents']; why: string }
  | { on: 'machine'; actions: readonly ['states:StartExecution']; why: string }
  | { on: 'executions'; actions: readonly ['states:DescribeExecution']; why: string };

type ObjectAction = 's3:GetObject' | 's3:PutObject' | 's3:DeleteObject' | 's3:AbortMultipartUpload';
type TableAction = 'dynamodb:GetItem' | 'dynamodb:BatchGetItem' | 'dynamodb:PutItem' | 'dynamodb:UpdateItem';

const objects = (prefix: ObjectPrefix, why: string, ...verbs: Array<'Get' | 'Put' | 'Delete'>): Grant => ({
  on: 'objects',
  prefix,
  actions: verbs.map((verb) => `s3:${verb}Object` as const),
  why,
});
const table = (why: string, ...actions: Array<'GetItem' | 'BatchGetItem' | 'PutItem' | 'UpdateItem'>): Grant => ({
  on: 'table',
  actions: actions.map((action) => `dynamodb:${action}` as const),
  why,
});
const start = (why: string): Grant => ({ on: 'machine', actions: ['states:StartExecution'], why });

/**
 * Not only for listing: without it S3 answers 403 for a key that is absent, and "absent" is what the protocol must be
 * able to tell from "refused". A condition on `s3:prefix` would bring the 403 back, since a GET has no such key; so it is
 * the whole bucket, which holds nothing but this store.
 */
const LIST: Grant = {
  on: 'bucket',
  actions: ['s3:ListBucket'],
  why: 'list, and tell an absent key from a refused one',
};

const READ_POINTER = objects('pointers/', 'read the pointer', 'Get');
const READ_MANIFESTS = objects('manifests/', 'read manifests', 'Get');
const PROBE_DELTAS = objects('deltas/', 'see whether a waiting delta can be read', 'Get');
const READ_STATUSES = table('read statuses, consistently', 'BatchGetItem');
/** DynamoDB sends no item back with a refusal when there is none; a consistent read follows. */
const UPDATE_LOCK = table('acquire, renew, wake or release; read the item after a refusal', 'UpdateItem', 'GetItem');

export const GRANTS: Readonly<Record<Verb, readonly Grant[]>> = {
  PlanCompaction: [
    READ_POINTER,
    READ_MANIFESTS,
    LIST,
    READ_STATUSES,
    table('see whether another execution has the claim, and wake it', 'GetItem', 'UpdateItem'),
  ],
  AcquireLock: [UPDATE_LOCK],
  ValidateCas: [READ_POINTER, LIST, UPDATE_LOCK],
  ReleaseLock: [UPDATE_LOCK],
  MergeDeltas: [
    READ_MANIFESTS,
    objects('packs/', 'hydrate the base', 'Get'),
    objects('deltas/', 'read what is to be merged', 'Get'),
    LIST,
    READ_STATUSES,
    UPDATE_LOCK,
  ],
  UploadSnapshot: [
    objects('packs/', 'upload, and compare size or content', 'Put', 'Get'),
    { on: 'objects', prefix: 'packs/', actions: ['s3:AbortMultipartUpload'], why: 'give up a failed upload of parts' },
    objects('manifests/', 'upload, and read back', 'Put', 'Get'),
    LIST,
    UPDATE_LOCK,
  ],
  SwapPointer: [
    objects('pointers/', 'the compare-and-swap, and a look at who won', 'Put', 'Get'),
    READ_MANIFESTS,
    LIST,
  ],
  SyncEfs: [],
  FinishCompaction: [
    READ_POINTER,
    READ_MANIFESTS,
    objects('deltas/', 'compare what is settled, and delete just that', 'Get', 'Delete'),
    objects('rejected/', 'write reports, and compare with what is there', 'Put', 'Get'),
    LIST,
    READ_STATUSES,
    table('write statuses', 'PutItem'),
    table('read the claim, and release it', 'GetItem', 'UpdateItem'),
    { on: 'bus', actions: ['events:PutEvents'], why: 'announce commits' },
    start('start a successor after the last round'),
  ],
  DiscardUpload: [
    READ_POINTER,
    objects('manifests/', 'look for our commit; delete our own manifest once the swap is proven lost', 'Get', 'Delete'),
    objects('packs/', 'delete our own pack once the swap is proven lost', 'Delete'),
    LIST,
  ],
  HandleFailure: [table('read what the execution holds, and release it', 'GetItem', 'UpdateItem')],
  ReleaseAbandoned: [
    READ_POINTER,
    READ_MANIFESTS,
    PROBE_DELTAS,
    LIST,
    READ_STATUSES,
    table('read what the dead execution holds, and release it', 'GetItem', 'UpdateItem'),
    { on: 'executions', actions: ['states:DescribeExecution'], why: 'make sure that it is not running again' },
  ],
  StartCompaction: [start('start an execution per collection')],
  Sweep: [READ_POINTER, READ_MANIFESTS, PROBE_DELTAS, LIST, READ_STATUSES, start('start an execution for what waits')],
  CollectGarbage: [
    objects('pointers/', 'fence the pointer', 'Get', 'Put'),
    objects('manifests/', 'walk the retained versions, and delete the others', 'Get', 'Delete'),
    objects('packs/', 'delete what no retained version needs', 'Delete'),
    LIST,
  ],
};

/** Actions that any of the verbs may do on one kind of resource. */
export function actionsOn(kind: Grant['on'], verbs: readonly Verb[]): string[] {
  const grants = verbs.flatMap((verb) => GRANTS[verb]).filter(({ on }) => on === kind);
  return [...new Set(grants.flatMap(({ actions }): readonly string[] => actions))].sort();
}
