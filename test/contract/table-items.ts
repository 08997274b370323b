/** What the DynamoDB adapters write and read, whatever speaks DynamoDB: items, damaged ones, answers that are lost. */
import {
  BatchGetItemCommand,
  type DynamoDBClient,
  type DynamoDBClientConfig,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createDynamoClient, toAttributes } from '../../lambdas/adapters/table/dynamo-client.ts';
import { LOCK_ATTRIBUTES } from '../../lambdas/adapters/table/dynamo-lock-attributes.ts';
import { DynamoLocks } from '../../lambdas/adapters/table/dynamo-locks.ts';
import { DynamoStatuses } from '../../lambdas/adapters/table/dynamo-statuses.ts';
import { CorruptObjectError, TableUnavailableError } from '../../lambdas/errors/errors.ts';
import type { DeltaStatus } from '../../lambdas/snapshot/ledger.ts';

const STATUS: DeltaStatus = { outcome: 'applied', version: 1, sha256: 'a'.repeat(64), rejectedOperations: 0 };
const ACQUIRE = { owner: 'a', phase: 'validation', pointerToken: 0, now: 1_000, durationMs: 1_000 } as const;
const HOLDER = { owner: 'a', token: 1 };

export interface DynamoTable {
  config: DynamoDBClientConfig;
  tableName: string;
  close(): Promise<void>;
}

