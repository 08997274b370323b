/** What the DynamoDB adapters make of the answers of an endpoint, or of none. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createDynamoClient, toAttributes } from '../../lambdas/adapters/table/dynamo-client.ts';
import { DynamoLocks } from '../../lambdas/adapters/table/dynamo-locks.ts';
import { DynamoStatuses } from '../../lambdas/adapters/table/dynamo-statuses.ts';
import { ConfigurationError, TableUnavailableError } from '../../lambdas/errors/errors.ts';

const ACQUIRE = { owner: 'a', phase: 'validation', pointerToken: 0, now: 1_000, durationMs: 1_000 } as const;

describe('errors', () => {
  it.each([
    ['ResourceNotFoundException', 400, ConfigurationError],
    ['ThrottlingException', 400, TableUnavailableError],
    ['ProvisionedThroughputExceededException', 400, TableUnavailableError],
    ['InternalServerError', 500, TableUnavailableError],
    ['AccessDeniedException', 400, ConfigurationError],
    ['UnrecognizedClientException', 400, ConfigurationError],
  ])('of the service: %s', async (type, code, expected) => {
    const endpoint = await answering(code, failure(type));
    await expect(new DynamoLocks(endpoint, 't').readLock('c')).rejects.toThrow(expected);
    await expect(new DynamoStatuses(endpoint, 't').getStatuses('c', ['one'])).rejects.toThrow(expected);
  });

  it.each([
    ['a proxy that answers 502', 502, '<html>Bad gateway</html>'],
    ['an answer that was cut off', 200, '{"Item":'],
  ])('on the wire: %s', async (_what, code, body) => {
    const endpoint = await answering(code, body);
    await expect(new DynamoLocks(endpoint, 't').readLock('c')).rejects.toThrow(TableUnavailableError);
  });

  it('on the wire: nobody listens', async () => {
    const talking = clientOf('http://127.0.0.1:1');
    await expect(new DynamoLocks(talking, 't').readLock('c')).rejects.toThrow(TableUnavailableError);
  });

  it('say what to do', async () => {
    const missing = new DynamoLocks(await answering(400, failure('ResourceNotFoundException')), 'nowhere');
    await expect(missing.acquireLock('c', ACQUIRE)).rejects.toThrow(/"nowhere" does not exist here: deploy the stack/);
  });
});

describe('a refused condition', () => {
  /** As DynamoDB answers with `ReturnValuesOnConditionCheckFailure`; a read that followed would fail to parse this. */
  const refused = (item: Record<string, string | number>) =>
    answering(400, failure('ConditionalCheckFailedException', { Item: toAttributes(item) }));

  it('is explained by the item that comes with it', async () => {
    const locks = new DynamoLocks(await refused({ owner: 'b', token: 4, expiresAt: 9_000 }), 't');
    await expect(locks.acquireLock('c', ACQUIRE)).rejects.toMatchObject({ owner: 'b', expiresAt: 9_000 });
    expect(await locks.takeClaim('c', { holder: { owner: 'b', token: 4 }, now: 9_000, durationMs: 1 })).toBe(
      'lock-lost',
    );
  });

  it('that the item does not explain is tried again, but not for ever', async () => {
    const locks = new DynamoLocks(await refused({ token: 4 }), 't');
    await expect(locks.acquireLock('c', ACQUIRE)).rejects.toThrow(/kept changing under 20 updates/);
  });
});

function failure(type: string, fields: object = {}): string {
  return JSON.stringify({ __type: `com.amazonaws.dynamodb.v20120810#${type}`, ...fields });
}

/** A client of a server that always gives the same answer. */
async function answering(code: number, body: string): Promise<DynamoDBClient> {
  const server = createServer((_request, response) => response.writeHead(code).end(body)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return clientOf(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

function clientOf(endpoint: string): DynamoDBClient {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const client = createDynamoClient({ endpoint, region: 'us-east-1', credentials, maxAttempts: 1 });
  onTestFinished(() => client.destroy());
  return client;
}
