/** What the front of the local stack's S3 adds to its store; conditions, ranges and listings are the contract suite's. */
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FileStore } from '../../lambdas/adapters/store/file-store.ts';
import type { ObjectStore } from '../../lambdas/ports.ts';
import { BUCKET, type LocalS3, startS3 } from '../../local/s3/server.ts';

let folder: string;
let store: ObjectStore;
let server: LocalS3;
let client: S3Client;
const at = { Bucket: BUCKET, Key: 'a/key' };
const url = (path: string) => `${server.endpoint}/${BUCKET}/${path}`;
const textAt = async (key: string) => Buffer.from((await store.get(key)).body).toString();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'local-s3-'));
  store = new FileStore(join(folder, 'store'));
  server = await startS3({ store, dataDirectory: folder, port: 0 });
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  client = new S3Client({ endpoint: server.endpoint, region: 'us-east-1', credentials });
});
afterAll(async () => {
  client.destroy();
  await server.close();
  await rm(folder, { recursive: true });
});
beforeEach(async () => {
  for await (const page of store.list('')) for (const { key } of page) await store.delete(key);
});

describe('a write', () => {
  it('without a condition replaces what is there', async () => {
    await client.send(new PutObjectCommand({ ...at, Body: 'one' }));

    await client.send(new PutObjectCommand({ ...at, Body: 'two' }));

    expect(await textAt('a/key')).toBe('two');
  });

  it('in signed chunks with a trailing digest is decoded, and verified', async () => {
    const put = (digest: string) =>
      fetch(url('a/key'), {
        method: 'PUT',
        headers: {
          'content-encoding': 'aws-chunked',
          'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
          'x-amz-decoded-content-length': '11',
          'x-amz-trailer': 'x-amz-checksum-crc32',
        },
        body: `5;chunk-signature=0\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:${digest}\r\n\r\n`,
      });

    const refused = await put('AAAAAA==');
    const taken = await put('DUoRhQ==');

    expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining('<Code>BadDigest</Code>')]);
    expect(taken.status).toBe(200);
    expect(await textAt('a/key')).toBe('hello world');
  });

  it.each([
    ['cut in a chunk', '5\r\nhel'],
    ['shorter than announced', '2\r\nhe\r\n0\r\n\r\n'],
    ['no chunk', 'hello'],
  ])('whose body is %s is refused', async (_, body) => {
    const headers = {
      'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      'x-amz-decoded-content-length': '5',
    };

    const answer = await fetch(url('a/key'), { method: 'PUT', headers, body });

    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('IncompleteBody')]);
    await expect(store.head('a/key')).rejects.toThrow('a/key');
  });

  it('to a key that could be a path elsewhere is refused', async () => {
    const { hostname, port } = new URL(server.endpoint);
    const socket = connect(Number(port), hostname);
    // `fetch` would resolve the dots itself.
    socket.write(
      `PUT /${BUCKET}/a/../../b HTTP/1.1\r\nhost: ${hostname}\r\ncontent-length: 1\r\nconnection: close\r\n\r\nx`,
    );

    let answer = '';
    for await (const part of socket) answer += part;

    expect(answer).toMatch(/^HTTP\/1.1 400 .*<Code>InvalidArgument<\/Code>/s);
  });

  it('of what S3 has and this has not is refused, not pretended', async () => {
    const answers = await Promise.all([
      fetch(url('a/key'), { method: 'PUT', headers: { 'x-amz-copy-source': `/${BUCKET}/b` } }),
      fetch(url('a/key?tagging'), { method: 'PUT', body: '<Tagging/>' }),
      fetch(`${server.endpoint}/${BUCKET}?policy`, { method: 'PUT', body: '{}' }),
    ]);

    expect(answers.map(({ status }) => status)).toEqual([501, 501, 501]);
  });
});

