import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { listen } from '../listen.ts';
import { dispatch } from './api.ts';
import { ApiError } from './errors.ts';
import type { LocalStepFunctions } from './executions.ts';

/** Not imported: an import reads every export, and one of node:http's loads a WebSocket client, for 20 ms of CPU. */
const http = process.getBuiltinModule('node:http');
const TARGET = /^AWSStepFunctions\.(\w+)$/;
const BODY_LIMIT_BYTES = 1024 * 1024;
/** How long `close` waits for calls under way. */
const CLOSE_GRACE_MS = 2_000;

/** A GET request for something that is not the API's: a page, say. */
export interface PageRequest {
  /** Path and query, as sent. */
  path: string;
  /** `If-None-Match`. */
  etag: string | undefined;
}

export interface PageReply {
  status: number;
  headers: Record<string, string>;
  body: Uint8Array;
}

export interface SfnServer {
  /** e.g. `http://127.0.0.1:8083`: the `endpoint` of an SDK client, or `--endpoint-url` of the AWS CLI. */
  url: string;
  port: number;
  /** Answer what is under way, then stop listening. The executions are not touched. Idempotent. */
  close(): Promise<void>;
}

/**
 * Serve the Step Functions API (AWS JSON 1.0) on 127.0.0.1, without credentials: any are accepted. Foreign
 * pages are refused, as by every listener here.
 * @param options.port 0, the default, takes a free one
 * @param options.pages answers other GET requests, or says by `undefined` that there is no such page
 * @throws ConfigurationError (the port cannot be had)
 */
export async function startSfnServer(options: {
  stepFunctions: LocalStepFunctions;
  port?: number;
  pages?: (request: PageRequest) => Promise<PageReply | undefined>;
}): Promise<SfnServer> {
  const server = http.createServer((request, response) => {
    answer(options, request)
      .catch(failureReply)
      .then((reply) => send(response, reply));
  });
  const remedy = 'choose another by --port or COMPACTOR_PORT (0 takes a free one)';
  const port = await listen(server, 'The Step Functions endpoint', options.port ?? 0, remedy);
  let closing: Promise<void> | undefined;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    close: () => {
      closing ??= closeServer(server);
      return closing;
    },
  };
}

interface Reply {
  status: number;
  body: unknown;
  errorType?: string;
}

async function answer(
  { stepFunctions, pages }: Parameters<typeof startSfnServer>[0],
  request: IncomingMessage,
): Promise<Reply | PageReply> {
  if (request.method === 'GET' && request.url === '/health') return { status: 200, body: { status: 'ok' } };
  if (request.method === 'GET' && pages !== undefined) {
    const page = await pages({ path: request.url ?? '/', etag: request.headers['if-none-match'] });
    if (page !== undefined) return page;
    throw new HttpRefusal(404, 'NotFoundException', `There is no page "${request.url}" here.`);
  }
  if (request.method !== 'POST') {
    throw new HttpRefusal(405, 'UnknownOperationException', 'Only POST, and GET /health, are served here.');
  }
  const target = request.headers['x-amz-target'];
  const operation = typeof target === 'string' ? TARGET.exec(target)?.[1] : undefined;
  if (operation === undefined) {
    throw new ApiError('UnknownOperationException', `The x-amz-target "${target ?? ''}" is not one of Step Functions.`);
  }
  const body = await readBody(request);
  return { status: 200, body: await dispatch(stepFunctions, operation, parseBody(body)) };
}

/** Refused before the API is asked, with an HTTP status of its own. */
class HttpRefusal extends ApiError {
  readonly status: number;
  constructor(status: number, code: string, message: string) {
    super(code, message);
    this.status = status;
  }
}

function failureReply(error: unknown): Reply {
  if (!(error instanceof ApiError)) {
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return { status: 500, errorType: 'InternalFailure', body: { __type: 'InternalFailure', message } };
  }
  const status = error instanceof HttpRefusal ? error.status : 400;
  return { status, errorType: error.code, body: { __type: error.code, message: error.message } };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Leaving the loop early must not destroy the socket that the refusal is to be sent on.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_LIMIT_BYTES) {
      request.resume();
      throw new HttpRefusal(413, 'RequestEntityTooLargeException', `A body has at most ${BODY_LIMIT_BYTES} bytes.`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function parseBody(body: string): unknown {
  try {
    return JSON.parse(body === '' ? '{}' : body);
  } catch {
    throw new ApiError('SerializationException', 'The body is not JSON.');
  }
}

function send(response: ServerResponse, reply: Reply | PageReply): void {
  if ('headers' in reply) {
    response.writeHead(reply.status, { ...reply.headers, 'content-length': reply.body.length });
    response.end(reply.body);
    return;
  }
  const { status, body, errorType } = reply;
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    'content-type': 'application/x-amz-json-1.0',
    'content-length': bytes.length,
    'x-amzn-requestid': randomUUID(),
    'cache-control': 'no-store',
    ...(errorType === undefined ? {} : { 'x-amzn-errortype': errorType }),
    // The rest of a body that was refused is not read: the connection cannot be used again.
    ...(status === 413 ? { connection: 'close' } : {}),
  });
  response.end(bytes);
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  const cut = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
  await closed;
  clearTimeout(cut);
}
