/** Reads of one object, and listings. */
import { PreconditionFailedError } from '../../lambdas/errors/errors.ts';
import type { ByteRange, ObjectInfo, ObjectStore } from '../../lambdas/ports.ts';
import { S3Fault } from './fault.ts';

const ROUNDS = 100;

/** `GetObject` and `HeadObject`. @throws S3Fault (`InvalidRange`, `PreconditionFailed`), ObjectNotFoundError */
export async function readObject(store: ObjectStore, key: string, request: Request): Promise<Response> {
  for (let round = 1; ; round++) {
    try {
      return await readOnce(store, key, request);
    } catch (error) {
      // The object was replaced between reading its size and its content, which must belong together.
      if (!(error instanceof PreconditionFailedError) || round === ROUNDS) throw error;
    }
  }
}

async function readOnce(store: ObjectStore, key: string, request: Request): Promise<Response> {
  const info = await store.head(key);
  const match = request.headers.get('if-match');
  if (match !== null && match !== '*' && match !== info.etag) {
    throw new S3Fault(412, 'PreconditionFailed', 'At least one of the preconditions you specified did not hold.');
  }
  const headers = headersOf(info);
  if (request.headers.get('if-none-match') === info.etag) return new Response(null, { status: 304, headers });
  const range = rangeOf(request.headers.get('range'), info.size);
  if (range !== undefined) headers.set('content-range', `bytes ${range.start}-${range.end - 1}/${info.size}`);
  headers.set('content-length', String(range === undefined ? info.size : range.end - range.start));
  const status = range === undefined ? 200 : 206;
  if (request.method === 'HEAD') return new Response(null, { status, headers });
  const { body } = await store.get(key, { ifMatch: info.etag, ...(range === undefined ? {} : { range }) });
  return new Response(Buffer.from(body.buffer, body.byteOffset, body.length), { status, headers });
}

function headersOf({ etag, lastModified }: ObjectInfo): Headers {
  return new Headers({
    etag,
    'last-modified': new Date(lastModified).toUTCString(),
    'accept-ranges': 'bytes',
    'content-type': 'binary/octet-stream',
  });
}

/**
 * `undefined`: the whole object is meant, also by a header that S3 would not understand. @throws S3Fault
 * (`InvalidRange`)
 */
function rangeOf(header: string | null, size: number): ByteRange | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size : Math.min(size, Number(last) + 1);
  if (start < end) return { start, end };
  throw new S3Fault(416, 'InvalidRange', `The object has ${size} bytes.`);
}

export interface ListRequest {
  prefix: string;
  delimiter: string;
  /** Exclusive. */
  startAfter: string;
  maxKeys: number;
}

export interface Listed {
  objects: readonly ObjectInfo[];
  prefixes: readonly string[];
  /** Where the next page starts; `undefined`: this was the last page. */
  next: string | undefined;
}

/**
 * Keys with the prefix, in UTF-8 order. With a delimiter, keys that are equal up to and including it become one common
 * prefix.
 */
export async function listObjects(store: ObjectStore, request: ListRequest): Promise<Listed> {
  const { prefix, delimiter, startAfter, maxKeys } = request;
  const objects: ObjectInfo[] = [];
  const prefixes: string[] = [];
  let last = startAfter;
  if (maxKeys === 0) return { objects, prefixes, next: undefined };
  for await (const page of store.list(prefix, startAfter === '' ? {} : { startAfter })) {
    for (const info of page) {
      const end = delimiter === '' ? -1 : info.key.indexOf(delimiter, prefix.length);
      const common = end < 0 ? undefined : info.key.slice(0, end + delimiter.length);
      // This common prefix was listed with the first of its keys, on this page or an earlier one.
      if (common !== undefined && last.startsWith(common)) continue;
      if (objects.length + prefixes.length === maxKeys) return { objects, prefixes, next: last };
      if (common === undefined) objects.push(info);
      else prefixes.push(common);
      last = common ?? info.key;
    }
  }
  return { objects, prefixes, next: undefined };
}
