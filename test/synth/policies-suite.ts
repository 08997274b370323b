/**
 * Each role may do what its steps really do, and nothing else: calls are recorded while the workflow runs over real
 * adapters, through its detours too, and compared with the policies of the synthesised template.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GRANTS } from '../../cdk/grants.ts';
import { CACHE_VERBS, VERBS, type Verb } from '../../cdk/verbs.ts';
import { PART_SIZE } from '../../lambdas/adapters/store/s3-multipart.ts';
import {
  IDENTITY_ATTRIBUTES,
  KEY_ATTRIBUTES,
  LOCK_ATTRIBUTES,
} from '../../lambdas/adapters/table/dynamo-lock-attributes.ts';
import { STAGED } from '../../lambdas/commit/seal-commit.ts';
import { sha256 } from '../../lambdas/snapshot/blocks.ts';
import { asideKey, deltaKey, packKey, pointerKey } from '../../lambdas/snapshot/keys.ts';
import { nameKey } from '../../lambdas/snapshot/name-keys.ts';
import type { Operation } from '../../lambdas/snapshot/operation.ts';
import { type CompactionState, MAX_ALONE_FAILURES } from '../../statemachine/contract.ts';
import { COLLECTION, createCollection, type MemoryPorts, submit } from '../support/memory-ports.ts';
import { full } from '../workflow/unreached.ts';
import { refusedBy, type S3Request } from './bucket-policy.ts';
import { type Caller, type Recorder, startRecorder } from './recorder.ts';
import { listOf, type Statement, shown, synthesise } from './support.ts';
import { allowsUpdate, attributesOf, type TableUpdate } from './table-policy.ts';

const INPUT = { collection: COLLECTION };

/** Granted although no run needs it: by verb or for all, and why. */
const NOT_RECORDED: ReadonlyArray<{ verb?: Verb; call: string; why: string }> = [
  { call: 's3:ListBucket', why: 'without it S3 answers 403 instead of 404 for a key that is absent' },
  {
    verb: 'FinishCompaction',
    call: 's3:AbortMultipartUpload aside/',
    why: 'a delta of more than a part goes up as a pack does, whose upload is given up here',
  },
];

/** What runs a function at all, and is no call of ours. */
const OF_THE_RUNTIME = /^(logs|xray|ec2|elasticfilesystem|sqs):/;

let recorder: Recorder;

const upsert = (id: string, by: number): Operation => ({ op: 'upsert', id, embedding: [by, by, by, by] });

/** A collection that was dropped, one that has a name, and an entry that a rename left over. */
async function playUnreached(own: MemoryPorts, collectGarbage: (own: MemoryPorts) => Promise<unknown>): Promise<void> {
  const kept = await full(own, 'kept');
  const left = nameKey(kept.tenant, kept.database, 'left');
  const entry = { format: 1, id: kept.id, name: 'left', revision: own.ids.ulid() };
  await own.store.putIfAbsent(left, Buffer.from(JSON.stringify(entry)));
  const gone = await full(own, 'gone');
  await own.store.delete(nameKey(gone.tenant, gone.database, 'gone'));
  for (let runs = 0; runs < 3; runs++) await collectGarbage(own);
  const keys: string[] = [];
  for await (const page of own.store.list('')) keys.push(...page.map(({ key }) => key));
  expect(keys.filter((key) => key.includes(gone.collection) || key === left)).toEqual([]);
  expect(keys).toContain(pointerKey(kept.collection));
}

