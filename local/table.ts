/** The status and lock table on this machine: dynalite, which speaks DynamoDB over LevelDB. */
import { mkdir } from 'node:fs/promises';
import type { Server } from 'node:http';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import {
  CreateTableCommand,
  DescribeTableCommand,
  type DynamoDBClient,
  ResourceInUseException,
  ResourceNotFoundException,
} from '@aws-sdk/client-dynamodb';
import dynalite from 'dynalite';
import { createDynamoClient } from '../lambdas/adapters/table/dynamo-client.ts';
import { ConfigurationError, TableUnavailableError } from '../lambdas/errors/errors.ts';
import { listen } from './listen.ts';

const ACTIVE_CHECKS = 500;
const CHECK_INTERVAL_MS = 10;

export interface LocalTableOptions {
  /** Where the items are kept. Default: in memory. Used by one process at a time. */
  dataDirectory?: string;
  /** Default: a free port. */
  port?: number;
  tableName?: string;
}

export interface LocalTable {
  endpoint: string;
  tableName: string;
  /** For any DynamoDB client. dynalite requires credentials but does not check them. */
  clientConfig: {
    endpoint: string;
    region: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
  };
  /** Finish calls in progress, flush to disk, and stop. */
  close(): Promise<void>;
}

/** The database that comes with dynalite. */
interface LevelModule {
  Level: new (path: string) => { open(): Promise<void>; close(): Promise<void> };
}

/**
 * Start the server, and create the table if it is absent. Resolves when the table can be used.
 * @throws ConfigurationError (the data directory is in use or unusable, or the port cannot be opened)
 * @example const table = await startTable({ dataDirectory: '.compactor/table' });
 */
export async function startTable(options: LocalTableOptions = {}): Promise<LocalTable> {
  const { dataDirectory, port = 0, tableName = 'compactor' } = options;
  const path = dataDirectory && resolve(dataDirectory);
  if (path !== undefined) await tryDatabase(path);
  const server = dynalite({ path, createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 });
  surviveAbortedRequests(server);
  const taken = await listen(server, 'The local table', port, 'choose another, or 0 for a free one');
  const endpoint = `http://127.0.0.1:${taken}`;
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const clientConfig = { endpoint, region: 'us-east-1', credentials };
  const client = createDynamoClient(clientConfig);
  try {
    await createTable(client, tableName);
  } catch (error) {
    await closeServer(server);
    throw error;
  } finally {
    client.destroy();
  }
  return { endpoint, tableName, clientConfig, close: () => closeServer(server) };
}

/** Create the table unless it exists, and wait until it can be used. For any DynamoDB endpoint. */
export async function createTable(client: DynamoDBClient, tableName: string): Promise<void> {
  // The table nearly always exists already, and then one request suffices.
  if ((await statusOf(client, tableName)) === 'ACTIVE') return;
  const create = new CreateTableCommand({
    TableName: tableName,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [
      { AttributeName: 'collection', AttributeType: 'S' },
      { AttributeName: 'item', AttributeType: 'S' },
    ],
    KeySchema: [
      { AttributeName: 'collection', KeyType: 'HASH' },
      { AttributeName: 'item', KeyType: 'RANGE' },
    ],
  });
  await client.send(create).catch((error: unknown) => {
    if (!(error instanceof ResourceInUseException)) throw error;
  });
  for (let check = 0; check < ACTIVE_CHECKS; check++) {
    if ((await statusOf(client, tableName)) === 'ACTIVE') return;
    await wait(CHECK_INTERVAL_MS);
  }
  throw new TableUnavailableError(`Table "${tableName}" was created but did not become active. Start again.`);
}

/** `undefined`: there is no such table. */
async function statusOf(client: DynamoDBClient, tableName: string): Promise<string | undefined> {
  try {
    return (await client.send(new DescribeTableCommand({ TableName: tableName }))).Table?.TableStatus;
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  }
}

/** dynalite throws an uncaught exception if its database does not open, so we open it first. */
async function tryDatabase(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
    const { Level }: LevelModule = createRequire(import.meta.resolve('dynalite'))('level');
    const database = new Level(path);
    await database.open();
    await database.close();
  } catch (error) {
    const advice = 'Stop the other local stack that uses it, or choose another data directory.';
    throw new ConfigurationError(`The local table cannot be opened in "${path}". ${advice}`, { cause: error });
  }
}

/** dynalite throws an uncaught exception when a client disconnects in the middle of a request. */
function surviveAbortedRequests(server: Server): void {
  server.on('request', (request) => {
    request.removeAllListeners('error');
    request.on('error', () => {});
  });
}

function closeServer(server: Server): Promise<void> {
  return promisify(server.close.bind(server))();
}
