/**
 * S3's API over one bucket, path style. Signatures are not checked: anybody who can reach this machine may do
 * everything.
 */
import { Hono } from 'hono';
import { readBody } from './body.ts';
import { type Bucket, bucketsXml, ofBucket } from './bucket.ts';
import { faultOf, notImplemented, S3Fault } from './fault.ts';
import { readObject } from './read.ts';
import type { Uploads } from './uploads.ts';
import { deleteObject, writeObject } from './write.ts';
import { errorXml, parseCompletion, toXml, xmlResponse } from './xml.ts';

export interface LocalBucket extends Bucket {
  uploads: Uploads;
}

/** Node's request, whose path is not normalised: `a/../b` is an invalid key, and must not become another one. */
type Environment = { Bindings: { incoming: { url?: string } } };

/** @returns an application for `@hono/node-server` */
export function createS3App(bucket: LocalBucket): Hono<Environment> {
  const app = new Hono<Environment>();
  app.all('*', async (context) => {
    const [path = '/'] = (context.env.incoming.url ?? '/').split('?');
    try {
      return await answer(bucket, context.req.raw, path);
    } catch (error) {
      const fault = faultOf(error);
      return xmlResponse(errorXml(fault, path), fault.status);
    }
  });
  return app;
}

async function answer(bucket: LocalBucket, request: Request, path: string): Promise<Response> {
  const query = new URL(request.url).searchParams;
  const [name = '', ...rest] = path.slice(1).split('/');
  const key = decode(rest.join('/'));
  if (name === '' && request.method === 'GET') return xmlResponse(bucketsXml(bucket));
  if (name !== bucket.name) throw new S3Fault(404, 'NoSuchBucket', `The only bucket here is "${bucket.name}".`);
  return key === '' ? ofBucket(bucket, request, query) : ofObject(bucket, key, request, query);
}

async function ofObject(bucket: LocalBucket, key: string, request: Request, query: URLSearchParams): Promise<Response> {
  const { store, uploads } = bucket;
  const id = query.get('uploadId');
  if (request.headers.has('x-amz-copy-source')) throw notImplemented('copies: read the object and write it');
  const unknown = [...query.keys()].find((parameter) => !OF_OBJECTS.has(parameter));
  if (unknown !== undefined) throw notImplemented(`"${unknown}" of an object`);
  switch (request.method) {
    case 'GET':
    case 'HEAD':
      return readObject(store, key, request);
    case 'PUT': {
      const body = await readBody(request);
      const part = Number(query.get('partNumber'));
      const etag =
        id === null ? await writeObject(store, key, body, request.headers) : await uploads.putPart(id, key, part, body);
      return new Response(null, { headers: { etag } });
    }
    case 'POST':
      if (query.has('uploads')) return xmlResponse(uploadXml(bucket, key, await uploads.create(key)));
      if (id !== null) {
        const parts = parseCompletion(await readBody(request));
        const ETag = await uploads.complete(store, id, key, parts, request.headers);
        return xmlResponse(toXml('CompleteMultipartUploadResult', { Bucket: bucket.name, Key: key, ETag }));
      }
      throw notImplemented('POST of an object');
    case 'DELETE':
      if (id === null) await deleteObject(store, key, request.headers.get('if-match') ?? undefined);
      else await uploads.abort(id, key);
      return new Response(null, { status: 204 });
    default:
      throw notImplemented(`${request.method} of an object`);
  }
}

const OF_OBJECTS: ReadonlySet<string> = new Set(['uploadId', 'uploads', 'partNumber', 'x-id']);

function uploadXml({ name }: LocalBucket, key: string, id: string): string {
  return toXml('InitiateMultipartUploadResult', { Bucket: name, Key: key, UploadId: id });
}

/** @throws S3Fault (`InvalidURI`) */
function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch (error) {
    throw new S3Fault(400, 'InvalidURI', `"${path}" is not a key in URL encoding.`, { cause: error });
  }
}
