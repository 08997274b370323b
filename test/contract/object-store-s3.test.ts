/** What only S3 can answer: its error codes, lost responses, and how often each request is sent. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openS3Store } from '../../lambdas/adapters/store/s3-clients.ts';
import {
  ConditionalRequestConflictError,
  ConfigurationError,
  CorruptObjectError,
  ObjectNotFoundError,
  PreconditionFailedError,
  StoreUnavailableError,
} from '../../lambdas/errors/errors.ts';
import type { ObjectStore } from '../../lambdas/ports.ts';
import { type S3Server, type ScriptedAnswer, startS3Server } from '../support/s3-server.ts';
import { bytes, noise, sha256, streamOf, text } from './object-store-bodies.ts';

const KEY = 'pointers/birds.json';
const FULL_KEY = `s3/${KEY}`;
const MIB = 1024 * 1024;

let server: S3Server;
let store: ObjectStore;
beforeAll(async () => {
  server = await startS3Server();
  store = openS3Store(`s3://${server.bucket}/s3`, { config: server.config });
});
beforeEach(() => store.delete(KEY));
afterAll(() => server.close());

/** Requests with this method and key sent while `act` ran. */
async function sent(method: string, act: () => Promise<unknown>): Promise<number> {
  const before = server.requests().length;
  await act();
  return server
    .requests()
    .slice(before)
    .filter((request) => request === `${method} ${FULL_KEY}`).length;
}

describe('a write', () => {
  test.each([
    { status: 409, code: 'ConditionalRequestConflict', expected: ConditionalRequestConflictError },
    { status: 409, code: 'OperationAborted', expected: ConditionalRequestConflictError },
    { status: 409, code: 'InvalidBucketState', expected: StoreUnavailableError },
    { status: 412, code: 'PreconditionFailed', expected: PreconditionFailedError },
    { status: 404, code: 'NoSuchKey', expected: ObjectNotFoundError },
    { status: 404, code: 'NoSuchBucket', expected: ConfigurationError },
    { status: 400, code: 'BadDigest', expected: CorruptObjectError },
    { status: 500, code: 'InternalError', expected: StoreUnavailableError },
    { status: 503, code: 'SlowDown', expected: StoreUnavailableError },
    { status: 400, code: 'RequestTimeout', expected: StoreUnavailableError },
    { status: 403, code: 'AccessDenied', expected: StoreUnavailableError },
  ])('is sent once, whatever the answer: $status $code', async ({ status, code, expected }) => {
    const { etag } = await store.putIfAbsent(KEY, bytes('base'));
    const writes = [
      { method: 'PUT', act: () => store.putIfMatch(KEY, bytes('next'), etag) },
      { method: 'PUT', act: () => store.putIfAbsent(KEY, bytes('next')) },
      { method: 'DELETE', act: () => store.delete(KEY) },
    ] as const;

    for (const { method, act } of writes) {
      server.failNext({ method, status, code });
      const times = await sent(method, () => expect(act()).rejects.toThrow(expected));
      expect(times).toBe(1);
    }

    expect(text((await store.get(KEY)).body)).toBe('base');
  });

  test('refused for lack of rights says where to look', async () => {
    server.failNext({ method: 'PUT', status: 403, code: 'AccessDenied' });

    await expect(store.putIfAbsent(KEY, bytes('x'))).rejects.toThrow(/AccessDenied.*role's policy/);
  });

  test('whose response is lost is unknown to the caller, and done', async () => {
    const { etag } = await store.putIfAbsent(KEY, bytes('base'));
    server.failNext({ method: 'PUT', status: 500, code: 'InternalError', after: true });

    await expect(store.putIfMatch(KEY, bytes('next'), etag)).rejects.toThrow(StoreUnavailableError);

    expect(text((await store.get(KEY)).body)).toBe('next');
    // What a hidden retry would have met.
    await expect(store.putIfMatch(KEY, bytes('next'), etag)).rejects.toThrow(PreconditionFailedError);
  });

  test('to a server that is not there is unknown', async () => {
    const gone = createServer();
    await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve));
    const { port } = gone.address() as AddressInfo;
    await new Promise((resolve) => gone.close(resolve));
    const config = { ...server.config, endpoint: `http://127.0.0.1:${port}` };

    const write = openS3Store('s3://compactor-test', { config }).putIfAbsent(KEY, bytes('x'));

    await expect(write).rejects.toThrow(/ECONNREFUSED/);
    await expect(write).rejects.toBeInstanceOf(StoreUnavailableError);
  });

  test('verifies its digest on the server, which keeps it', async () => {
    const digest = sha256(bytes('x'));
    await store.putIfAbsent(KEY, bytes('x'), { sha256: digest });

    expect((await store.head(KEY)).sha256).toBe(digest);
  });
});