async function playEverything({ ports, invoke, execute, server, deleteLock, forgetIdentity }: Recorder): Promise<void> {
  // A commit, from nothing; the second, on another machine, fetches the base from the store.
  const first = ports();
  await createCollection(first);
  // A store and a table from before there were identities: the first plan makes one.
  await forgetIdentity();
  await submit(first, 'd-1', [upsert('one', 1)]);
  const committed = await execute(first, INPUT);
  expect(committed.path.at(-1)).toBe('Compacted');
  // With an empty inbox the statuses of the ledger are all that could still be work.
  await invoke('Sweep', first, {});
  await execute(first, { ...INPUT, execution: committed.arn }, { machine: 'release-abandoned' });
  // Rejections: an invalid line whose report loses its response, and a delta id that is used again.
  await submit(first, 'd-2', Buffer.from('{"op":"upsert","id":"two","embedding":[2,2,2,2]}\nnot JSON\n'));
  server.failNext({
    method: 'PUT',
    key: `rejected/${COLLECTION}/d-2.json`,
    status: 500,
    code: 'InternalError',
    after: true,
  });
  expect((await execute(ports(), INPUT)).path.at(-1)).toBe('Compacted');
  await submit(first, 'd-1', [upsert('other', 3)]).catch(() => undefined);

  // A delta that has failed alone often enough is set aside; its report and its copy lose their responses.
  await submit(first, 'd-heavy', [upsert('heavy', 5)]);
  const { etag } = await first.store.head(deltaKey(COLLECTION, 'd-heavy'));
  const trial = { deltaId: 'd-heavy', etag, failures: MAX_ALONE_FAILURES, reason: 'planted' };
  const planned: CompactionState = await invoke('PlanCompaction', first, { input: INPUT, execution: 'arn:heavy' });
  const aside: CompactionState = await invoke('MergeDeltas', first, { ...planned, trial });
  expect(aside.merge?.setAside).toBe(1);
  await invoke('UploadSnapshot', first, aside);
  const held: CompactionState = await invoke('AcquireLock', first, { phase: 'swap', state: aside });
  const swapped: CompactionState = await invoke('SwapPointer', first, held);
  const free: CompactionState = await invoke('ReleaseLock', first, swapped);
  const key = asideKey(COLLECTION, 'd-heavy', sha256((await first.store.get(deltaKey(COLLECTION, 'd-heavy'))).body));
  server.failNext({ method: 'PUT', key, status: 500, code: 'InternalError', after: true });
  await invoke('FinishCompaction', first, free);
  expect((await first.store.head(key)).key).toBe(key);

  // Two others commit before the swap: a conflict, looked for in the ancestry, and discarded.
  await submit(first, 'd-3', [upsert('three', 3)]);
  const overtake = async () => {
    for (const id of ['o-1', 'o-2']) {
      await deleteLock(COLLECTION);
      await submit(first, id, [upsert(id, 4)]);
      expect((await execute(ports(), INPUT)).path.at(-1)).toBe('Compacted');
    }
  };
  const overtaken = await execute(ports(), INPUT, { before: { SwapPointer: overtake } });
  expect(overtaken.path).toEqual(expect.arrayContaining(['DiscardUpload', 'Backoff']));

  // A failure before the swap; and one that lets go of nothing, as if it had died.
  const planted = () => Promise.reject(new Error('planted'));
  const deaths: Array<Record<string, () => Promise<never>>> = [
    { CheckBase: planted },
    { CheckBase: planted, HandleFailure: planted },
  ];
  for (const before of deaths) {
    await submit(first, `d-4-${Object.keys(before).length}`, [upsert('four', 4)]);
    const failed = await execute(ports(), INPUT, { before });
    expect(failed.path.at(-1)).toBe('Failed');
    const release = { collection: COLLECTION, execution: failed.arn };
    expect((await execute(ports(), release, { machine: 'release-abandoned' })).path.at(-1)).toBe('Done');
  }

  // Somebody else holds the lock; a lock is released twice.
  const state: CompactionState = await invoke('PlanCompaction', first, { input: INPUT, execution: 'arn:a' });
  const locked: CompactionState = await invoke('AcquireLock', first, { phase: 'validation', state });
  await expect(
    invoke('AcquireLock', first, { phase: 'validation', state: { ...state, execution: 'arn:b' } }),
  ).rejects.toThrow();
  const claimed: CompactionState = await invoke('ValidateCas', first, { check: 'claim', state: locked });
  await invoke('ReleaseLock', first, claimed);
  await invoke('ReleaseLock', first, claimed);
  const second: CompactionState = await invoke('AcquireLock', first, {
    phase: 'validation',
    state: { ...state, execution: 'arn:b' },
  });
  expect((await invoke('ValidateCas', first, { check: 'claim', state: second })).next).toBe('delegated');
  expect((await invoke('PlanCompaction', first, { input: INPUT, execution: 'arn:c' })).next).toBe('delegated');
  // The claim is lost meanwhile: heartbeats are refused.
  const zombie = { ...claimed, claim: { token: -1, takenAt: 0 } };
  const merged: CompactionState = await invoke('MergeDeltas', first, zombie);
  await invoke('UploadSnapshot', first, merged);
  // A pack so large that it goes up in parts; at first a part is refused, and that upload given up.
  server.failNext({ method: 'PUT', status: 403, code: 'AccessDenied' });
  await invoke('UploadSnapshot', first, await stageLargePack(first, merged));
  expect(server.openUploads()).toBe(0);
  // A successor after the last round; the sweep, for what waits.
  await invoke('Sweep', first, {});
  await invoke('FinishCompaction', first, { ...claimed, attempts: { ...claimed.attempts, rounds: 50 } });

  // Garbage: the upload just abandoned, and versions that are not retained.
  await first.store.putIfAbsent(packKey(COLLECTION, first.ids.ulid(), 0), Buffer.from('orphan'));
  const collected = await invoke('CollectGarbage', ports({ retainVersions: 1, retainDays: 0 }), {});
  expect(collected.reports[0]).toMatchObject({ fenced: true });
  await playUnreached(ports({ retainDays: 0 }), (own) => invoke('CollectGarbage', own, {}));
  const Records = [
    {
      messageId: 'm-1',
      body: JSON.stringify({
        Records: [{ eventName: 'ObjectCreated:Put', s3: { object: { key: `deltas/${COLLECTION}/d-9` } } }],
      }),
    },
  ];
  expect(await invoke('StartCompaction', first, { Records })).toEqual({ batchItemFailures: [] });
}

