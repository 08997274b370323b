/** The table's contract suite on DynamoDBs that others wrote, and on the one that `COMPACTOR_PEER_DYNAMODB` names. */
import { ConditionalCheckFailedException, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { expect, onTestFinished, test } from 'vitest';
import { createDynamoClient, toAttributes } from '../../../lambdas/adapters/table/dynamo-client.ts';
import { LockHeldError } from '../../../lambdas/errors/errors.ts';
import { newTable, openDynamo } from '../../contract/table-adapters.ts';
import { describeItems } from '../../contract/table-items.ts';
import { describeTable } from '../../contract/table-suite.ts';
import { describeWith, pythonRuntime } from '../runtimes.ts';
import { startMotoTable, TABLE_PEERS } from './servers.ts';

for (const { name, runtime, start } of TABLE_PEERS) {
  describeWith(`DynamoDB by ${name}`, runtime, (where) => {
    describeTable({
      name,
      open: async () => {
        const server = await start(where);
        const table = await openDynamo(server.config);
        return { ...table, close: () => table.close().then(server.close) };
      },
    });
    describeItems(name, async () => {
      const server = await start(where);
      const table = await newTable(server.config);
      return { ...table, close: () => table.close().then(server.close) };
    });

    // What our own table (dynalite) cannot do, so that the adapter reads the item instead.
    test('a refused write comes with the item that stood in its way', async () => {
      const server = await start(where);
      onTestFinished(server.close);
      const { tableName: TableName, close } = await newTable(server.config);
      onTestFinished(close);
      const client = createDynamoClient(server.config);
      onTestFinished(() => client.destroy());
      const Key = toAttributes({ collection: 'c', item: 'LOCK' });
      const Item = toAttributes({ collection: 'c', item: 'LOCK', owner: 'a', token: 7 });
      await client.send(new PutItemCommand({ TableName, Item }));
      const asked = {
        TableName,
        ConditionExpression: '#owner = :owner',
        ExpressionAttributeNames: { '#owner': 'owner' },
        ExpressionAttributeValues: { ':owner': { S: 'b' } },
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      } as const;

      const refused = await Promise.allSettled([
        client.send(new PutItemCommand({ ...asked, Item })),
        client.send(new UpdateItemCommand({ ...asked, Key, UpdateExpression: 'REMOVE #owner' })),
      ]);

      for (const result of refused) {
        const reason = result.status === 'rejected' ? result.reason : undefined;
        expect(reason).toBeInstanceOf(ConditionalCheckFailedException);
        expect(reason.Item).toEqual(Item);
      }
    });
  });
}

describeWith('DynamoDB by moto in threads', await pythonRuntime(), (bin) => {
  const RACERS = 50;
  /** In 17 of 20 rounds more than one racer won (test/peers/runtimes/moto_store_and_table.py). */
  const ROUNDS = 20;

  // The difference for which every other test has moto answer one request at a time.
  test('lets two of many conditional writes succeed, which DynamoDB never does', async () => {
    const server = await startMotoTable(bin, 'threads');
    onTestFinished(server.close);
    const { locks, close } = await openDynamo(server.config);
    onTestFinished(close);
    const request = { phase: 'validation', pointerToken: 0, now: 1_000, durationMs: 60_000 } as const;
    let most = 0;

    for (let round = 0; round < ROUNDS && most < 2; round++) {
      const acquire = (racer: number) => locks.acquireLock(`race-${round}`, { ...request, owner: `racer-${racer}` });
      const results = await Promise.allSettled(Array.from({ length: RACERS }, (_, racer) => acquire(racer)));
      const refusals = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
      for (const refusal of refusals) expect(refusal).toBeInstanceOf(LockHeldError);
      most = Math.max(most, RACERS - refusals.length);
    }

    expect(most).toBeGreaterThan(1);
  });
});
