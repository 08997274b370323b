/**
 * Bodies of requests in the forms in which SDKs send them: whole or in signed chunks, with digests that are verified.
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { S3Fault } from './fault.ts';

/** The body of one request is kept in memory. SDKs upload larger objects in parts, from 8 MiB on. */
const MAX_BODY_BYTES = 512 * 1024 * 1024;

const DIGESTS: Readonly<Record<string, (body: Uint8Array) => string>> = {
  'content-md5': (body) => createHash('md5').update(body).digest('base64'),
  'x-amz-checksum-sha256': (body) => createHash('sha256').update(body).digest('base64'),
  'x-amz-checksum-sha1': (body) => createHash('sha1').update(body).digest('base64'),
  'x-amz-checksum-crc32': (body) => {
    const digest = Buffer.alloc(4);
    digest.writeUInt32BE(crc32(body));
    return digest.toString('base64');
  },
};

/**
 * The decoded body of a request. Digests are verified if Node has their algorithm, wherever the client put them.
 * @throws S3Fault (`BadDigest`, `EntityTooLarge`, `IncompleteBody`)
 */
export async function readBody(request: Request): Promise<Uint8Array> {
  const raw = await collect(request);
  const { headers } = request;
  const isChunked = headers.get('x-amz-content-sha256')?.startsWith('STREAMING-') ?? false;
  const { body, trailers } = isChunked ? decodeChunks(raw) : { body: raw, trailers: new Map<string, string>() };
  const announced = headers.get(isChunked ? 'x-amz-decoded-content-length' : 'content-length');
  if (announced !== null && Number(announced) !== body.length) {
    throw new S3Fault(400, 'IncompleteBody', `The body has ${body.length} bytes, not ${announced}. Send it again.`);
  }
  for (const [name, digest] of Object.entries(DIGESTS)) {
    const expected = headers.get(name) ?? trailers.get(name);
    if (expected === undefined || expected === digest(body)) continue;
    throw new S3Fault(400, 'BadDigest', `The ${name} of the body is not ${expected}. Send it again.`);
  }
  return body;
}

async function collect(request: Request): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) {
      throw new S3Fault(400, 'EntityTooLarge', `Above ${MAX_BODY_BYTES} bytes an object must be uploaded in parts.`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * Content encoding `aws-chunked`: `size[;chunk-signature=…]`, CRLF, bytes, CRLF; after the chunk of size 0 come
 * trailers (docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html). Signatures are not checked, here or
 * elsewhere.
 */
function decodeChunks(raw: Uint8Array): { body: Uint8Array; trailers: Map<string, string> } {
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.length);
  const chunks: Uint8Array[] = [];
  let offset = 0;
  const line = () => {
    const end = bytes.indexOf('\r\n', offset);
    if (end < 0) throw new S3Fault(400, 'IncompleteBody', 'The body ends in the middle of a chunk. Send it again.');
    const text = bytes.toString('latin1', offset, end);
    offset = end + 2;
    return text;
  };
  for (;;) {
    const size = Number.parseInt(line(), 16);
    if (size === 0) break;
    if (!(size > 0) || offset + size > bytes.length) {
      throw new S3Fault(400, 'IncompleteBody', 'The body ends in the middle of a chunk. Send it again.');
    }
    chunks.push(bytes.subarray(offset, offset + size));
    offset += size + 2;
  }
  const trailers = new Map<string, string>();
  while (offset < bytes.length) {
    const [name = '', ...value] = line().split(':');
    if (name !== '') trailers.set(name.toLowerCase(), value.join(':').trim());
  }
  return { body: Buffer.concat(chunks), trailers };
}
