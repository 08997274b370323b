/**
 * What the AWS adapters ask for. A local server answers alike with and without most options (one machine is always
 * consistent, and nobody else writes), so that a test of answers cannot miss them; the service does.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openS3Store } from '../../lambdas/adapters/store/s3-clients.ts';
import { DynamoLocks } from '../../lambdas/adapters/table/dynamo-locks.ts';
import { DynamoStatuses } from '../../lambdas/adapters/table/dynamo-statuses.ts';
import { type LocalTable, startTable } from '../../local/table.ts';
import { type RecordedRequest, recordRequests } from '../support/recorded-requests.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
import { bytes, noise, streamOf } from './object-store-bodies.ts';

const COLLECTION = 'books';
const STATUS = { outcome: 'applied', version: 1, sha256: 'a'.repeat(64), rejectedOperations: 0 } as const;

describe('of DynamoDB', () => {
  let server: LocalTable;
  let client: DynamoDBClient;
  const requests: RecordedRequest[] = [];

  beforeAll(async () => {
    server = await startTable();
    client = new DynamoDBClient(server.clientConfig);
    const recorded = recordRequests(client);
    const locks = new DynamoLocks(client, server.tableName);
    const statuses = new DynamoStatuses(client, server.tableName, { ttlSeconds: 60 });
    const lock = { phase: 'swap', pointerToken: 3, now: 1_000, durationMs: 500 } as const;
    const { token } = await locks.acquireLock(COLLECTION, { owner: 'me', ...lock });
    await locks.acquireLock(COLLECTION, { owner: 'you', ...lock }).catch(() => {});
    const holder = { owner: 'me', token };
    await locks.takeClaim(COLLECTION, { holder, now: 1_000, durationMs: 500 });
    await locks.renewClaim(COLLECTION, holder, 1_100, 500);
    await locks.wakeClaimant(COLLECTION, 1_100);
    await locks.releaseClaim(COLLECTION, holder, 0);
    await locks.releaseClaim(COLLECTION, holder, 1);
    await locks.releaseLock(COLLECTION, holder);
    await locks.readLock(COLLECTION);
    await statuses.putStatus(COLLECTION, 'one', STATUS);
    await statuses.putStatus(COLLECTION, 'one', STATUS);
    await statuses.getStatuses(COLLECTION, ['one', 'two']);
    requests.push(...recorded);
  });
  afterAll(async () => {
    client.destroy();
    await server.close();
  });
  const named = (name: string) => requests.filter((request) => request.name === name);

  it('knows every kind of request', () => {
    const names = [...new Set(requests.map(({ name }) => name))].sort();

    expect(names).toEqual(['BatchGetItem', 'GetItem', 'PutItem', 'UpdateItem']);
  });

  it('reads consistently, whatever it reads', () => {
    const single = named('GetItem').map(({ input }) => input.ConsistentRead);
    const batches = named('BatchGetItem').flatMap(({ input }) =>
      Object.values(input.RequestItems as Record<string, { ConsistentRead?: boolean }>).map((of) => of.ConsistentRead),
    );

    expect(single.length).toBeGreaterThan(0);
    expect(batches.length).toBeGreaterThan(0);
    expect(new Set([...single, ...batches])).toEqual(new Set([true]));
  });

  it('writes on a condition only, and asks for what stood in the way', () => {
    const writes = [...named('UpdateItem'), ...named('PutItem')].map(({ input }) => input);

    const conditions = writes.map(({ ConditionExpression }) => ConditionExpression);
    const standing = writes.map((input) => input.ReturnValuesOnConditionCheckFailure);
    expect(conditions.filter((condition) => typeof condition !== 'string' || condition === '')).toEqual([]);
    expect(new Set(standing)).toEqual(new Set(['ALL_OLD']));
  });

  it('names the holder in every change but the first and a wake-up', () => {
    const [, , ...later] = named('UpdateItem').map(({ input }) => input);

    const changes = later.filter(({ UpdateExpression }) => !String(UpdateExpression).startsWith('ADD #wake'));
    const holders = changes.map(({ ExpressionAttributeValues: values }) => values as Record<string, unknown>);
    expect(changes.length).toBe(5);
    for (const values of holders) expect(values).toMatchObject({ ':owner': { S: 'me' }, ':token': { N: '4' } });
  });
});

describe('of S3', () => {
  let server: S3Server;
  const requests: RecordedRequest[] = [];
  const attempts: number[] = [];

  beforeAll(async () => {
    server = await startS3Server();
    const recorded: RecordedRequest[][] = [];
    const clients: S3Client[] = [];
    const capture = (client: S3Client) => {
      recorded.push(recordRequests(client));
      clients.push(client);
      return client;
    };
    const owner = '123456789012';
    const store = openS3Store(`s3://${server.bucket}/s3`, {
      config: server.config,
      expectedBucketOwner: owner,
      capture,
    });
    const small = bytes('small');
    const { etag } = await store.putIfAbsent('pointers/one.json', small);
    await store.putIfAbsent('packs/large', streamOf(noise(9 * 1024 * 1024)));
    const second = await store.putIfMatch('pointers/one.json', bytes('other'), etag);
    await store.get('pointers/one.json', { ifMatch: second.etag, range: { start: 1, end: 3 } });
    await store.head('pointers/one.json');
    for await (const _page of store.list('pointers/')) break;
    await store.deleteIfMatch('pointers/one.json', second.etag);
    await store.delete('packs/large');
    requests.push(...recorded.flat());
    for (const client of clients) attempts.push(await client.config.maxAttempts());
    for (const client of clients) client.destroy();
  });
  afterAll(() => server.close());
  const inputs = (name: string) => requests.filter((request) => request.name === name).map(({ input }) => input);

  it('knows every kind of request', () => {
    const names = [...new Set(requests.map(({ name }) => name))].sort();

    expect(names).toEqual([
      ...['CompleteMultipartUpload', 'CreateMultipartUpload', 'DeleteObject', 'GetObject', 'HeadObject'],
      ...['ListObjectsV2', 'PutObject', 'UploadPart'],
    ]);
  });

  it('makes nothing appear without a condition', () => {
    const visible = [...inputs('PutObject'), ...inputs('CompleteMultipartUpload')];

    const conditions = visible.map(({ IfMatch, IfNoneMatch }) => [IfNoneMatch, typeof IfMatch]);
    expect(conditions).toEqual([
      ['*', 'undefined'],
      [undefined, 'string'],
      ['*', 'undefined'],
    ]);
  });

  it('reads and deletes the generation that it was given', () => {
    const [read] = inputs('GetObject');
    const [conditional, plain] = inputs('DeleteObject');

    expect(read).toMatchObject({ IfMatch: expect.any(String), Range: 'bytes=1-2' });
    expect(conditional).toMatchObject({ IfMatch: expect.any(String) });
    expect(plain?.IfMatch).toBeUndefined();
  });

  it('sends digests with what it uploads in parts, and asks for the one that is kept', () => {
    const [create] = inputs('CreateMultipartUpload');
    const parts = inputs('UploadPart');
    const [head] = inputs('HeadObject');

    expect(create).toMatchObject({ ChecksumAlgorithm: 'SHA256' });
    expect(parts.map(({ ChecksumSHA256 }) => typeof ChecksumSHA256)).toEqual(['string', 'string']);
    expect(head).toMatchObject({ ChecksumMode: 'ENABLED' });
  });

  it('names the owner of the bucket in every request, and repeats no write behind the back of its caller', () => {
    const owners = new Set(requests.map(({ input }) => input.ExpectedBucketOwner));

    expect(owners).toEqual(new Set(['123456789012']));
    expect(attempts).toEqual([3, 1]);
  });
});
