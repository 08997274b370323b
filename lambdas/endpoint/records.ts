/** Records: reads go to a copy of the collection as they came, writes go to its log. */
import type { Context, Hono } from 'hono';
import { READ_LEVELS, type ReadLevel } from '../serving/looks.ts';
import { isCollectionId } from '../snapshot/name-keys.ts';
import { forward } from './app.ts';
import { COLLECTIONS_ROUTE } from './collections.ts';
import type { Endpoint } from './endpoint.ts';
import { measureRequests } from './measure.ts';
import { refusal, toResponse } from './replies.ts';

const WRITES = ['add', 'upsert', 'update'] as const;
const ASKED_BY_POST = ['get', 'query', 'search'] as const;
const ASKED_BY_GET = ['count', 'fork_count', 'indexing_status', 'functions/:function'] as const;
/**
 * The engine refuses these. A version that carried them out would change only one copy, and nobody else would see it.
 */
const REFUSED = ['fork', 'functions/attach', 'attached_functions/:function/detach'] as const;

export function addRecordRoutes(app: Hono, endpoint: Endpoint): void {
  const at = `${COLLECTIONS_ROUTE}/:id`;
  app.use(
    `${at}/*`,
    measureRequests(endpoint.ports.telemetry, (id) => endpoint.storedName(id)),
  );
  for (const op of WRITES) app.post(`${at}/${op}`, (context) => write(endpoint, context, op));
  app.post(`${at}/delete`, (context) => write(endpoint, context, 'delete'));
  for (const verb of ASKED_BY_POST) app.post(`${at}/${verb}`, (context) => ask(endpoint, context));
  for (const verb of ASKED_BY_GET) app.get(`${at}/${verb}`, (context) => ask(endpoint, context));
  for (const verb of REFUSED) {
    app.post(`${at}/${verb}`, async (context) => {
      const answer = await ask(endpoint, context);
      if (!answer.ok) return answer;
      return toResponse(refusal(501, 'ChromaError', 'This endpoint changes collections by their records only'));
    });
  }
}

async function write(endpoint: Endpoint, context: Context, op: (typeof WRITES)[number] | 'delete'): Promise<Response> {
  const [record, body] = await Promise.all([recordOf(endpoint, context), context.req.text()]);
  if (record === undefined) return unknownCollection(endpoint, context, body);
  const contentType = context.req.header('content-type');
  if (op === 'delete') return toResponse(await endpoint.writes.delete(record, body, contentType));
  const answer = await endpoint.writes.write(record, op, body, contentType);
  return answer === undefined ? unknownCollection(endpoint, context, body) : toResponse(answer);
}

async function ask(endpoint: Endpoint, context: Context): Promise<Response> {
  const isPost = context.req.method === 'POST';
  const body = isPost ? await context.req.text() : undefined;
  const id = idOf(context);
  const { search, pathname } = new URL(context.req.url);
  const verb = pathname.split('/').slice(9).join('/');
  const request = { method: context.req.method, path: verb + search, body };
  const contentType = context.req.header('content-type');
  const asked = isCollectionId(id)
    ? await endpoint.askById(id, levelOf(endpoint, context), { ...request, contentType })
    : undefined;
  if (asked === undefined) return unknownCollection(endpoint, context, body);
  const { reflected, ...answer } = asked;
  return toResponse(answer, reflected);
}

/**
 * Chroma has a third level between the two, which may leave out the newest writes; here it is answered like
 * `index_and_wal`.
 */
function levelOf({ options }: Endpoint, context: Context): ReadLevel {
  const asked = context.req.query('read_level');
  if (asked === undefined) return options.readLevel;
  return READ_LEVELS.find((level) => level === asked) ?? 'index_and_wal';
}

/** The id in the form in which Chroma writes it. */
export function idOf(context: Context): string {
  return (context.req.param('id') ?? '').toLowerCase();
}

async function recordOf(endpoint: Endpoint, context: Context) {
  const id = idOf(context);
  return isCollectionId(id) ? endpoint.findById(id) : undefined;
}

/** The engine does not know the collection either, and says so in its own words. */
async function unknownCollection(endpoint: Endpoint, context: Context, body?: string): Promise<Response> {
  const text = body ?? (context.req.method === 'POST' ? await context.req.text() : undefined);
  return toResponse(await forward(endpoint, context.req.raw, text));
}
