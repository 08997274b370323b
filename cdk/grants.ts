/**
 * What each verb's role may do with data, and why. The policies are generated from this one table, and a test compares
 * it with the calls that the steps really make. `constructs/roles.ts` adds what every function needs to run at all.
 */
import {
  IDENTITY_ATTRIBUTES,
  KEY_ATTRIBUTES,
  LOCK_ATTRIBUTES,
} from '../lambdas/adapters/table/dynamo-lock-attributes.ts';
import type { Verb } from './verbs.ts';

/** Prefixes of the directory of names, whose objects change by compare-and-swap. */
export const NAME_PREFIXES = ['names/', 'collections/', 'databases/', 'tenants/'] as const;

export type ObjectPrefix =
  | 'pointers/'
  | 'manifests/'
  | 'packs/'
  | 'deltas/'
  | 'rejected/'
  | 'aside/'
  | 'probes/'
  | 'unreached/'
  | (typeof NAME_PREFIXES)[number];

export type Grant =
  /** `creates`: its PUTs must create new objects. */
  | { on: 'objects'; prefix: ObjectPrefix; actions: readonly ObjectAction[]; creates?: true; why: string }
  | { on: 'bucket'; actions: readonly ['s3:ListBucket']; why: string }
  | { on: 'table'; actions: readonly TableAction[]; updates?: UpdatedItem; why: string }
  | { on: 'bus'; actions: readonly ['events:PutEvents']; why: string }
  | { on: 'machine'; actions: readonly ['states:StartExecution']; why: string }
  | { on: 'executions'; actions: readonly ['states:DescribeExecution']; why: string };

/** Which items an update may change. Default: locks. */
type UpdatedItem = 'lock' | 'identity';
type ObjectAction = 's3:GetObject' | 's3:PutObject' | 's3:DeleteObject' | 's3:AbortMultipartUpload';
type TableVerb = 'GetItem' | 'BatchGetItem' | 'PutItem' | 'UpdateItem' | 'Query' | 'DeleteItem';
type TableAction = `dynamodb:${TableVerb}`;

const objects = (prefix: ObjectPrefix, why: string, ...verbs: Array<'Get' | 'Put' | 'Delete'>): Grant => ({
  on: 'objects',
  prefix,
  actions: verbs.map((verb) => `s3:${verb}Object` as const),
  why,
});
const table = (why: string, ...actions: TableVerb[]): Grant => ({
  on: 'table',
  actions: actions.map((action) => `dynamodb:${action}` as const),
  why,
});
const start = (why: string): Grant => ({ on: 'machine', actions: ['states:StartExecution'], why });

/**
 * Not only for listing: without this permission S3 answers 403 for an absent key, and the protocol must distinguish
 * "absent" from "refused". A condition on `s3:prefix` would bring the 403 back, since a GET has no such key. So the
 * permission covers the whole bucket, which holds nothing but this store.
 */
const LIST: Grant = {
  on: 'bucket',
  actions: ['s3:ListBucket'],
  why: 'list, and tell an absent key from a refused one',
};

const READ_POINTER = objects('pointers/', 'read the pointer', 'Get');
const READ_MANIFESTS = objects('manifests/', 'read manifests', 'Get');
const PROBE_DELTAS = objects('deltas/', 'see whether a waiting delta can be read', 'Get');
const READ_IDENTITY = table('compare the identity of the table with the pointer, consistently', 'GetItem');
const READ_STATUSES = table('read statuses, consistently', 'BatchGetItem');
/** If there is no item, DynamoDB returns none with its refusal, so a consistent read follows. */
const UPDATE_LOCK = table('acquire, renew, wake or release; read the item after a refusal', 'UpdateItem', 'GetItem');

