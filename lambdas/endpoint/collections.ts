/** Collections: created, found, listed, counted, changed and dropped through the directory of names. */
import type { Context, Hono } from 'hono';
import type { ApiAnswer } from '../ports.ts';
import { isCollectionId } from '../snapshot/name-keys.ts';
import { forward } from './app.ts';
import { type Endpoint, settingsOf } from './endpoint.ts';
import { idOf } from './records.ts';
import { exists, invalid, notFound, ok, refusal, toResponse } from './replies.ts';
import { show, showAll } from './shown.ts';
import { pageOf } from './tenants.ts';

const DATABASE_ROUTE = '/api/v2/tenants/:tenant/databases/:database' as const;
export const COLLECTIONS_ROUTE = `${DATABASE_ROUTE}/collections` as const;
const NAME_TAKEN =
  'Database error: error returned from database: (code: 2067) UNIQUE constraint failed: collections.name, collections.database_id';

export function addCollectionRoutes(app: Hono, endpoint: Endpoint): void {
  const { ports, directory, servings, writes } = endpoint;

  app.post(COLLECTIONS_ROUTE, async (context) => toResponse(await create(endpoint, context)));
  app.get(COLLECTIONS_ROUTE, async (context) => {
    const page = await pageOf(endpoint, context);
    if ('status' in page) return toResponse(page);
    const { tenant, database } = context.req.param();
    return toResponse(ok(await showAll(ports, page.cut(await directory.list(tenant, database)))));
  });
  app.get(`${DATABASE_ROUTE}/collections_count`, async (context) => {
    const { tenant, database } = context.req.param();
    return toResponse(ok(String((await directory.list(tenant, database)).length)));
  });
  app.get(`${COLLECTIONS_ROUTE}/by-id/:id`, async (context) => {
    const id = idOf(context);
    const record = isCollectionId(id) ? await directory.findById(id) : undefined;
    return toResponse(record === undefined ? await forward(endpoint, context.req.raw) : ok(await show(ports, record)));
  });
  app.get(`${COLLECTIONS_ROUTE}/:name`, async (context) => {
    const { tenant, database, name } = context.req.param();
    const record = await directory.findByName(tenant, database, name);
    return toResponse(record === undefined ? absent(name) : ok(await show(ports, record)));
  });
  app.put(`${COLLECTIONS_ROUTE}/:id`, async (context) => toResponse(await modify(endpoint, context)));
  app.delete(`${COLLECTIONS_ROUTE}/:name`, async (context) => {
    const { tenant, database, name } = context.req.param();
    const dropped = await directory.drop(tenant, database, name);
    if (dropped === undefined) return toResponse(absent(name));
    servings.forget(dropped.collection);
    writes.forget(dropped.collection);
    return toResponse(ok());
  });
}

async function create({ ports, directory, scratch }: Endpoint, context: Context): Promise<ApiAnswer> {
  const body = await context.req.text();
  const refused = await scratch.refuseCreation(body, context.req.header('content-type'));
  if (refused !== undefined) return refused;
  const { tenant = '', database = '' } = context.req.param() as Record<string, string>;
  const { name, get_or_create: mayExist } = JSON.parse(body) as { name: string; get_or_create?: boolean | null };
  let unmade = invalid(`Database [${database}] does not exist`);
  const made = await directory.create(tenant, database, name, async () => {
    const described = await scratch.describe(body);
    if (!('status' in described)) return described;
    unmade = described;
    return undefined;
  });
  if (typeof made === 'string') return unmade;
  return made.isNew || mayExist ? ok(await show(ports, made.record)) : exists(`Collection [${name}]`);
}

async function modify(endpoint: Endpoint, context: Context): Promise<ApiAnswer> {
  const { directory, scratch, servings } = endpoint;
  const body = await context.req.text();
  const contentType = context.req.header('content-type');
  const id = idOf(context);
  if (!isCollectionId(id)) return forward(endpoint, context.req.raw, body);
  let refused: ApiAnswer | undefined;
  const outcome = await directory.modify(id, async (record) => {
    const made = await scratch.modify(record, body, contentType);
    refused = 'status' in made ? made : undefined;
    if ('status' in made) return {};
    const { name, ...described } = made;
    return { ...described, ...(name !== undefined && { name }) };
  });
  if (outcome === 'absent') return forward(endpoint, context.req.raw, body);
  if (refused !== undefined) return refused;
  if (outcome === 'taken') return refusal(500, 'InternalError', NAME_TAKEN);
  const record = await endpoint.findById(id);
  if (record !== undefined) await servings.configure(settingsOf(record));
  return ok();
}

function absent(name: string): ApiAnswer {
  return notFound(`Collection [${name}] does not exist`);
}