describe('a read', () => {
  beforeEach(() => store.putIfAbsent('a/key', Buffer.from('0123456789')));

  it.each([
    ['bytes=2-4', '234', 'bytes 2-4/10'],
    ['bytes=7-', '789', 'bytes 7-9/10'],
    ['bytes=-3', '789', 'bytes 7-9/10'],
    ['bytes=8-100', '89', 'bytes 8-9/10'],
  ])('of %s', async (Range, text, contentRange) => {
    const found = await client.send(new GetObjectCommand({ ...at, Range }));

    expect(await found.Body?.transformToString()).toBe(text);
    expect([found.ContentRange, found.ContentLength]).toEqual([contentRange, text.length]);
  });

  it('that starts after the end is refused', async () => {
    await expect(client.send(new GetObjectCommand({ ...at, Range: 'bytes=10-' }))).rejects.toThrow(
      expect.objectContaining({ name: 'InvalidRange' }),
    );
  });

  it('of an ETag that the reader has says that nothing changed', async () => {
    const { ETag } = await client.send(new HeadObjectCommand(at));

    const answer = await fetch(url('a/key'), { headers: { 'if-none-match': ETag ?? '' } });

    expect(answer.status).toBe(304);
  });

  it('of another bucket says which one there is', async () => {
    await expect(client.send(new GetObjectCommand({ Bucket: 'other', Key: 'a' }))).rejects.toThrow(/"compactor"/);
  });
});

describe('a listing', () => {
  const KEYS = ['a/1', 'a/2', 'b', 'c/x/1', 'c/y', 'd & <e>', 'é'];
  beforeEach(() => Promise.all(KEYS.map((key) => store.putIfAbsent(key, Buffer.from('x')))));

  it('with a delimiter has each folder once, over pages of one', async () => {
    const found: string[] = [];
    let ContinuationToken: string | undefined;
    do {
      const page = await client.send(
        new ListObjectsV2Command({ Bucket: BUCKET, Delimiter: '/', MaxKeys: 1, ContinuationToken }),
      );
      found.push(...(page.CommonPrefixes ?? []).map(({ Prefix = '' }) => Prefix));
      found.push(...(page.Contents ?? []).map(({ Key = '' }) => Key));
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken !== undefined);

    expect(found).toEqual(['a/', 'b', 'c/', 'd & <e>', 'é']);
  });

  it("of the first version of S3's API goes on from the marker", async () => {
    const first = await client.send(new ListObjectsCommand({ Bucket: BUCKET, MaxKeys: 3 }));
    const Marker = first.Contents?.at(-1)?.Key;

    const rest = await client.send(new ListObjectsCommand({ Bucket: BUCKET, Marker }));

    expect(first.IsTruncated).toBe(true);
    expect([...(first.Contents ?? []), ...(rest.Contents ?? [])].map(({ Key }) => Key)).toEqual(KEYS);
  });
});

it('deletes many objects at once, and says what it did', async () => {
  await store.putIfAbsent('a/1', Buffer.from('x'));
  const Objects = ['a/1', 'absent', '../x'].map((Key) => ({ Key }));

  const done = await client.send(new DeleteObjectsCommand({ Bucket: BUCKET, Delete: { Objects } }));

  expect(done.Deleted?.map(({ Key }) => Key)).toEqual(['a/1', 'absent']);
  expect(done.Errors?.map(({ Key, Code }) => [Key, Code])).toEqual([['../x', 'InvalidArgument']]);
  await expect(store.head('a/1')).rejects.toThrow('a/1');
});

describe('an upload in parts', () => {
  it('replaces what is there only when it is complete, with the parts that are named', async () => {
    await store.putIfAbsent('a/key', Buffer.from('old'));
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(at));
    const parts = ['first ', 'second', 'third'].map(async (Body, i) => {
      const part = { ...at, UploadId, PartNumber: i + 1, Body };
      return { PartNumber: i + 1, ETag: (await client.send(new UploadPartCommand(part))).ETag };
    });
    const [first, second] = await Promise.all(parts);
    const before = await textAt('a/key');

    await client.send(
      new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts: [first ?? {}, second ?? {}] } }),
    );

    expect([before, await textAt('a/key')]).toEqual(['old', 'first second']);
  });

  it.each([
    ['a part that is not there', [{ PartNumber: 2, ETag: '"x"' }], 'InvalidPart'],
    ['no part', [], 'MalformedXML'],
  ])('with %s is refused', async (_, Parts, name) => {
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(at));

    const completed = client.send(new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts } }));

    await expect(completed).rejects.toThrow(expect.objectContaining({ name }));
  });
});
