/** The handler of the function URL, by events as Lambda sends them: who may ask, what is too large, what is down. */
import { describe, expect, it } from 'vitest';
import { fixedToken } from '../../lambdas/endpoint/token.ts';
import { StoreUnavailableError } from '../../lambdas/errors/errors.ts';
import { parseEndpointConfig } from '../../lambdas/runtime/endpoint-config.ts';
import { makeAnswerer, type UrlAnswer } from '../../lambdas/runtime/function-url.ts';
import { memoryPorts } from '../support/memory-ports.ts';
import { MemoryApiEngine } from '../support/model-api.ts';
import { type Asked, urlEvent } from './url-events.ts';

const DATABASE = '/api/v2/tenants/default_tenant/databases/default_database';
const TOKEN = 'Yf3kq9';
const WITH_TOKEN = { 'X-Chroma-Token': TOKEN };
const FORBIDDEN = { statusCode: 403, body: '{"error":"AuthError","message":"Forbidden"}' };

/** What a server says of itself, whatever it holds. */
const OF_THE_SERVER = [
  ['/api/v2/pre-flight-checks', '{"max_batch_size":5461,"supports_base64_encoding":true}'],
  ['/api/v2/heartbeat', '{"nanosecond heartbeat":1}'],
  ['/api/v2/version', '"1.0.0"'],
  ['/api/v2', '{"nanosecond heartbeat":1}'],
] as const;

function prepare(env: Record<string, string> = {}) {
  const ports = memoryPorts();
  const api = new MemoryApiEngine();
  for (const [path, answered] of OF_THE_SERVER) api.answers.set(path, answered);
  const { answer } = makeAnswerer(ports, { config: parseEndpointConfig(env), api, token: fixedToken(TOKEN) });
  const ask = (asked: Asked): Promise<UrlAnswer> => answer(urlEvent({ headers: WITH_TOKEN, ...asked }));
  return { ports, api, ask };
}

type Ask = ReturnType<typeof prepare>['ask'];

async function createPets(ask: Ask): Promise<string> {
  const { body } = await ask({ method: 'POST', path: `${DATABASE}/collections`, body: '{"name":"pets"}' });
  return `${DATABASE}/collections/${(JSON.parse(body) as { id: string }).id}`;
}

const CATS = '{"ids":["cat"],"embeddings":[[1,0,0]],"documents":["a feline 🐈"]}';

describe('a request', () => {
  it.each([
    ['text', CATS],
    ['bytes in base64', Buffer.from(CATS)],
  ])('with a body of %s is durable, and seen', async (_, body) => {
    const { ask, ports } = prepare();
    const pets = await createPets(ask);

    const added = await ask({ method: 'POST', path: `${pets}/add`, body });
    const read = await ask({ method: 'POST', path: `${pets}/get`, body: '{"include":["documents"]}' });

    expect([added.statusCode, added.body]).toEqual([201, '{}']);
    expect(JSON.parse(read.body)).toMatchObject({ ids: ['cat'], documents: ['a feline 🐈'] });
    expect(read).toMatchObject({ statusCode: 200, isBase64Encoded: false });
    expect(read.headers).toMatchObject({ 'content-type': 'application/json', 'x-compactor-waiting': '1' });
    const logged: string[] = [];
    for await (const page of ports.store.list('deltas/')) logged.push(...page.map(({ key }) => key));
    expect(logged).toEqual([expect.stringMatching(/^deltas\/.+\/0{25}1$/)]);
  });

  it('has a query', async () => {
    const { ask } = prepare();
    const pets = await createPets(ask);

    const { body } = await ask({ method: 'GET', path: `${DATABASE}/collections?limit=1&offset=1` });

    expect([pets === '', body]).toEqual([false, '[]']);
  });

  it('is told how many records fit into it', async () => {
    const { ask } = prepare({ ENDPOINT_MAX_BATCH_SIZE: '100' });

    const { body } = await ask({ method: 'GET', path: '/api/v2/pre-flight-checks' });

    expect(JSON.parse(body)).toEqual({ max_batch_size: 100, supports_base64_encoding: true });
  });

  it('that is too large is refused as Chroma refuses it', async () => {
    const { ask } = prepare();
    const pets = await createPets(ask);

    const { statusCode, body } = await ask({ method: 'POST', path: `${pets}/add`, body: 'x'.repeat(6_291_557) });

    expect([statusCode, body]).toEqual([413, 'Payload too large']);
  });

  it.each([
    ['4 MB', 'x'.repeat(4_000_000), 200],
    ['7 MB', 'x'.repeat(7_000_000), 413],
    ['4 MB that take 8 in the envelope', '"'.repeat(4_000_000), 413],
  ])('whose answer has %s is answered, or hears why not', async (_, answered, status) => {
    const { ask, api } = prepare();
    api.answers.set('/openapi.json', answered);

    const { statusCode, body } = await ask({ method: 'GET', path: '/openapi.json' });

    const why = { error: 'ChromaError', message: expect.stringContaining('limit and offset') };
    expect(statusCode).toBe(status);
    expect(status === 200 ? body.length : JSON.parse(body)).toEqual(status === 200 ? answered.length : why);
  });

  it('that comes while the store is down is answered, and the next one served', async () => {
    const { ask, ports } = prepare();
    const list = ports.store.list.bind(ports.store);
    const get = ports.store.get.bind(ports.store);
    ports.store.get = () => Promise.reject(new StoreUnavailableError('planted'));
    const asked = { method: 'GET', path: `${DATABASE}/collections/pets` };

    const down = await ask(asked);
    Object.assign(ports.store, { get, list });
    const up = await ask(asked);

    expect([down.statusCode, JSON.parse(down.body).error]).toEqual([503, 'Unavailable']);
    expect([up.statusCode, JSON.parse(up.body).error]).toEqual([404, 'NotFoundError']);
  });
});

