/** Every adapter of the table ports, each on a table of its own, for the contract suites. */
import { randomUUID } from 'node:crypto';
import {
  DeleteItemCommand,
  DeleteTableCommand,
  type DynamoDBClient,
  type DynamoDBClientConfig,
} from '@aws-sdk/client-dynamodb';
import { createDynamoClient } from '../../lambdas/adapters/table/dynamo-client.ts';
import { DynamoLocks } from '../../lambdas/adapters/table/dynamo-locks.ts';
import { DynamoStatuses } from '../../lambdas/adapters/table/dynamo-statuses.ts';
import { LockEventStore, RecordedLocks } from '../../local/console/lock-events.ts';
import { createTable, startTable } from '../../local/table.ts';
import { MemoryTable } from '../support/memory-table.ts';
import type { DynamoTable } from './table-items.ts';
import type { TableAdapter, TableUnderTest } from './table-suite.ts';

async function openMemory(): Promise<TableUnderTest> {
  const table = new MemoryTable();
  return {
    locks: table,
    statuses: table,
    deleteLock: async (collection) => table.deleteLock(collection),
    close: async () => {},
  };
}

/** As the local stack has it: what it writes down must change no answer. */
async function openRecorded(): Promise<TableUnderTest> {
  const table = await openMemory();
  const events = new LockEventStore(undefined, 0);
  const locks = new RecordedLocks(table.locks, { now: () => 0 }, (event) => events.append(event));
  return { ...table, locks, close: async () => events.close() };
}

async function openDynalite(): Promise<TableUnderTest> {
  const server = await startTable({ tableName: 'contract' });
  const client = createDynamoClient(server.clientConfig);
  return {
    ...onDynamo(client, server.tableName),
    close: async () => {
      client.destroy();
      await server.close();
    },
  };
}

/** A new table at a DynamoDB endpoint, removed at the end. Default: the endpoint and credentials of the environment. */
export async function openDynamo(config: DynamoDBClientConfig = {}): Promise<TableUnderTest> {
  const { tableName, close } = await newTable(config);
  const client = createDynamoClient(config);
  return {
    ...onDynamo(client, tableName),
    close: async () => {
      client.destroy();
      await close();
    },
  };
}

export async function newTable(config: DynamoDBClientConfig): Promise<DynamoTable> {
  const client = createDynamoClient(config);
  const tableName = `contract-${randomUUID()}`;
  await createTable(client, tableName);
  return {
    config,
    tableName,
    close: async () => {
      await client.send(new DeleteTableCommand({ TableName: tableName }));
      client.destroy();
    },
  };
}

function onDynamo(client: DynamoDBClient, tableName: string) {
  return {
    locks: new DynamoLocks(client, tableName),
    statuses: new DynamoStatuses(client, tableName),
    deleteLock: async (collection: string) => {
      const Key = { collection: { S: collection }, item: { S: 'LOCK' } };
      await client.send(new DeleteItemCommand({ TableName: tableName, Key }));
    },
  };
}

export const TABLE_ADAPTERS: TableAdapter[] = [
  { name: 'memory', open: openMemory },
  { name: 'memory, recorded for the console', open: openRecorded },
  { name: 'DynamoDB over dynalite', open: openDynalite },
  ...(process.env.AWS_ENDPOINT_URL_DYNAMODB ? [{ name: 'DynamoDB at the endpoint', open: () => openDynamo() }] : []),
];