describe('a read', () => {
  test.each([
    { status: 500, code: 'InternalError' },
    { status: 503, code: 'SlowDown' },
  ] satisfies Partial<ScriptedAnswer>[])('is repeated after $status $code', async ({ status, code }) => {
    await store.putIfAbsent(KEY, bytes('x'));
    server.failNext({ method: 'GET', key: FULL_KEY, status, code });

    const times = await sent('GET', async () => expect(text((await store.get(KEY)).body)).toBe('x'));

    expect(times).toBe(2);
  });

  test('in a bucket that does not exist says so', async () => {
    const lost = openS3Store('s3://no-such-bucket/prefix', { config: server.config });

    await expect(lost.get(KEY)).rejects.toThrow(/bucket of s3:\/\/no-such-bucket\/prefix does not exist/);
    await expect(lost.list('').next()).rejects.toThrow(ConfigurationError);
  });
});

describe('deleteIfMatch', () => {
  test('takes a 412 for an absent key as success, and for a present one as lost', async () => {
    server.failNext({ method: 'DELETE', status: 412, code: 'PreconditionFailed' });
    await store.deleteIfMatch(KEY, '"x"');

    await store.putIfAbsent(KEY, bytes('x'));
    server.failNext({ method: 'DELETE', status: 412, code: 'PreconditionFailed' });
    await expect(store.deleteIfMatch(KEY, '"x"')).rejects.toThrow(PreconditionFailedError);
  });

  test('takes a missing bucket as an error', async () => {
    const lost = openS3Store('s3://no-such-bucket', { config: server.config });

    await expect(lost.deleteIfMatch(KEY, '"x"')).rejects.toThrow(ConfigurationError);
  });
});

describe('an upload in parts', () => {
  const body = noise(20 * MIB);

  test('repeats a part, but not the completing request', async () => {
    server.failNext({ method: 'PUT', key: FULL_KEY, status: 503, code: 'SlowDown' });
    const parts = await sent('PUT', () => store.putIfAbsent(KEY, streamOf(body)));
    expect(parts).toBe(4);
    expect(sha256((await store.get(KEY)).body)).toBe(sha256(body));
  });

  test.each([
    { status: 412, code: 'PreconditionFailed', expected: PreconditionFailedError },
    { status: 409, code: 'ConditionalRequestConflict', expected: ConditionalRequestConflictError },
    { status: 503, code: 'SlowDown', expected: StoreUnavailableError },
  ])('is aborted when completing it fails: $status $code', async ({ status, code, expected }) => {
    // The creating request is a POST as well: let it through by failing the second.
    const failing = {
      size: body.length,
      async *stream() {
        server.failNext({ method: 'POST', key: FULL_KEY, status, code });
        yield body;
      },
    };

    const before = server.requests().length;
    await expect(store.putIfAbsent(KEY, failing)).rejects.toThrow(expected);

    const requests = server.requests().slice(before);
    expect(requests.filter((request) => request.startsWith('POST'))).toHaveLength(2);
    expect(requests.at(-1)).toBe(`DELETE ${FULL_KEY}`);
    expect(server.openUploads()).toBe(0);
    await expect(store.head(KEY)).rejects.toThrow(ObjectNotFoundError);
  });

  test('whose completing response is lost is unknown, and done', async () => {
    const lost = {
      size: body.length,
      async *stream() {
        server.failNext({ method: 'POST', key: FULL_KEY, status: 500, code: 'InternalError', after: true });
        yield body;
      },
    };

    await expect(store.putIfAbsent(KEY, lost)).rejects.toThrow(StoreUnavailableError);

    expect((await store.head(KEY)).size).toBe(body.length);
  });

  test('is aborted when a part fails for good', async () => {
    server.failNext({ method: 'PUT', key: FULL_KEY, status: 403, code: 'AccessDenied' });

    await expect(store.putIfAbsent(KEY, streamOf(body))).rejects.toThrow(/AccessDenied/);

    expect(server.openUploads()).toBe(0);
  });
});