describe('the token', () => {
  it.each<[string, Record<string, string>]>([
    ['X-Chroma-Token', WITH_TOKEN],
    ['Authorization', { Authorization: `Bearer ${TOKEN}` }],
    ['the one header beside a wrong one', { ...WITH_TOKEN, Authorization: 'Basic eHg=' }],
  ])('is taken from %s', async (_, headers) => {
    const { ask } = prepare();

    const { statusCode } = await ask({ method: 'GET', path: `${DATABASE}/collections`, headers });

    expect(statusCode).toBe(200);
  });

  it.each<[string, Record<string, string>]>([
    ['none', {}],
    ['an empty one', { 'X-Chroma-Token': ' ' }],
    ['a wrong one', { 'X-Chroma-Token': 'Yf3kq8' }],
    ['a part of it', { 'X-Chroma-Token': 'Yf3k' }],
    ['it with more', { Authorization: `Bearer ${TOKEN}x` }],
    ['it by another scheme', { Authorization: `Basic ${TOKEN}` }],
    ['it without a scheme', { Authorization: TOKEN }],
  ])('is asked for: %s is refused, whatever the body says, and starts nothing', async (_, headers) => {
    const { ask, api } = prepare();

    const answer = await ask({ method: 'POST', path: `${DATABASE}/collections`, headers, body: '{"nam' });

    expect(answer).toMatchObject(FORBIDDEN);
    expect(answer.headers).toMatchObject({ 'content-type': 'application/json', 'chroma-trace-id': '0'.repeat(32) });
    expect(api.servers).toEqual([]);
  });

  it('is asked for before the size of a body is looked at', async () => {
    const { ask } = prepare();

    const answer = await ask({ method: 'POST', path: '/', headers: {}, body: 'x'.repeat(6_291_557) });

    expect(answer).toMatchObject(FORBIDDEN);
  });

  it('is not asked for where Chroma does not ask', async () => {
    const { ask } = prepare();

    const open = ['/api/v2/heartbeat', '/api/v2/version', '/api/v2'];
    const closed = ['/api/v2/heartbeat/', '/api/v2/pre-flight-checks', '/api/v2/auth/identity', '/openapi.json'];
    const statuses = async (paths: string[]) =>
      Promise.all(paths.map(async (path) => (await ask({ method: 'GET', path, headers: {} })).statusCode));

    expect(await statuses(open)).toEqual(open.map(() => 200));
    expect(await statuses(closed)).toEqual(closed.map(() => 403));
    expect(await ask({ method: 'POST', path: '/api/v2/heartbeat', headers: {} })).toMatchObject(FORBIDDEN);
  });
});

it('names every setting that is impossible', () => {
  expect(() => parseEndpointConfig({ ENDPOINT_MAX_SERVERS: '0', ENDPOINT_READ_LEVEL: 'none' })).toThrow(
    /ENDPOINT_READ_LEVEL[\s\S]*ENDPOINT_MAX_SERVERS|ENDPOINT_MAX_SERVERS[\s\S]*ENDPOINT_READ_LEVEL/,
  );
});
