/** The routes of Chroma's API, version 2. */
import { Hono } from 'hono';
import {
  CompactorError,
  ConditionalRequestConflictError,
  EngineRunawayError,
  EngineUnavailableError,
  InboxChangedError,
  InvalidInputError,
  MergeVerificationError,
  PointerMovedError,
  SecretUnavailableError,
  StoreUnavailableError,
  TableUnavailableError,
} from '../errors/errors.ts';
import type { ApiAnswer, Telemetry } from '../ports.ts';
import { addCollectionRoutes } from './collections.ts';
import type { Endpoint } from './endpoint.ts';
import { limitBody } from './limit-body.ts';
import { addRecordRoutes } from './records.ts';
import { invalid, ok, refusal, toResponse } from './replies.ts';
import { addTenantRoutes } from './tenants.ts';

/** The same limit as Chroma's own. */
const MAX_BODY_BYTES = 40 * 1024 * 1024;
/** Paths at which the engine answers about itself. */
const OWN_WORDS = ['/api/v2', '/api/v2/heartbeat', '/api/v2/version', '/api/v2/healthcheck'];

export function createApp(endpoint: Endpoint): Hono {
  const app = new Hono();
  const tooLarge = () => toResponse({ status: 413, body: 'Payload too large', contentType: undefined });
  app.use(limitBody(endpoint.options.maxBodyBytes ?? MAX_BODY_BYTES, tooLarge));
  for (const path of [...OWN_WORDS, '/api/v2/auth/identity', '/openapi.json']) {
    app.get(path, async (context) => toResponse(await forward(endpoint, context.req.raw)));
  }
  app.get('/api/v2/pre-flight-checks', async (context) => toResponse(await checks(endpoint, context.req.raw)));
  app.post('/api/v2/reset', async (context) => toResponse(await reset(endpoint, context.req.raw)));
  addTenantRoutes(app, endpoint);
  addCollectionRoutes(app, endpoint);
  addRecordRoutes(app, endpoint);
  app.notFound(async (context) => toResponse(await unknown(endpoint, context.req.raw)));
  app.onError((error) => failureOf(error, endpoint.ports.telemetry));
  return app;
}

/** The answer that a client gets for a failure; the log gets all of it. */
export function failureOf(error: Error, telemetry: Telemetry): Response {
  telemetry.warn('A request failed.', { error: error.name, reason: error.message });
  return toResponse(failure(error));
}

/** A request that concerns no collection, answered by the engine itself. */
export async function forward({ scratch }: Endpoint, request: Request, body?: string): Promise<ApiAnswer> {
  const { pathname, search } = new URL(request.url);
  const contentType = request.headers.get('content-type') ?? undefined;
  return scratch.send({ method: request.method, path: pathname + search, body, contentType });
}

/**
 * Clients split what they send into batches of at most this many records: as many as the engine takes, or as fit into
 * one request here.
 */
async function checks(endpoint: Endpoint, request: Request): Promise<ApiAnswer> {
  const answer = await forward(endpoint, request);
  const { maxBatchSize } = endpoint.options;
  if (maxBatchSize === undefined || answer.status !== 200) return answer;
  const said = JSON.parse(answer.body) as { max_batch_size: number };
  return ok(JSON.stringify({ ...said, max_batch_size: Math.min(said.max_batch_size, maxBatchSize) }));
}

/** Unless a reset is allowed, the engine refuses it, in its own words. */
async function reset(endpoint: Endpoint, request: Request): Promise<ApiAnswer> {
  if (!endpoint.options.allowReset) return forward(endpoint, request);
  await endpoint.directory.reset();
  return ok('true');
}

/**
 * For paths without a route, the client gets the engine's own answer. Only GET requests are tried on the engine, since
 * others could change something.
 */
async function unknown(endpoint: Endpoint, request: Request): Promise<ApiAnswer> {
  if (['GET', 'HEAD', 'OPTIONS'].includes(request.method)) return forward(endpoint, request);
  const { pathname: path } = new URL(request.url);
  const { status, body } = await endpoint.scratch.send({ method: 'GET', path });
  // The engine explains why a thing is not found; for a path that does not exist its answer is empty.
  return { status: status === 404 && body === '' ? 404 : 405, body: '', contentType: undefined };
}

/** What a server printed belongs in the log, not in the answer. */
function forClients({ message }: Error): string {
  return message.replace(/ The server printed last: .*$/s, '');
}

/** Errors that may not recur: with another look, with another copy, or once other requests are done. */
const PASSING = [
  ConditionalRequestConflictError,
  EngineRunawayError,
  EngineUnavailableError,
  InboxChangedError,
  MergeVerificationError,
  PointerMovedError,
  SecretUnavailableError,
  StoreUnavailableError,
  TableUnavailableError,
];

/**
 * The answer to a failure that is not the client's fault. A write that ends this way was not acknowledged, but may be
 * in the log all the same.
 */
export function failure(error: Error): ApiAnswer {
  const said =
    error instanceof CompactorError ? `${error.name}: ${forClients(error)}` : 'The endpoint failed; see its log.';
  if (error instanceof InvalidInputError) return invalid(said);
  if (PASSING.some((kind) => error instanceof kind)) return refusal(503, 'Unavailable', said);
  return refusal(500, 'InternalError', said);
}