export function describeItems(name: string, start: () => Promise<DynamoTable>): void {
  describe(`items: ${name}`, () => {
    let server: DynamoTable;
    let client: DynamoDBClient;
    let locks: DynamoLocks;
    let statuses: DynamoStatuses;
    let lostResponses = 0;
    let collections = 0;
    let collection: string;

    beforeAll(async () => {
      server = await start();
      client = createDynamoClient(server.config);
      // Below the SDK's own retries: the table does what it is asked, and the answer is lost on the way back.
      client.middlewareStack.add(
        (next) => async (args) => {
          const answer = await next(args);
          if (lostResponses-- > 0) throw Object.assign(new Error('socket hang up'), { name: 'TimeoutError' });
          return answer;
        },
        { step: 'deserialize', priority: 'low' },
      );
      locks = new DynamoLocks(client, server.tableName);
      statuses = new DynamoStatuses(client, server.tableName);
    });
    afterAll(async () => {
      client.destroy();
      await server.close();
    });
    beforeEach(() => {
      lostResponses = 0;
      collection = `dynamo-${++collections}`;
    });

    async function rawItem(item: string) {
      const Key = toAttributes({ collection, item });
      const { Item } = await client.send(new GetItemCommand({ TableName: server.tableName, Key }));
      return Item;
    }

    async function putRaw(item: string, attributes: Record<string, string | number>) {
      const Item = toAttributes({ collection, item, ...attributes });
      await client.send(new PutItemCommand({ TableName: server.tableName, Item }));
    }

    /** What a role may do that updates locks: the key is free, the attributes are not. */
    async function updateRaw(item: string, attribute: string) {
      const update = new UpdateItemCommand({
        TableName: server.tableName,
        Key: toAttributes({ collection, item }),
        UpdateExpression: 'SET #attribute = :one',
        ExpressionAttributeNames: { '#attribute': attribute },
        ExpressionAttributeValues: toAttributes({ ':one': 1 }),
      });
      await client.send(update);
    }

    describe('a lost response', () => {
      it('lets an acquire succeed again, under the token that the item has', async () => {
        lostResponses = 1;
        const { token } = await locks.acquireLock(collection, ACQUIRE);
        expect(await locks.readLock(collection)).toMatchObject({ owner: 'a', token });
      });

      it('does not hide that the lock was released', async () => {
        await locks.acquireLock(collection, ACQUIRE);
        lostResponses = 1;
        expect(await locks.releaseLock(collection, HOLDER)).toBeUndefined();
        expect(await locks.readLock(collection)).toEqual({ token: 1 });
      });

      it('does not matter to taking, renewing and waking a claim', async () => {
        await locks.acquireLock(collection, ACQUIRE);
        lostResponses = 1;
        expect(await locks.takeClaim(collection, { holder: HOLDER, now: 1_000, durationMs: 1_000 })).toEqual({
          token: 1,
        });
        lostResponses = 1;
        expect(await locks.renewClaim(collection, HOLDER, 1_500, 1_000)).toBe(true);
        lostResponses = 1;
        expect(await locks.wakeClaimant(collection, 1_500)).toBe(true);
        expect(await locks.readLock(collection)).toMatchObject({ claimExpiresAt: 2_500, wake: 2 });
      });

      it('makes the release of a claim look refused, and the item tells otherwise', async () => {
        await locks.acquireLock(collection, ACQUIRE);
        await locks.takeClaim(collection, { holder: HOLDER, now: 1_000, durationMs: 1_000 });
        lostResponses = 1;
        expect(await locks.releaseClaim(collection, HOLDER, 0)).toBe(false);
        expect((await locks.readLock(collection))?.claimOwner).toBeUndefined();
      });

      it('lets a status meet itself', async () => {
        lostResponses = 1;
        await statuses.putStatus(collection, 'one', STATUS);
        expect(await statuses.getStatuses(collection, ['one'])).toEqual(new Map([['one', STATUS]]));
      });

      it('leaves the outcome unknown when every attempt loses its own', async () => {
        lostResponses = 4;
        await expect(statuses.putStatus(collection, 'one', STATUS)).rejects.toThrow(TableUnavailableError);
        lostResponses = 0;
        expect(await rawItem('DELTA#one')).toBeDefined();
      });
    });

    describe('items', () => {
      it('are stored under the documented keys and attributes', async () => {
        await locks.acquireLock(collection, ACQUIRE);
        await statuses.putStatus(collection, 'one', STATUS);
        const times = { acquiredAt: 1_000, expiresAt: 2_000 };
        const lock = { collection, item: 'LOCK', owner: 'a', token: 1, phase: 'validation', ...times };
        expect(await rawItem('LOCK')).toEqual(toAttributes(lock));
        expect(await rawItem('DELTA#one')).toEqual(toAttributes({ collection, item: 'DELTA#one', ...STATUS }));
      });

      it('carry a time to live only when told to, in epoch seconds', async () => {
        const mortal = new DynamoStatuses(client, server.tableName, { ttlSeconds: 3_600, now: () => 1_500 });
        await mortal.putStatus(collection, 'one', STATUS);
        await statuses.putStatus(collection, 'one', STATUS);
        expect(await rawItem('DELTA#one')).toMatchObject({ ttl: { N: '3602' } });
        expect(await mortal.getStatuses(collection, ['one'])).toEqual(new Map([['one', STATUS]]));
      });

      it.each([
        ['no token', { owner: 'a' }],
        ['a token that is no counter', { token: -1 }],
        ['a token that is text', { token: 'seven' }],
        ['an unknown phase', { token: 1, phase: 'merge' }],
      ])('with %s are not taken for a lock', async (_what, attributes) => {
        await putRaw('LOCK', attributes);
        await expect(locks.readLock(collection)).rejects.toThrow(CorruptObjectError);
        await expect(locks.releaseLock(collection, HOLDER)).rejects.toThrow(collection);
      });

      it('that are not a status are named', async () => {
        await putRaw('DELTA#one', { ...STATUS, sha256: 'short' });
        await expect(statuses.getStatuses(collection, ['one'])).rejects.toThrow(CorruptObjectError);
        await expect(statuses.putStatus(collection, 'one', STATUS)).rejects.toThrow('DELTA#one');
      });

      it.each(LOCK_ATTRIBUTES)('that have only %s of a lock settle no delta', async (attribute) => {
        await updateRaw('DELTA#one', attribute);

        const reads = statuses.getStatuses(collection, ['one']);

        await expect(reads).rejects.toThrow(CorruptObjectError);
        await expect(reads).rejects.toThrow('If it has no outcome, delete it');
        await expect(statuses.putStatus(collection, 'one', STATUS)).rejects.toThrow(CorruptObjectError);
      });

      it('that have attributes of a lock beside those of a status are that status', async () => {
        await statuses.putStatus(collection, 'one', STATUS);
        for (const attribute of LOCK_ATTRIBUTES) await updateRaw('DELTA#one', attribute);

        const found = await statuses.getStatuses(collection, ['one']);

        expect(found).toEqual(new Map([['one', STATUS]]));
      });
    });

    describe('unprocessed keys', () => {
      const ids = ['one', 'two', 'three'];

      /** Statuses whose table leaves all but `processed` keys of each request undone. */
      function throttled(processed: number) {
        const send = vi.fn(async (command: BatchGetItemCommand) => {
          const asked = command.input.RequestItems?.[server.tableName]?.Keys ?? [];
          const done = new BatchGetItemCommand({
            RequestItems: { [server.tableName]: { Keys: asked.slice(0, processed) } },
          });
          const { Responses } = processed === 0 ? {} : await client.send(done);
          return { Responses, UnprocessedKeys: { [server.tableName]: { Keys: asked.slice(processed) } } };
        });
        const sleep = vi.fn(async () => {});
        const stub = { send } as unknown as DynamoDBClient;
        return { send, sleep, statuses: new DynamoStatuses(stub, server.tableName, { sleep }) };
      }

      it('are asked for again, after a wait, until none is left', async () => {
        for (const id of ids) await statuses.putStatus(collection, id, STATUS);
        const { statuses: slow, send, sleep } = throttled(1);
        expect([...(await slow.getStatuses(collection, ids)).keys()].sort()).toEqual([...ids].sort());
        expect(send).toHaveBeenCalledTimes(3);
        expect(sleep).toHaveBeenCalledTimes(2);
        expect(send.mock.calls[2]?.[0].input.RequestItems?.[server.tableName]?.ConsistentRead).toBe(true);
      });

      it('are an error in the end, never "no status"', async () => {
        const { statuses: stuck, send } = throttled(0);
        await expect(stuck.getStatuses(collection, ids)).rejects.toThrow(TableUnavailableError);
        expect(send).toHaveBeenCalledTimes(8);
      });
    });
  });
}
