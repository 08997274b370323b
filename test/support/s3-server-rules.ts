/** What S3 does and fauxqs does not, as functions of a request and the stored state. */
import { hash } from 'node:crypto';
import type { S3Store as Buckets } from '../../node_modules/fauxqs/dist/s3/s3Store.js';

export interface S3Request {
  method: string;
  params: { bucket?: string; '*'?: string };
  query: Record<string, string | undefined>;
  headers: Record<string, string | undefined>;
  body: unknown;
}

export interface Answer {
  status: number;
  body: string;
}

interface Stored {
  key: string;
  etag: string;
  contentLength: number;
  lastModified: Date;
}

/** Base64 SHA-256 that came with an object, by its record: a new write makes a new record. */
const digests = new WeakMap<object, string>();

export function xmlError(code: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${code}</Message></Error>`;
}

const PRECONDITION_FAILED: Answer = { status: 412, body: xmlError('PreconditionFailed') };
const NO_SUCH_KEY: Answer = { status: 404, body: xmlError('NoSuchKey') };
const BAD_DIGEST: Answer = { status: 400, body: xmlError('BadDigest') };

/** The answer that comes before fauxqs acts, if any. Must run in one turn with the handler. */
export function answerBefore(buckets: Buckets, request: S3Request): Answer | undefined {
  const { method, query } = request;
  const key = request.params['*'] ?? '';
  if (method === 'GET' && key === '' && query['list-type'] === '2') return listing(buckets, request);
  if (method === 'PUT' && !isDigestRight(request)) return BAD_DIGEST;
  // Parts and new uploads know no conditions; completing an upload does.
  const writes = method === 'PUT' ? query.partNumber === undefined : method === 'POST' && query.uploadId !== undefined;
  const conditional = writes || (method === 'DELETE' && query.uploadId === undefined);
  if (method === 'POST' && query.uploadId !== undefined) request.body = withoutDigests(request.body);
  // fauxqs itself says that a bucket is missing.
  if (!conditional || !buckets.hasBucket(request.params.bucket ?? '')) return undefined;
  return refusal(currentOf(buckets, request), request.headers);
}

function refusal(current: Stored | undefined, headers: S3Request['headers']): Answer | undefined {
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = headers;
  if (ifNoneMatch === '*' && current !== undefined) return PRECONDITION_FAILED;
  if (ifMatch === undefined) return undefined;
  if (current === undefined) return NO_SUCH_KEY;
  return ifMatch === current.etag ? undefined : PRECONDITION_FAILED;
}

/** Keep the digest of a PUT that succeeded. */
export function rememberDigest(buckets: Buckets, request: S3Request, status: number): void {
  const digest = request.headers['x-amz-checksum-sha256'];
  const current = currentOf(buckets, request);
  const isWholeObject = request.method === 'PUT' && request.query.partNumber === undefined;
  if (isWholeObject && status === 200 && digest !== undefined && current) digests.set(current, digest);
}

/** Give the digest to a HEAD that asks for it. */
export function withDigest(buckets: Buckets, request: S3Request, header: (name: string, value: string) => void): void {
  if (request.method !== 'HEAD' || request.headers['x-amz-checksum-mode'] !== 'ENABLED') return;
  const current = currentOf(buckets, request);
  const digest = current && digests.get(current);
  if (digest !== undefined) header('x-amz-checksum-sha256', digest);
}

/** 1 when this request opened a multipart upload, -1 when it completed or aborted one. */
export function uploadsOpened({ method, query }: S3Request, status: number): number {
  if (status >= 300) return 0;
  if (method === 'POST' && query.uploads !== undefined) return 1;
  return query.uploadId !== undefined && (method === 'POST' || method === 'DELETE') ? -1 : 0;
}

function currentOf(buckets: Buckets, { params }: S3Request): Stored | undefined {
  try {
    return buckets.getObject(params.bucket ?? '', params['*'] ?? '');
  } catch {
    return undefined;
  }
}

function isDigestRight({ headers, body }: S3Request): boolean {
  const digest = headers['x-amz-checksum-sha256'];
  return digest === undefined || hash('sha256', body as Buffer, 'base64') === digest;
}

/** fauxqs reads parts of number and ETag only. */
function withoutDigests(body: unknown): Buffer {
  return Buffer.from(String(body).replace(/<ChecksumSHA256>[^<]*<\/ChecksumSHA256>/g, ''));
}

function listing(buckets: Buckets, { params, query }: S3Request): Answer {
  const bucket = params.bucket ?? '';
  if (!buckets.hasBucket(bucket)) return { status: 404, body: xmlError('NoSuchBucket') };
  const token = query['continuation-token'];
  const after = token === undefined ? (query['start-after'] ?? '') : Buffer.from(token, 'base64').toString();
  const matching = buckets
    .listObjects(bucket, { prefix: query.prefix ?? '', maxKeys: Number.POSITIVE_INFINITY })
    .objects.filter(({ key }) => bytewise(key, after) > 0)
    .sort((a, b) => bytewise(a.key, b.key));
  const page = matching.slice(0, Math.min(Number(query['max-keys'] ?? 1000), 1000));
  const next = page.length < matching.length ? Buffer.from(page.at(-1)?.key ?? '').toString('base64') : undefined;
  const body = [
    '<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">',
    `<EncodingType>url</EncodingType><KeyCount>${page.length}</KeyCount><IsTruncated>${next !== undefined}</IsTruncated>`,
    next === undefined ? '' : `<NextContinuationToken>${next}</NextContinuationToken>`,
    ...page.map(contents),
    '</ListBucketResult>',
  ].join('');
  return { status: 200, body };
}

function contents({ key, etag, contentLength, lastModified }: Stored): string {
  const encoded = encodeURIComponent(key).replaceAll('%20', '+').replaceAll('%2F', '/');
  return (
    `<Contents><Key>${encoded}</Key><ETag>${etag.replaceAll('"', '&quot;')}</ETag><Size>${contentLength}</Size>` +
    `<LastModified>${lastModified.toISOString()}</LastModified></Contents>`
  );
}

function bytewise(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
