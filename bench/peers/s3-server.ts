/**
 * An object store over the wire for peers that bring their own S3 client, behind the same network model: what LanceDB asks
 * of S3, conditional writes included, in memory. One `listen` is one process's link.
 */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { listen } from '../../local/listen.ts';
import { PRESETS, type Preset } from '../network/model.ts';
import { Network } from '../network/network.ts';
import { copyOf, deleted, deletesIn, listing, rangeOf, xml } from './s3-answers.ts';

export const BUCKET = 'peers';

interface Answer {
  status: number;
  body?: Uint8Array | string;
  headers?: Record<string, string>;
}

export class S3Server {
  readonly #objects = new Map<string, Buffer>();
  readonly #uploads = new Map<string, Map<number, Buffer>>();
  readonly #servers: Server[] = [];
  /** Requests so far. */
  requests = 0;

  /** @returns the endpoint of one client, with a link of its own */
  async listen(preset: Preset): Promise<string> {
    const network = new Network(PRESETS[preset]);
    const server = createServer((request, response) => {
      this.#serve(network, request, response).catch((error: unknown) => response.destroy(error as Error));
    });
    this.#servers.push(server);
    return `http://127.0.0.1:${await listen(server, 'S3', 0, 'free some ports')}`;
  }

  close(): void {
    for (const server of this.#servers) {
      server.closeAllConnections();
      server.close();
    }
  }

  async #serve(network: Network, request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests++;
    const sent = await buffer(request);
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    const latencyMs = isRead ? network.model.storeReadMs : network.model.storeWriteMs;
    const isHead = request.method === 'HEAD';
    const { status, body, headers } = await network.request(
      { latencyMs, link: network.store, bytesUp: sent.length },
      async () => this.#answer(request, sent),
      (answer) => (isHead ? 0 : Buffer.byteLength(answer.body ?? '')),
    );
    response.writeHead(status, { 'content-length': String(Buffer.byteLength(body ?? '')), ...headers });
    response.end(isHead ? undefined : body);
  }

  /** In one turn: nothing comes between looking and writing. */
  #answer(request: IncomingMessage, body: Buffer): Answer {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://s3');
    const key = decodeURIComponent(pathname).slice(`/${BUCKET}/`.length);
    switch (request.method) {
      case 'GET':
      case 'HEAD':
        return key === '' ? this.#list(query) : this.#get(request, key);
      case 'PUT':
        return this.#put(request, key, query, body);
      case 'DELETE':
        if (query.has('uploadId')) this.#uploads.delete(query.get('uploadId') ?? '');
        else this.#objects.delete(key);
        return { status: 204 };
      case 'POST':
        return this.#post(key, query, body);
      default:
        return { status: 405 };
    }
  }

  #get(request: IncomingMessage, key: string): Answer {
    const object = this.#objects.get(key);
    if (object === undefined) return failed(404, 'NoSuchKey');
    const common = { etag: etagOf(object), 'last-modified': new Date(0).toUTCString(), 'accept-ranges': 'bytes' };
    const range = rangeOf(request.headers.range, object.length);
    if (range === undefined) return { status: 200, body: object, headers: common };
    const [start, end] = range;
    const headers = { ...common, 'content-range': `bytes ${start}-${end - 1}/${object.length}` };
    return { status: 206, body: object.subarray(start, end), headers };
  }

  #put(request: IncomingMessage, key: string, query: URLSearchParams, body: Buffer): Answer {
    const part = query.get('partNumber');
    if (part !== null) {
      this.#uploads.get(query.get('uploadId') ?? '')?.set(Number(part), body);
      return { status: 200, headers: { etag: etagOf(body) } };
    }
    const { 'if-none-match': none, 'if-match': match, 'x-amz-copy-source': source } = request.headers;
    const current = this.#objects.get(key);
    if (none === '*' && current !== undefined) return failed(412, 'PreconditionFailed');
    if (match !== undefined && (current === undefined || etagOf(current) !== match)) {
      return failed(412, 'PreconditionFailed');
    }
    const content = source === undefined ? body : this.#objects.get(copyOf(source, BUCKET));
    if (content === undefined) return failed(404, 'NoSuchKey');
    this.#objects.set(key, content);
    const etag = etagOf(content);
    return {
      status: 200,
      headers: { etag },
      ...(source !== undefined && { body: xml('CopyObjectResult', { ETag: etag }) }),
    };
  }

  #post(key: string, query: URLSearchParams, body: Buffer): Answer {
    if (query.has('delete')) {
      const keys = deletesIn(body.toString());
      for (const name of keys) this.#objects.delete(name);
      return { status: 200, body: deleted(keys) };
    }
    if (query.has('uploads')) {
      const UploadId = `upload-${this.requests}`;
      this.#uploads.set(UploadId, new Map());
      return { status: 200, body: xml('InitiateMultipartUploadResult', { Bucket: BUCKET, Key: key, UploadId }) };
    }
    const id = query.get('uploadId') ?? '';
    const parts = [...(this.#uploads.get(id) ?? [])].sort(([a], [b]) => a - b);
    this.#uploads.delete(id);
    const whole = Buffer.concat(parts.map(([, part]) => part));
    this.#objects.set(key, whole);
    return { status: 200, body: xml('CompleteMultipartUploadResult', { Key: key, ETag: etagOf(whole) }) };
  }

  #list(query: URLSearchParams): Answer {
    return { status: 200, body: listing(this.#objects, query), headers: { 'content-type': 'application/xml' } };
  }
}

const etags = new WeakMap<Buffer, string>();

function etagOf(content: Buffer): string {
  const known = etags.get(content) ?? `"${createHash('md5').update(content).digest('hex')}"`;
  etags.set(content, known);
  return known;
}

function failed(status: number, code: string): Answer {
  return { status, body: xml('Error', { Code: code, Message: code }), headers: { 'content-type': 'application/xml' } };
}