export const GRANTS: Readonly<Record<Verb, readonly Grant[]>> = {
  PlanCompaction: [
    READ_POINTER,
    READ_MANIFESTS,
    LIST,
    READ_STATUSES,
    table('see whose table it is, and whether another execution has the claim; wake that one', 'GetItem', 'UpdateItem'),
    { on: 'table', actions: ['dynamodb:UpdateItem'], updates: 'identity', why: 'give a table its identity, once' },
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
    objects('aside/', 'keep the content of deltas that are set aside, and compare with what is there', 'Put', 'Get'),
    { on: 'objects', prefix: 'aside/', actions: ['s3:AbortMultipartUpload'], why: 'give up a failed upload of parts' },
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
  Sweep: [
    READ_POINTER,
    READ_MANIFESTS,
    PROBE_DELTAS,
    LIST,
    READ_IDENTITY,
    READ_STATUSES,
    start('start an execution for what waits'),
  ],
  CollectGarbage: [
    objects(
      'pointers/',
      'fence the pointer; delete that of a collection that no name leads to',
      'Get',
      'Put',
      'Delete',
    ),
    objects('manifests/', 'walk the retained versions, and delete the others', 'Get', 'Delete'),
    objects('packs/', 'delete what no retained version needs', 'Delete'),
    objects('deltas/', 'delete those of a collection that no name leads to', 'Delete'),
    objects('rejected/', 'delete those of a collection that no name leads to', 'Delete'),
    objects('aside/', 'delete those of a collection that no name leads to', 'Delete'),
    objects('names/', 'see whose a name is, and delete an entry that leads nowhere', 'Get', 'Delete'),
    objects(
      'collections/',
      'see how a collection is called; rewrite and delete records by their ETag',
      'Get',
      'Put',
      'Delete',
    ),
    objects('databases/', 'see whether a database is the one that a record names', 'Get'),
    objects('unreached/', 'note since when no name leads to a collection', 'Get', 'Put', 'Delete'),
    LIST,
    READ_IDENTITY,
    table('delete what the table has of a collection that no name leads to', 'Query', 'DeleteItem'),
  ],
};

/** `GetItem` is for producers without the library: see docs/how-to/submit-from-python.md. */
const READ_OWN_STATUS = table('see what became of a delta', 'BatchGetItem', 'GetItem');

/**
 * What an endpoint does, whether it is the stack's function or `compactor serve` in a container. It creates the first
 * pointer of a collection and never moves one: swaps are made by executions only.
 */
export const ENDPOINT_GRANTS: readonly Grant[] = [
  {
    ...objects('pointers/', 'read the pointer; make the first one of a collection', 'Get', 'Put'),
    creates: true,
  } as Grant,
  objects('manifests/', 'read manifests; write the first one of a collection', 'Get', 'Put'),
  objects('packs/', 'hydrate', 'Get'),
  objects('deltas/', 'append to the log, read what waits, take back what came too late', 'Get', 'Put', 'Delete'),
  objects('names/', 'find, take and give up names', 'Get', 'Put', 'Delete'),
  objects(
    'collections/',
    'read, make and change records of collections; delete those of dropped ones',
    'Get',
    'Put',
    'Delete',
  ),
  objects('databases/', 'find, make and delete databases', 'Get', 'Put', 'Delete'),
  objects('tenants/', 'find and make tenants', 'Get', 'Put'),
  LIST,
  READ_STATUSES,
  table('see whose table it is', 'GetItem'),
  { on: 'table', actions: ['dynamodb:UpdateItem'], updates: 'identity', why: 'give a table its identity, once' },
];

/**
 * The permissions of applications, by the calls of the library that they make, or by what the how-to pages describe.
 */
export const APPLICATION_GRANTS = {
  submit: [
    READ_POINTER,
    READ_MANIFESTS,
    objects('deltas/', 'put a delta, and compare with what is there', 'Put', 'Get'),
    { on: 'objects', prefix: 'deltas/', actions: ['s3:AbortMultipartUpload'], why: 'give up a failed upload of parts' },
    LIST,
    READ_OWN_STATUS,
  ],
  wait: [READ_OWN_STATUS],
  read: [READ_POINTER, READ_MANIFESTS, objects('packs/', 'hydrate', 'Get'), LIST],
  start: [start('start an execution')],
  serve: [
    ...ENDPOINT_GRANTS,
    { on: 'objects', prefix: 'deltas/', actions: ['s3:AbortMultipartUpload'], why: 'give up a failed upload of parts' },
    objects('probes/', 'try whether the store keeps conditions', 'Get', 'Put', 'Delete'),
  ],
} as const satisfies Record<string, readonly Grant[]>;

/**
 * The attributes that an update may name: those of locks and claims; or, for the one role that creates it, the identity
 * of the table. An update of a status is never allowed, since it would settle a delta that was never applied:
 * MergeDeltas makes updates beside an engine that reads what producers send. A request without attributes is allowed,
 * and changes none. There is no condition on `dynamodb:ReturnValues`, because these roles may read every item anyway.
 */
const ATTRIBUTES = { lock: LOCK_ATTRIBUTES, identity: IDENTITY_ATTRIBUTES } as const;

/** The condition under which an action is granted, if there is one. */
export function conditionOf(
  grant: Grant,
  action: string,
): Record<string, Record<string, string | string[]>> | undefined {
  if (action === 's3:PutObject' && grant.on === 'objects' && grant.creates) {
    return { Null: { 's3:if-none-match': 'false' } };
  }
  if (action !== 'dynamodb:UpdateItem') return undefined;
  const { updates = 'lock' } = grant as Grant & { on: 'table' };
  return { 'ForAllValues:StringEquals': { 'dynamodb:Attributes': [...KEY_ATTRIBUTES, ...ATTRIBUTES[updates]] } };
}

/** Actions on one kind of resource that at least one of the verbs may take. */
export function actionsOn(kind: Grant['on'], verbs: readonly Verb[]): string[] {
  const grants = verbs.flatMap((verb) => GRANTS[verb]).filter(({ on }) => on === kind);
  return [...new Set(grants.flatMap(({ actions }): readonly string[] => actions))].sort();
}
