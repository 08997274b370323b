/** An endpoint over a local stack, beside a plain Chroma server of the same version, both asked by the same requests. */
import type { Hono } from 'hono';
import { ChromaApiEngine } from '../../lambdas/adapters/chroma/api-engine.ts';
import { locateEngine } from '../../lambdas/adapters/chroma/locator.ts';
import { createApp } from '../../lambdas/endpoint/app.ts';
import { Endpoint, type EndpointOptions, OLDEST_ENGINE } from '../../lambdas/endpoint/endpoint.ts';
import type { ApiServer, Ports } from '../../lambdas/ports.ts';
import { compareVersions } from '../../lambdas/protocol/engine-versions.ts';
import { parseStrictly } from '../../lambdas/snapshot/escaped-names.ts';
import { membersOf } from '../../lambdas/snapshot/exact-json.ts';
import type { TestStack } from '../e2e/support.ts';
import { withStack } from '../e2e/support.ts';
import { COLLECTIONS } from '../support/chroma-api.ts';

/**
 * The endpoint needs a newer server than the one that npm brings to older systems: tests of it need `CHROMA_BIN` there. One
 * that was named and does not do must not pass for none.
 */
export const HAS_ENGINE = await locateEngine().then(
  ({ identity }) => {
    if (compareVersions(identity.version, OLDEST_ENGINE) >= 0) return true;
    return orFail(new Error(`CHROMA_BIN is ${identity.version}; the endpoint needs ${OLDEST_ENGINE}.`));
  },
  (error: unknown) => orFail(error),
);

function orFail(error: unknown): false {
  if ((process.env.CHROMA_BIN ?? '') !== '') throw error;
  return false;
}

export interface Answer {
  status: number;
  text: string;
  headers: Headers;
}

/** Whoever answers requests of Chroma's API. */
export type Ask = (method: string, path: string, body?: string, headers?: Record<string, string>) => Promise<Answer>;

export interface World {
  stack: TestStack;
  endpoint: Endpoint;
  app: Hono;
  ours: Ask;
  /** One more endpoint over the same store. */
  another(options?: Partial<EndpointOptions>, ports?: Ports): Promise<{ endpoint: Endpoint; ask: Ask }>;
}

export function withEndpoint(
  test: (world: World) => Promise<void>,
  options: Partial<EndpointOptions> = {},
): Promise<void> {
  return withStack(async (stack) => {
    const opened: Endpoint[] = [];
    const another = async (more: Partial<EndpointOptions> = {}, ports: Ports = stack.ports) => {
      const wanted = { readLevel: 'index_and_wal' as const, allowReset: true, ...more };
      const endpoint = await Endpoint.start({ ...ports, api: new ChromaApiEngine() }, wanted);
      opened.push(endpoint);
      const app = createApp(endpoint);
      return { endpoint, app, ask: askerOf(app) };
    };
    try {
      const { endpoint, app, ask } = await another(options);
      await test({ stack, endpoint, app, ours: ask, another });
    } finally {
      for (const endpoint of opened) await endpoint.close();
    }
  });
}

export function askerOf(app: Hono): Ask {
  return async (method, path, body, headers = { 'content-type': 'application/json' }) => {
    // As bytes, which bring no content type of their own.
    const sent = body === undefined ? {} : { body: Buffer.from(body) };
    const answer = await app.request(path, { method, headers, ...sent });
    return { status: answer.status, text: await answer.text(), headers: answer.headers };
  };
}

export async function withPlain<Result>(test: (ask: Ask, server: ApiServer) => Promise<Result>): Promise<Result> {
  const server = await new ChromaApiEngine().startScratch();
  try {
    return await test(async (method, path, body, headers = { 'content-type': 'application/json' }) => {
      const contentType = headers['content-type'] ?? '';
      const answer = await server.send({ method, path, body, contentType });
      return { status: answer.status, text: answer.body, headers: new Headers() };
    }, server);
  } finally {
    await server.close();
  }
}

/** Standard since ECMAScript 2025, and in Node 24; the compiler's library does not have it yet. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): object };

/**
 * Text of an answer in a form that two servers must agree on: members of objects in order, since Chroma writes those of
 * metadata in any; numbers to the letter, so that 1.0 and 1.00 differ; ids that Chroma draws by their place.
 */
export function canonical(text: string): string {
  const ids = new Map<string, string>();
  const named = (id: string) => {
    if (id.startsWith('00000000')) return id;
    if (!ids.has(id)) ids.set(id, `id ${ids.size + 1}`);
    return ids.get(id) ?? '';
  };
  const plain = text.replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, named);
  try {
    return JSON.stringify(sorted(parseStrictly(plain, rawJSON)));
  } catch {
    return plain;
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const entries = Object.entries(value).map(([name, part]) => [name, sorted(part)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Create a collection. @returns the path of its records */
export async function create(ask: Ask, name: string, more: object = {}): Promise<string> {
  const { status, text } = await ask('POST', COLLECTIONS, JSON.stringify({ name, ...more }));
  if (status !== 200) throw new Error(`${status}: ${text}`);
  return `${COLLECTIONS}/${JSON.parse(membersOf(text).get('id') ?? '""')}`;
}
