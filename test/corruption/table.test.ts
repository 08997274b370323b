/** Items of the table that no writer of ours made: named, with what to do about them, and never taken for something else. */
import { type AttributeValue, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDynamoClient } from '../../lambdas/adapters/table/dynamo-client.ts';
import { DynamoLocks } from '../../lambdas/adapters/table/dynamo-locks.ts';
import { DynamoStatuses } from '../../lambdas/adapters/table/dynamo-statuses.ts';
import { CompactorError, CorruptObjectError } from '../../lambdas/errors/errors.ts';
import { type LocalTable, startTable } from '../../local/table.ts';
import { COLLECTION } from '../support/memory-ports.ts';

const RUNS = { numRuns: Number(process.env.COMPACTOR_RUNS ?? 500) };
/** Cases that go over the wire, to a real DynamoDB protocol. */
const WIRE_RUNS = { numRuns: Math.ceil(RUNS.numRuns / 10) };
const DELTA = 'delta-1';
const SHA256 = 'a'.repeat(64);

type Item = Record<string, AttributeValue>;

const STATUS: Item = {
  collection: { S: COLLECTION },
  item: { S: `DELTA#${DELTA}` },
  outcome: { S: 'applied' },
  version: { N: '3' },
  sha256: { S: SHA256 },
  rejectedOperations: { N: '0' },
};
const LOCK: Item = {
  collection: { S: COLLECTION },
  item: { S: 'LOCK' },
  owner: { S: 'somebody' },
  token: { N: '7' },
  phase: { S: 'swap' },
  acquiredAt: { N: '1000' },
  expiresAt: { N: '2000' },
  claimOwner: { S: 'somebody' },
  claimToken: { N: '6' },
  claimExpiresAt: { N: '2000' },
  wake: { N: '0' },
};

const value: fc.Arbitrary<AttributeValue> = fc.oneof(
  fc.string({ minLength: 1 }).map((S) => ({ S })),
  fc.constantFrom('0', '-1', '1.5', '1e15').map((N) => ({ N })),
  fc.boolean().map((BOOL) => ({ BOOL })),
  fc.constantFrom<AttributeValue>({ NULL: true }, { L: [] }, { M: {} }, { SS: ['a'] }, { B: Buffer.from('x') }),
);

/** The item with some attributes of another type or value, or missing, and strangers beside them. */
function distorted(item: Item): fc.Arbitrary<Item> {
  const names = Object.keys(item).filter((name) => name !== 'collection' && name !== 'item');
  const change = fc.tuple(fc.constantFrom(...names, 'stranger'), fc.option(value, { nil: undefined }));
  return fc.array(change, { minLength: 1, maxLength: 4 }).map((changes) => {
    const copy = { ...item };
    for (const [name, given] of changes) {
      if (given === undefined) delete copy[name];
      else copy[name] = given;
    }
    return copy;
  });
}

/** A client whose every answer is this item. */
function answering(item: Item, tableName: string): DynamoDBClient {
  const answer = { Item: item, Attributes: item, Responses: { [tableName]: [item] } };
  return Object.assign(Object.create(DynamoDBClient.prototype), { send: async () => answer }) as DynamoDBClient;
}

/** Its answer, or its error, which must be one of ours with words for a human being. */
async function outcomeOf<T>(call: Promise<T>): Promise<T | CompactorError> {
  try {
    return await call;
  } catch (error) {
    expect(error).toBeInstanceOf(CompactorError);
    expect((error as Error).message).not.toMatch(/^\s+at /m);
    expect((error as Error).message.length).toBeLessThan(2_000);
    return error as CompactorError;
  }
}

describe('a status item', () => {
  test('of any shape is a status as it stands, or named as none', async () => {
    await fc.assert(
      fc.asyncProperty(distorted(STATUS), async (item) => {
        const statuses = new DynamoStatuses(answering(item, 'table'), 'table');
        const outcome = await outcomeOf(statuses.getStatuses(COLLECTION, [DELTA]));
        if (outcome instanceof Error) {
          expect(outcome).toBeInstanceOf(CorruptObjectError);
          return;
        }
        const { outcome: word, version, sha256, rejectedOperations } = item;
        expect(outcome.get(DELTA)).toEqual({
          outcome: word?.S,
          version: Number(version?.N),
          sha256: sha256?.S,
          rejectedOperations: Number(rejectedOperations?.N),
        });
      }),
      RUNS,
    );
  });
});

describe('a lock item', () => {
  const holder = { owner: 'somebody', token: 7 };

  test('of any shape is a lock as it stands, or named as none', async () => {
    await fc.assert(
      fc.asyncProperty(distorted(LOCK), async (item) => {
        const outcome = await outcomeOf(new DynamoLocks(answering(item, 'table'), 'table').readLock(COLLECTION));
        if (outcome instanceof Error) {
          expect(outcome).toBeInstanceOf(CorruptObjectError);
          return;
        }
        for (const [name, held] of Object.entries(outcome ?? {}))
          expect(String(item[name]?.S ?? Number(item[name]?.N))).toBe(String(held));
      }),
      RUNS,
    );
  });

  describe('over the wire', () => {
    let table: LocalTable;
    let client: DynamoDBClient;
    beforeAll(async () => {
      table = await startTable();
      client = createDynamoClient(table.clientConfig);
    });
    afterAll(async () => {
      client.destroy();
      await table.close();
    });

    const request = { owner: 'me', phase: 'swap', pointerToken: 3, now: 5_000, durationMs: 1_000 } as const;
    const put = (item: Item) => client.send(new PutItemCommand({ TableName: table.tableName, Item: item }));

    test('stops an update with a name, DynamoDB itself when it has to count with what is no number', async () => {
      const locks = new DynamoLocks(client, table.tableName);
      await fc.assert(
        fc.asyncProperty(distorted(LOCK), async (item) => {
          const calls: Array<() => Promise<unknown>> = [
            () => locks.acquireLock(COLLECTION, request),
            () => locks.releaseLock(COLLECTION, holder),
            () => locks.takeClaim(COLLECTION, { holder, now: 1_500, durationMs: 1_000 }),
            () => locks.renewClaim(COLLECTION, { ...holder, token: 6 }, 1_500, 1_000),
            () => locks.wakeClaimant(COLLECTION, 1_500),
            () => locks.releaseClaim(COLLECTION, { ...holder, token: 6 }, 0),
          ];
          for (const call of calls) {
            await put(item);
            const refused = await call().catch((error: unknown) => error);
            if (!(refused instanceof Error) || refused instanceof CompactorError) continue;
            expect(refused.name).toBe('ValidationException');
            // Whoever looks at the item is told what is wrong with it.
            await expect(locks.readLock(COLLECTION)).rejects.toBeInstanceOf(CorruptObjectError);
          }
        }),
        WIRE_RUNS,
      );
    });

    test('with a counter that is no number is named as damaged to whoever counts', async () => {
      await put({ ...LOCK, wake: { S: 'often' } });
      const woken = new DynamoLocks(client, table.tableName).wakeClaimant(COLLECTION, 1_500);
      await expect(woken).rejects.toBeInstanceOf(CorruptObjectError);
    });

    test('with an end beyond all time is named as damaged to whoever acquires', async () => {
      await put({ ...LOCK, expiresAt: { N: '100000000000000000000' } });
      const acquired = new DynamoLocks(client, table.tableName).acquireLock(COLLECTION, request);
      await expect(acquired).rejects.toBeInstanceOf(CorruptObjectError);
    });
  });
});
