/** Tenants and databases. The engine decides whether a name is well-formed, the directory whether it is taken. */
import type { Context, Hono } from 'hono';
import { createDatabase, createTenant, findDatabase, findTenant, listDatabases } from '../names/databases.ts';
import type { ApiAnswer } from '../ports.ts';
import { forward } from './app.ts';
import type { Endpoint } from './endpoint.ts';
import { exists, notFound, ok, toResponse } from './replies.ts';

export function addTenantRoutes(app: Hono, endpoint: Endpoint): void {
  const { ports, directory } = endpoint;
  const tenants = '/api/v2/tenants';

  app.post(tenants, (context) =>
    create(endpoint, context, async (name) =>
      (await createTenant(ports, name)) ? undefined : exists(`Tenant [${name}]`),
    ),
  );
  app.get(`${tenants}/:tenant`, async (context) => {
    const name = context.req.param('tenant');
    const tenant = await findTenant(ports, name);
    if (tenant === undefined) return toResponse(notFound(`Tenant [${name}] not found`));
    return toResponse(ok(JSON.stringify({ name: tenant.name, resource_name: tenant.resourceName })));
  });
  app.patch(`${tenants}/:tenant`, async (context) =>
    toResponse(await forward(endpoint, context.req.raw, await context.req.text())),
  );
  app.post(`${tenants}/:tenant/databases`, (context) => {
    const tenant = context.req.param('tenant');
    return create(endpoint, context, async (name) =>
      (await createDatabase(ports, tenant, name)) ? undefined : exists(`Database [${name}]`),
    );
  });
  app.get(`${tenants}/:tenant/databases`, async (context) => {
    const page = await pageOf(endpoint, context);
    if ('status' in page) return toResponse(page);
    const all = await listDatabases(ports, context.req.param('tenant'));
    return toResponse(ok(JSON.stringify(page.cut(all).map(({ id, name, tenant }) => ({ id, name, tenant })))));
  });
  app.get(`${tenants}/:tenant/databases/:database`, async (context) => {
    const { tenant, database } = context.req.param();
    const found = await findDatabase(ports, tenant, database);
    if (found === undefined) {
      return toResponse(notFound(`Database [${database}] not found. Are you sure it exists?`));
    }
    return toResponse(ok(JSON.stringify({ id: found.id, name: found.name, tenant: found.tenant })));
  });
  app.delete(`${tenants}/:tenant/databases/:database`, async (context) => {
    const { tenant, database } = context.req.param();
    const isGone = await directory.deleteDatabase(tenant, database);
    return toResponse(isGone ? ok() : notFound(`Database [${database}] not found`));
  });
}

/**
 * The engine judges the request. In doing so it creates something of that name on the scratch server, which has no
 * meaning.
 */
async function create(
  { scratch }: Endpoint,
  context: Context,
  make: (name: string) => Promise<ApiAnswer | undefined>,
): Promise<Response> {
  const body = await context.req.text();
  const contentType = context.req.header('content-type');
  const judged = await scratch.send({ method: 'POST', path: context.req.path, body, contentType });
  if (judged.status >= 300 && judged.status !== 409) return toResponse(judged);
  const { name } = JSON.parse(body) as { name: string };
  return toResponse((await make(name)) ?? ok());
}

export interface Page {
  cut<Item>(items: readonly Item[]): Item[];
}

/** `limit` and `offset` of a list, or the engine's refusal of them. */
export async function pageOf({ scratch }: Endpoint, context: Context): Promise<Page | ApiAnswer> {
  const { limit, offset } = context.req.query();
  const isNumber = (text: string | undefined) => text === undefined || /^\d{1,9}$/.test(text);
  if (!isNumber(limit) || !isNumber(offset)) {
    const { search } = new URL(context.req.url);
    const answer = await scratch.send({ method: 'GET', path: context.req.path + search });
    if (answer.status !== 200) return answer;
  }
  const start = Number(offset ?? 0);
  return { cut: (items) => items.slice(start, limit === undefined ? undefined : start + Number(limit)) };
}
