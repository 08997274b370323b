/** Requests on the bucket: listings, and deleting many objects at once. */
import type { ObjectStore } from '../../lambdas/ports.ts';
import { readBody } from './body.ts';
import { faultOf, notImplemented, S3Fault } from './fault.ts';
import { type Listed, listObjects } from './read.ts';
import { deleteObject } from './write.ts';
import { parseDeletion, toXml, xmlResponse } from './xml.ts';

export interface Bucket {
  name: string;
  store: ObjectStore;
}

const LISTING: ReadonlySet<string> = new Set(
  'list-type prefix delimiter marker start-after continuation-token max-keys encoding-type fetch-owner x-id'.split(' '),
);

export function bucketsXml({ name }: Bucket): string {
  const Bucket = { Name: name, CreationDate: new Date(0).toISOString() };
  return toXml('ListAllMyBucketsResult', { Owner: { ID: 'local' }, Buckets: { Bucket } });
}

/** @throws S3Fault */
export async function ofBucket(bucket: Bucket, request: Request, query: URLSearchParams): Promise<Response> {
  const { method } = request;
  if (method === 'HEAD') return new Response(null, { headers: { 'x-amz-bucket-region': 'us-east-1' } });
  if (method === 'PUT' && query.size === 0) {
    throw new S3Fault(409, 'BucketAlreadyOwnedByYou', `Bucket "${bucket.name}" is there already.`);
  }
  if (method === 'POST' && query.has('delete')) return xmlResponse(await deleteMany(bucket, await readBody(request)));
  if (method !== 'GET') throw notImplemented(`${method} of a bucket`);
  if (query.has('location')) return xmlResponse(toXml('LocationConstraint', {}));
  if (query.has('versioning')) return xmlResponse(toXml('VersioningConfiguration', {}));
  const unknown = [...query.keys()].find((parameter) => !LISTING.has(parameter));
  if (unknown !== undefined) throw notImplemented(`"${unknown}" of a bucket`);
  return xmlResponse(await listXml(bucket, query));
}

async function deleteMany({ store }: Bucket, body: Uint8Array): Promise<string> {
  const { objects, isQuiet } = parseDeletion(body);
  const deleted: string[] = [];
  const failed: Record<string, string>[] = [];
  for (const { key, etag } of objects) {
    try {
      await deleteObject(store, key, etag);
      deleted.push(key);
    } catch (error) {
      const { code, message } = faultOf(error);
      failed.push({ Key: key, Code: code, Message: message });
    }
  }
  return toXml('DeleteResult', { Deleted: isQuiet ? [] : deleted.map((Key) => ({ Key })), Error: failed });
}

/** Answers `ListObjectsV2`, and its predecessor, which has other names for the same parameters. */
async function listXml({ name, store }: Bucket, query: URLSearchParams): Promise<string> {
  const isSecond = query.get('list-type') === '2';
  const token = query.get('continuation-token');
  const from = isSecond ? (token === null ? query.get('start-after') : fromToken(token)) : query.get('marker');
  const maxKeys = Math.min(1000, Number(query.get('max-keys') ?? 1000));
  if (!Number.isInteger(maxKeys) || maxKeys < 0) {
    throw new S3Fault(400, 'InvalidArgument', 'max-keys is an integer of 0 or more.');
  }
  const prefix = query.get('prefix') ?? '';
  const delimiter = query.get('delimiter') ?? '';
  const listed = await listObjects(store, { prefix, delimiter, startAfter: from ?? '', maxKeys });
  const isEncoded = query.get('encoding-type') === 'url';
  const write = (text: string) => (isEncoded ? encodeURIComponent(text).replaceAll('%2F', '/') : text);
  return toXml('ListBucketResult', {
    Name: name,
    Prefix: write(prefix),
    ...(delimiter === '' ? {} : { Delimiter: write(delimiter) }),
    MaxKeys: maxKeys,
    ...(isEncoded ? { EncodingType: 'url' } : {}),
    IsTruncated: listed.next !== undefined,
    ...(isSecond ? secondPaging(listed, token) : { Marker: write(from ?? ''), ...nextMarker(listed, write) }),
    Contents: listed.objects.map(({ key, size, etag, lastModified }) => ({
      Key: write(key),
      LastModified: new Date(lastModified).toISOString(),
      ETag: etag,
      Size: size,
      StorageClass: 'STANDARD',
    })),
    CommonPrefixes: listed.prefixes.map((common) => ({ Prefix: write(common) })),
  });
}

function secondPaging({ objects, prefixes, next }: Listed, token: string | null): Record<string, unknown> {
  return {
    KeyCount: objects.length + prefixes.length,
    ...(token === null ? {} : { ContinuationToken: token }),
    ...(next === undefined ? {} : { NextContinuationToken: Buffer.from(next).toString('base64url') }),
  };
}

function nextMarker({ next }: Listed, write: (text: string) => string): Record<string, unknown> {
  return next === undefined ? {} : { NextMarker: write(next) };
}

function fromToken(token: string): string {
  return Buffer.from(token, 'base64url').toString();
}