/** The same merge under another commit id, with a pack of noise that is larger than one part. */
async function stageLargePack({ cache, ids }: MemoryPorts, state: CompactionState): Promise<CompactionState> {
  const { merge } = state;
  if (merge === null) throw new Error('There is no merge.');
  const commitId = ids.ulid();
  const noise = randomBytes(PART_SIZE + 1);
  const { stream } = await cache.openStaged(COLLECTION, merge.commitId, STAGED.manifest);
  const staging = await cache.stage(COLLECTION, commitId);
  await staging.append(STAGED.pack, noise);
  for await (const chunk of stream()) await staging.append(STAGED.manifest, chunk);
  await staging.seal();
  const pack = { key: packKey(COLLECTION, commitId, 0), size: noise.length, sha256: sha256(noise) };
  return { ...state, merge: { ...merge, commitId, pack } };
}

/** The statements of a verb's role. */
function statementsFor(verb: Caller): Statement[] {
  const { functionOf, resources, statementsOf } = template;
  return statementsOf(shown(resources[functionOf(verb)]?.Properties.Role).replace(/^<|\.Arn>$/g, ''));
}

/** What the template lets a verb's role call, as the recorder writes calls. */
function granted(verb: Verb): Set<string> {
  const calls = statementsFor(verb).flatMap(({ Action, Resource }) =>
    listOf(Action).flatMap((action) =>
      listOf(Resource).map((resource) => {
        const prefix = /\/([a-z]+\/)\*$/.exec(shown(resource))?.[1];
        return prefix === undefined ? action : `${action} ${prefix}`;
      }),
    ),
  );
  return new Set(calls.filter((call) => !OF_THE_RUNTIME.test(call)));
}

const template = synthesise();

const UPDATERS = VERBS.filter((verb) =>
  GRANTS[verb].some(({ actions }) => (actions as readonly string[]).includes('dynamodb:UpdateItem')),
);

const bucketPolicy: Statement[] = template.ofType('AWS::S3::BucketPolicy')[0]?.[1].Properties.PolicyDocument.Statement;

describe('what the steps really call', () => {
  beforeAll(async () => {
    recorder = await startRecorder();
    await playEverything(recorder);
  });
  afterAll(() => recorder.close());

  it('is granted to their roles, and nothing else', async () => {
    expect([...recorder.invoked].sort()).toEqual([...VERBS].sort());
    const missing: string[] = [];
    const unused: string[] = [];
    for (const verb of VERBS) {
      const allowed = granted(verb);
      const called = recorder.calls.get(verb) ?? new Set();
      missing.push(...[...called].filter((call) => !allowed.has(call)).map((call) => `${verb}: ${call}`));
      const isExplained = (call: string) =>
        NOT_RECORDED.some((row) => row.call === call && (row.verb ?? verb) === verb);
      unused.push(
        ...[...allowed].filter((call) => !called.has(call) && !isExplained(call)).map((call) => `${verb}: ${call}`),
      );
    }
    expect({ missing, unused }).toEqual({ missing: [], unused: [] });
  });

  it('passes the bucket policy, uploads in parts too', () => {
    const operations = new Set(recorder.requests.map(({ operation }) => operation));
    const parts = ['CreateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload', 'AbortMultipartUpload'];
    expect([...operations]).toEqual(expect.arrayContaining(['PutObject', 'GetObject', 'DeleteObject', ...parts]));
    for (const request of recorder.requests) {
      expect(refusedBy(bucketPolicy, request), JSON.stringify(request)).toBeUndefined();
    }
  });

  it('updates no attributes but those of locks, claims and the identity, and may update no others', () => {
    const sent = new Set(recorder.updates.flatMap(({ update }) => attributesOf(update)));
    expect([...sent].sort()).toEqual([...KEY_ATTRIBUTES, ...LOCK_ATTRIBUTES, ...IDENTITY_ATTRIBUTES].sort());
    const senders = new Set(recorder.updates.map(({ verb }) => verb));
    expect([...senders].sort()).toEqual(UPDATERS.toSorted());
    for (const { verb, update } of recorder.updates) {
      expect(allowsUpdate(statementsFor(verb), update), `${verb}: ${JSON.stringify(update)}`).toBe(true);
    }
  });

  it('is all that passes the endpoints of the network', () => {
    const passed = template
      .ofType('AWS::EC2::VPCEndpoint')
      .flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement as Statement[])
      .flatMap(({ Action }) => listOf(Action));
    const called = CACHE_VERBS.flatMap((verb) =>
      [...(recorder.calls.get(verb) ?? [])].map((call) => call.split(' ')[0]),
    );
    expect([...new Set(passed)].sort()).toEqual([...new Set(called)].sort());
  });
});

