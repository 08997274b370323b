/** The contract suite over every object store. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { openStore } from '../../lambdas/adapters/store/open-store.ts';
import { ConfigurationError } from '../../lambdas/errors/errors.ts';
import { BUCKET, startS3 } from '../../local/s3/server.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { startS3Server } from '../support/s3-server.ts';
import { numbered, openBucket } from './object-store-adapters.ts';
import { describeObjectStore } from './object-store-suite.ts';

const CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' };

describeObjectStore('MemoryStore', async () => {
  let last = new MemoryStore();
  const open = () => {
    last = new MemoryStore();
    return last;
  };
  return { open, reopen: () => last, etagPerWrite: true, close: async () => undefined };
});

describeObjectStore('FileStore', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'file-store-'));
  return {
    ...numbered((n) => openStore(pathToFileURL(join(folder, `store ${n}`)).href)),
    etagPerWrite: true,
    close: () => rm(folder, { recursive: true }),
  };
});

describeObjectStore('S3Store over the wire', async () => {
  const server = await startS3Server();
  return {
    ...numbered((n) => openStore(`s3://${server.bucket}/stores/${n}`, { config: server.config })),
    etagPerWrite: false,
    close: server.close,
  };
});

describeObjectStore("S3Store over the local stack's S3", async () => {
  const folder = await mkdtemp(join(tmpdir(), 'local-s3-'));
  const files = openStore(pathToFileURL(join(folder, 'store')).href);
  const server = await startS3({ store: files, dataDirectory: folder, port: 0 });
  const config = { endpoint: server.endpoint, region: 'us-east-1', credentials: CREDENTIALS };
  return {
    ...numbered((n) => openStore(`s3://${BUCKET}/stores/${n}`, { config })),
    etagPerWrite: true,
    close: async () => {
      await server.close();
      await rm(folder, { recursive: true });
    },
  };
});

const { AWS_ENDPOINT_URL_S3, COMPACTOR_TEST_BUCKET } = process.env;
describe.runIf(AWS_ENDPOINT_URL_S3 && COMPACTOR_TEST_BUCKET)('at AWS_ENDPOINT_URL_S3', () => {
  describeObjectStore('S3Store', async () => openBucket(COMPACTOR_TEST_BUCKET ?? ''));
});

describe('openStore', () => {
  test('names the store by its URL', () => {
    expect(openStore('s3://vectors').url).toBe('s3://vectors');
    expect(openStore('s3://vectors/some/prefix/').url).toBe('s3://vectors/some/prefix');
    expect(openStore('file:///tmp/some%20store').url).toBe('file:///tmp/some%20store');
  });

  test.each([
    '',
    'vectors',
    '/tmp/store',
    'file://tmp/store',
    'file:///',
    'file:///tmp/store?x=1',
    's3://',
    's3:///prefix',
    's3://UPPER/prefix',
    's3://vectors//prefix',
    's3://vectors/pre fix',
    'https://vectors.s3.amazonaws.com',
  ])('refuses "%s" with an example', (url) => {
    expect(() => openStore(url)).toThrow(ConfigurationError);
    expect(() => openStore(url)).toThrow(/"(s3|file):\/\//);
  });
});
