/** The local table: kept on disk, one process at a time, and not brought down by a client. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createDynamoClient } from '../../lambdas/adapters/table/dynamo-client.ts';
import { DynamoStatuses } from '../../lambdas/adapters/table/dynamo-statuses.ts';
import { ConfigurationError } from '../../lambdas/errors/errors.ts';
import type { DeltaStatus } from '../../lambdas/snapshot/ledger.ts';
import { type LocalTable, startTable } from '../../local/table.ts';

const STATUS: DeltaStatus = { outcome: 'applied', version: 1, sha256: 'a'.repeat(64), rejectedOperations: 0 };
const IDS = Array.from({ length: 20 }, (_, n) => `delta-${n}`);

async function emptyDirectory(): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'table-'));
  onTestFinished(() => rm(parent, { recursive: true }));
  return join(parent, 'not', 'there', 'yet');
}

function statusesOf(table: LocalTable): DynamoStatuses {
  const client = createDynamoClient(table.clientConfig);
  onTestFinished(() => client.destroy());
  return new DynamoStatuses(client, table.tableName);
}

it('keeps its items on disk, and starts again on them', async () => {
  const dataDirectory = await emptyDirectory();
  const first = await startTable({ dataDirectory, tableName: 'kept' });
  const writer = statusesOf(first);
  await Promise.all(IDS.map((id) => writer.putStatus('c', id, STATUS)));
  await first.close();

  const second = await startTable({ dataDirectory, tableName: 'kept' });
  const found = await statusesOf(second).getStatuses('c', IDS);
  await second.close();
  expect(found).toEqual(new Map(IDS.map((id) => [id, STATUS])));
});

it('finishes what is under way before it closes', async () => {
  const dataDirectory = await emptyDirectory();
  const first = await startTable({ dataDirectory });
  const writer = statusesOf(first);
  await writer.putStatus('c', 'warm', STATUS);
  const writes = Promise.allSettled(IDS.map((id) => writer.putStatus('c', id, STATUS)));
  await first.close();
  const acknowledged = (await writes).flatMap(({ status }, n) => (status === 'fulfilled' ? [IDS[n]] : []));

  const second = await startTable({ dataDirectory });
  const found = await statusesOf(second).getStatuses('c', IDS);
  await second.close();
  expect([...found.keys()]).toEqual(expect.arrayContaining(acknowledged));
});

it('refuses a directory that is in use, and says so', async () => {
  const dataDirectory = await emptyDirectory();
  const first = await startTable({ dataDirectory });
  onTestFinished(() => first.close());
  await expect(startTable({ dataDirectory })).rejects.toThrow(ConfigurationError);
  await statusesOf(first).putStatus('c', 'one', STATUS);
});

it('listens on the loopback interface only', async () => {
  const table = await startTable();
  onTestFinished(() => table.close());
  expect(new URL(table.endpoint).hostname).toBe('127.0.0.1');
});

it('survives clients that hang up in mid-request', async () => {
  const table = await startTable();
  onTestFinished(() => table.close());
  const socket = connect(Number(new URL(table.endpoint).port), '127.0.0.1');
  const head = ['POST / HTTP/1.1', 'Host: x', 'Content-Type: application/x-amz-json-1.0', 'Content-Length: 100'];
  await new Promise((sent) => socket.write(`${head.join('\r\n')}\r\n\r\n{`, sent));
  socket.destroy();
  await once(socket, 'close');
  await statusesOf(table).putStatus('c', 'one', STATUS);
});