const STATUS = { collection: { S: COLLECTION }, item: { S: 'DELTA#d-1' } };
const applied = 'SET #outcome = :outcome, version = :version, sha256 = :sha256, rejectedOperations = :zero';
const ExpressionAttributeNames = { '#outcome': 'outcome' };

describe.each(UPDATERS)('the role of %s', (verb) => {
  it.each<[string, boolean, Omit<TableUpdate, 'Key'>]>([
    ['makes no status', false, { UpdateExpression: applied, ExpressionAttributeNames }],
    ['hides no status among the attributes of a lock', false, { UpdateExpression: 'SET phase = :p, version = :v' }],
    ['undoes no status', false, { UpdateExpression: 'REMOVE #outcome', ExpressionAttributeNames }],
    ['lets no status expire', false, { UpdateExpression: 'SET #t = :now', ExpressionAttributeNames: { '#t': 'ttl' } }],
    [
      'asks nothing of a status',
      false,
      { UpdateExpression: 'ADD wake :one', ConditionExpression: 'outcome = :applied AND attribute_exists(wake)' },
    ],
    ['changes no identity with a lock', false, { UpdateExpression: 'SET phase = :p, identity = :i' }],
    ['makes an identity only to plan', verb === 'PlanCompaction', { UpdateExpression: 'SET identity = :i' }],
    // By IAM, an item is its collection and its attributes. Readers take such an item for damage: see test/contract.
    ['can write a lock where a status belongs', true, { UpdateExpression: 'ADD wake :one' }],
  ])('%s', (_, verdict, update) => {
    expect(allowsUpdate(statementsFor(verb), { Key: STATUS, ...update })).toBe(verdict);
  });
});

const PACK = `packs/${COLLECTION}/x-0.pack`;
const POINTER = `pointers/${COLLECTION}.json`;
const copySource = `${COLLECTION}/elsewhere`;

it.each<[string, string | undefined, S3Request]>([
  ['a pointer without a condition', 'PointerWithoutCondition', { operation: 'PutObject', key: POINTER }],
  ['the first pointer', undefined, { operation: 'PutObject', key: POINTER, ifNoneMatch: '*' }],
  ['the next pointer', undefined, { operation: 'PutObject', key: POINTER, ifMatch: '"etag"' }],
  ['a pointer made of parts', 'PointerWithoutCondition', { operation: 'CompleteMultipartUpload', key: POINTER }],
  ['a copied pointer', 'NoCopies', { operation: 'CopyObject', key: POINTER, copySource, ifMatch: '"etag"' }],
  ['a pack without a condition', 'CreateOnlyWithoutIfNoneMatch', { operation: 'PutObject', key: PACK }],
  ['a pack over another', 'CreateOnlyWithoutIfNoneMatch', { operation: 'PutObject', key: PACK, ifMatch: '"etag"' }],
  ['a new pack of parts', 'CreateOnlyWithoutIfNoneMatch', { operation: 'CompleteMultipartUpload', key: PACK }],
  ['a copied pack', 'NoCopies', { operation: 'CopyObject', key: PACK, copySource, ifNoneMatch: '*' }],
  ['a copied part', 'NoCopies', { operation: 'UploadPartCopy', key: PACK, copySource }],
  ['a part', undefined, { operation: 'UploadPart', key: PACK }],
  ['a manifest', 'CreateOnlyWithoutIfNoneMatch', { operation: 'PutObject', key: `manifests/${COLLECTION}/0-x.json` }],
  ['a name without a condition', 'NameWithoutCondition', { operation: 'PutObject', key: 'names/t/d/pets.json' }],
  ['a changed name', undefined, { operation: 'PutObject', key: 'names/t/d/pets.json', ifMatch: '"etag"' }],
  ['a record without a condition', 'NameWithoutCondition', { operation: 'PutObject', key: 'collections/x.json' }],
  [
    'a copied database',
    'NoCopies',
    { operation: 'CopyObject', key: 'databases/t/d.json', copySource, ifMatch: '"etag"' },
  ],
  ['a delta', 'CreateOnlyWithoutIfNoneMatch', { operation: 'PutObject', key: `deltas/${COLLECTION}/d-1` }],
  ['a report', 'CreateOnlyWithoutIfNoneMatch', { operation: 'PutObject', key: `rejected/${COLLECTION}/d-1.json` }],
])('the bucket policy judges %s: %s', (_, verdict, request) => {
  expect(refusedBy(bucketPolicy, request)).toBe(verdict);
});
