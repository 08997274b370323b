/** The announcers: PutEvents as it goes over the wire, and the local stack's file. */
import { once } from 'node:events';
import { appendFile, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EventBridgeAnnouncer } from '../../lambdas/adapters/eventbridge-announcer.ts';
import { type CompactionCommitted, compactionCommitted } from '../../lambdas/protocol/announcement.ts';
import { FileAnnouncer, readEvents } from '../../local/events.ts';

const announcement = (version: number, deltas = 1): CompactionCommitted => ({
  format: 1,
  collection: 'books',
  version,
  commitId: '01ARZ3NDEKTSV4RRFFQ69G5FAV',
  current: { version, commitId: '01ARZ3NDEKTSV4RRFFQ69G5FAV', records: 7 },
  deltas: Array.from({ length: deltas }, (_, n) => ({
    deltaId: `d-${n}`,
    outcome: 'applied',
    sha256: 'a'.repeat(64),
    rejectedOperations: 0,
  })),
  part: 1,
  parts: 1,
});

describe('on EventBridge', () => {
  interface Entry {
    EventBusName: string;
    Source: string;
    DetailType: string;
    Detail: string;
  }
  let server: Server;
  let announcer: EventBridgeAnnouncer;
  let client: EventBridgeClient;
  let requests: Entry[][];
  /** Answer of an entry by its version. */
  let answer: (version: number) => object;
  let status: number;

  beforeEach(async () => {
    requests = [];
    answer = () => ({ EventId: 'e' });
    status = 200;
    server = createServer(async (request, response) => {
      const { Entries } = JSON.parse(await text(request)) as { Entries: Entry[] };
      requests.push(Entries);
      const answers = Entries.map(({ Detail }) => answer((JSON.parse(Detail) as CompactionCommitted).version));
      const isFine = status === 200 && request.headers['x-amz-target'] === 'AWSEvents.PutEvents';
      const failed = answers.filter((each) => 'ErrorCode' in each).length;
      response.writeHead(isFine ? 200 : status, { 'content-type': 'application/x-amz-json-1.1' });
      response.end(JSON.stringify(isFine ? { FailedEntryCount: failed, Entries: answers } : { __type: 'Planted' }));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    client = new EventBridgeClient({
      endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      region: 'us-east-1',
      credentials: { accessKeyId: 'x', secretAccessKey: 'x' },
      maxAttempts: 1,
    });
    announcer = new EventBridgeAnnouncer(client, 'my-bus');
  });
  afterEach(async () => {
    client.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  test('an event has bus, source, detail type, and a detail of the schema', async () => {
    expect(await announcer.announce([announcement(3)])).toEqual([]);

    expect(requests).toMatchObject([
      [{ EventBusName: 'my-bus', Source: 'chroma-compactor', DetailType: 'Compaction Committed' }],
    ]);
    expect(compactionCommitted.parse(JSON.parse(requests[0]?.[0]?.Detail ?? ''))).toEqual(announcement(3));
  });

  test('an entry that is refused within an answer of 200 comes back, with the reason', async () => {
    answer = (version) =>
      version === 2 ? { ErrorCode: 'ThrottlingException', ErrorMessage: 'slow down' } : { EventId: 'e' };

    const refused = await announcer.announce([1, 2, 3].map((version) => announcement(version)));

    expect(refused).toEqual([{ announcement: announcement(2), reason: 'ThrottlingException: slow down' }]);
  });

  test('a call takes at most ten entries and 256 KB', async () => {
    const large = Array.from({ length: 5 }, (_, n) => announcement(n, 500));
    await announcer.announce([...Array.from({ length: 12 }, (_, n) => announcement(n)), ...large]);

    expect(requests.flat()).toHaveLength(17);
    for (const entries of requests) {
      expect(entries.length).toBeLessThanOrEqual(10);
      expect(entries.reduce((sum, { Detail }) => sum + Detail.length, 0)).toBeLessThan(256 * 1024);
    }
    // Ten at a time would be two calls.
    expect(requests.length).toBeGreaterThan(2);
  });

  test('a call that fails says what to check', async () => {
    status = 400;

    await expect(announcer.announce([announcement(1)])).rejects.toThrow(
      expect.objectContaining({ name: 'AnnouncerUnavailableError', message: expect.stringContaining('my-bus') }),
    );
  });
});

test('the local stack keeps events in a file, in their envelope, and passes over a line that was cut', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'compactor-events-'));
  try {
    expect(await readEvents(directory)).toEqual({ events: [], next: 0 });
    const announcer = new FileAnnouncer(directory);
    await announcer.announce([announcement(1)]);
    const first = await readEvents(directory);
    await appendFile(join(directory, 'events.jsonl'), '{"version":"0","id\n');
    await announcer.announce([announcement(2)]);

    const rest = await readEvents(directory, first.next);

    expect(first.events).toMatchObject([
      { source: 'chroma-compactor', 'detail-type': 'Compaction Committed', detail: announcement(1) },
    ]);
    expect(rest.events.map(({ detail }) => detail.version)).toEqual([2]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

describe('the file of events, when it is too large', () => {
  const MAX_BYTES = 16 * 1024;
  let directory: string;
  const announcers = () => Array.from({ length: 4 }, () => new FileAnnouncer(directory, { maxBytes: MAX_BYTES }));
  const versionsFrom = async (from?: number) => {
    const { events, next } = await readEvents(directory, from);
    return { versions: events.map(({ detail }) => detail.version), next };
  };
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'compactor-events-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  test('stays bounded, and who follows sees each event once, whoever writes', async () => {
    const writers = announcers();
    const seen: number[] = [];
    let from = 0;
    const follow = async () => {
      const { versions, next } = await versionsFrom(from);
      seen.push(...versions);
      from = next;
    };
    for (let round = 0; round < 100; round++) {
      const write = writers.map((writer, n) => writer.announce([announcement(4 * round + n)]));
      await Promise.all([...write, follow()]);
      expect((await stat(join(directory, 'events.jsonl'))).size).toBeLessThanOrEqual(MAX_BYTES);
    }
    await follow();

    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 400 }, (_, n) => n));
    expect((await readdir(directory)).sort()).toEqual(['events.jsonl', 'events.lock']);
  });

  test('gives the newest ones, whole and in order, to who comes late or starts at the end', async () => {
    const [writer] = announcers();
    for (let n = 0; n < 200; n++) await writer?.announce([announcement(n)]);

    const [late, all] = [await versionsFrom(10), await versionsFrom()];

    expect(all.versions.length).toBeGreaterThan(10);
    expect(all.versions.length).toBeLessThan(100);
    expect(all.versions).toEqual(Array.from({ length: all.versions.length }, (_, n) => 200 - all.versions.length + n));
    expect(late).toEqual(all);
    expect(await versionsFrom(all.next)).toEqual({ versions: [], next: all.next });
  });

  test('keeps its last event, however long', async () => {
    const [writer] = announcers();
    const kept: number[][] = [];
    for (const [version, deltas] of [
      [1, 1],
      [2, 500],
      [3, 1],
    ] as const) {
      await writer?.announce([announcement(version, deltas)]);
      kept.push((await versionsFrom()).versions);
    }

    expect(kept).toEqual([[1], [2], [3]]);
  });

  test('means all that there are to a position of a data directory that is no more', async () => {
    const [writer] = announcers();
    for (let n = 0; n < 5; n++) await writer?.announce([announcement(n)]);
    const { next } = await versionsFrom();
    await rm(join(directory, 'events.jsonl'));
    const gone = await versionsFrom(next);
    await writer?.announce([announcement(7)]);

    expect(gone).toEqual({ versions: [], next: 0 });
    expect((await versionsFrom(next)).versions).toEqual([7]);
  });
});
