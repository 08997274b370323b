/** The page's files and API over a real server: what is served, what is refused, and what a restart keeps. */
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createConsole } from '../../local/console/console.ts';
import { LockEventStore, RecordedLocks } from '../../local/console/lock-events.ts';
import { COMPACTION, registerMachines } from '../../local/machines.ts';
import { LocalStepFunctions } from '../../local/sfn/executions.ts';
import { stateMachineArn } from '../../local/sfn/names.ts';
import { type SfnServer, startSfnServer } from '../../local/sfn/server.ts';
import { COLLECTION, createCollection, type MemoryPorts, memoryPorts, submit } from '../support/memory-ports.ts';
import { idOf, submitNumber, upsert } from '../workflow/support.ts';
import { append, names, store } from '../workflow/unreached.ts';

let directory: string;
let ports: MemoryPorts;
let stepFunctions: LocalStepFunctions;
let locks: LockEventStore;
let server: SfnServer;

async function open(): Promise<void> {
  stepFunctions = new LocalStepFunctions({ dataDirectory: directory });
  locks = new LockEventStore(directory, ports.clock.now());
  const recorded = { ...ports, locks: new RecordedLocks(ports.table, ports.clock, (event) => locks.append(event)) };
  registerMachines(stepFunctions, recorded);
  const pages = createConsole({
    stepFunctions,
    ports,
    locks,
    machine: COMPACTION,
    storeUrl: 'memory:',
    tableName: 'memory',
  });
  server = await startSfnServer({ stepFunctions, pages });
}

async function close(): Promise<void> {
  await server.close();
  await stepFunctions.close();
  locks.close();
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'console-'));
  ports = memoryPorts();
  await open();
});

afterEach(async () => {
  await close();
  rmSync(directory, { recursive: true });
});

interface Answer {
  status: number | undefined;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what the API answers is what the tests are about.
  json: any;
}

/** By hand, since `fetch` normalises paths and does not let its caller choose the Host. */
function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port: server.port, method, path, headers }, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString();
      const json = /json/.test(String(response.headers['content-type'])) && text !== '' ? JSON.parse(text) : undefined;
      resolve({ status: response.statusCode, headers: response.headers, text, json });
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/** An execution that fails, whatever the state of its collection. */
const BAD_INPUT = JSON.stringify({ collection: COLLECTION, unknown: true });

async function compact(name: string, collection = COLLECTION): Promise<void> {
  const input = JSON.stringify({ collection });
  stepFunctions.start({ stateMachineArn: stateMachineArn(COMPACTION), name, input });
  await stepFunctions.idle();
}

describe('files', () => {
  it('are served with a policy that runs nothing else, and are revalidated', async () => {
    const page = await get('/');

    expect(page).toMatchObject({ status: 200, headers: { 'content-type': 'text/html; charset=utf-8' } });
    const policy = String(page.headers['content-security-policy']);
    for (const rule of ["default-src 'none'", "frame-ancestors 'none'", "trusted-types 'none'"]) {
      expect(policy.split('; ')).toContain(rule);
    }
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    expect(page.headers['x-content-type-options']).toBe('nosniff');
    expect(await get('/', { 'if-none-match': String(page.headers.etag) })).toMatchObject({ status: 304, text: '' });
  });

  it('are all there that the page and its modules name', async () => {
    const seen = new Set<string>();
    const visit = async (path: string): Promise<void> => {
      if (seen.has(path)) return;
      seen.add(path);
      const { status, text } = await get(path);
      expect(status, path).toBe(200);
      if (!path.endsWith('.ts') && path !== '/') return;
      const named = [...text.matchAll(/(?:from |import |src=|href=)["']([./][^"']+)["']/g)].map(
        ([, name = '']) => name,
      );
      for (const name of named) await visit(new URL(name, `http://x${path}`).pathname);
    };

    await visit('/');
    const libraries = [...(await get('/')).text.matchAll(/"(\/vendor\/[^"]+)"/g)].map(([, path = '']) => path);
    for (const path of libraries) await visit(path);

    expect(libraries.length).toBeGreaterThan(3);
    expect(seen.size).toBeGreaterThan(20);
  });

  it('carry no types to the browser', async () => {
    const { text, headers } = await get('/console/web/format.ts');

    expect(headers['content-type']).toBe('text/javascript; charset=utf-8');
    expect(text).not.toContain(': number');
  });

  it.each([
    '/console/web/../console.ts',
    '/console/console.ts',
    '/console/web/%2e%2e/console.ts',
    '/console/web/tsconfig.json',
    '/..%2fpackage.json',
    '/vendor/../package.json',
    '/package.json',
    '//etc/passwd',
    '/favicon.ico',
  ])('are not %s', async (path) => {
    expect((await get(path)).status).toBe(404);
  });
});

describe('requests', () => {
  it.each(['/', '/api/executions', '/console/web/main.ts'])('for %s are refused under a foreign name', async (path) => {
    expect((await get(path, { host: 'evil.example' })).status).toBe(403);
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('of method %s reach nothing of the page', async (method) => {
    expect([400, 405]).toContain((await get('/api/executions', {}, method)).status);
  });

  it.each(['StartExecution', 'StopExecution'])('by GET never do what the operation %s does', async (operation) => {
    const input = encodeURIComponent(JSON.stringify({ stateMachineArn: stateMachineArn(COMPACTION) }));
    for (const path of ['/', `/?Action=${operation}`, `/?input=${input}`]) {
      await get(path, { 'x-amz-target': `AWSStepFunctions.${operation}` });
    }

    expect((await get('/api/executions')).json.rows).toEqual([]);
  });

  it.each([
    ['/api/executions?status=NONE', 400],
    ['/api/executions?limit=100000', 400],
    ['/api/executions?before=-1', 400],
    ['/api/executions?colection=books', 400],
    ['/api/collections?limit=5', 400],
    ['/api/stack?x=1', 400],
    ['/api/executions?machine=none', 404],
    ['/api/executions/none', 404],
    ['/api/executions/%2e%2e%2fx', 400],
    ['/api/executions/%E0%A4%A', 400],
    ['/api/executions/none/visits/0', 404],
    ['/api/collections/none', 404],
    ['/api/collections/..', 404],
    ['/api/collections/%2e%2e%2fpointers', 400],
    ['/api/lock-events', 400],
    ['/api/lock-events?collection=a/b', 400],
    ['/api/nothing', 404],
  ])('%s: %i, with a reason', async (path, status) => {
    const answer = await get(path);

    expect(answer.status).toBe(status);
    expect(String(answer.json.message ?? answer.json.Message).length).toBeGreaterThan(10);
    expect(answer.text).not.toContain('at file:');
  });
});

describe('executions', () => {
  it('are none at first', async () => {
    expect((await get('/api/executions')).json).toMatchObject({ rows: [], counts: {}, older: null });
    expect((await get('/api/collections')).json).toEqual([]);
  });

  it('are listed with what they did, by status and collection, page by page', async () => {
    await createCollection(ports);
    await submitNumber(ports, 1);
    await compact('first');
    for (const name of ['second', 'third']) await compact(name);
    await compact('failing', 'absent');

    const all = (await get('/api/executions?limit=3')).json;
    const rest = (await get(`/api/executions?limit=3&before=${all.older}`)).json;

    expect(all.rows.map((row: { name: string }) => row.name)).toEqual(['failing', 'third', 'second']);
    expect(all.counts).toEqual({ SUCCEEDED: 3, FAILED: 1 });
    expect(rest.rows).toMatchObject([
      { name: 'first', state: 'Compacted', version: 1, deltas: 1, collection: COLLECTION },
    ]);
    expect(rest.older).toBeNull();
    const failed = (await get('/api/executions?status=FAILED')).json;
    expect(failed.rows).toMatchObject([{ name: 'failing', error: 'CollectionNotFoundError', collection: 'absent' }]);
    expect((await get(`/api/executions?collection=${COLLECTION}`)).json.counts).toEqual({ SUCCEEDED: 3 });
    expect((await get('/api/executions?machine=release-abandoned')).json.rows).toMatchObject([
      { collection: 'absent' },
    ]);
  });

  it('are shown with events page by page and with what each state took and gave', async () => {
    await createCollection(ports);
    await submitNumber(ports, 1);
    await compact('first');

    const { trace } = (await get('/api/executions/first')).json;
    const swap = trace.visits.find(({ state }: { state: string }) => state === 'SwapPointer');
    const data = (await get(`/api/executions/first/visits/${swap.index}`)).json;
    const page = (await get('/api/executions/first/events?after=10&limit=5')).json;

    expect(JSON.parse(data.input).committed).toBeNull();
    expect(JSON.parse(data.output).committed).toMatchObject({ version: 1, deltas: 1 });
    expect(data.attempts).toMatchObject([{ error: null }]);
    expect(page.events.map(({ id }: { id: number }) => id)).toEqual([11, 12, 13, 14, 15]);
  });

  it('that were given odd inputs do not stop the list', async () => {
    for (const [index, input] of ['[]', '"text"', '{"collection":7}', '{"collection":{"a":1}}', 'null'].entries()) {
      stepFunctions.start({ stateMachineArn: stateMachineArn(COMPACTION), name: `odd-${index}`, input });
    }
    await stepFunctions.idle();

    const { rows, collections } = (await get('/api/executions')).json;

    expect(rows.map(({ collection }: { collection: unknown }) => collection)).toEqual([null, null, null, null, null]);
    expect(collections).toEqual([]);
  });
});

describe('a collection', () => {
  it('is shown with versions and who made them, what waits, and what was rejected and why', async () => {
    await createCollection(ports);
    await submitNumber(ports, 1);
    await compact('first');
    await submit(ports, 'bad', Buffer.from('{"op":"upsert","id":"x","embedding":[1]}\n'));
    await compact('second');
    await submitNumber(ports, 3);

    const detail = (await get(`/api/collections/${COLLECTION}`)).json;
    const versions = (await get(`/api/collections/${COLLECTION}/versions?limit=2`)).json;
    const older = (await get(`/api/collections/${COLLECTION}/versions?before=${versions.older}`)).json;
    const rejections = (await get(`/api/collections/${COLLECTION}/rejections`)).json;

    expect(detail).toMatchObject({ pointer: { version: 2 }, lock: null, claim: null, unsettled: 0 });
    expect(detail.pending).toMatchObject({ total: 1, rows: [{ deltaId: idOf(3) }] });
    expect(versions.rows).toMatchObject([
      { version: 2, execution: 'second', deltas: 0, rejectedOperations: 1 },
      { version: 1, execution: 'first', deltas: 1, rejectedOperations: 0 },
    ]);
    expect(older.rows).toMatchObject([{ version: 0, execution: null }]);
    expect(versions.rows[1].uploadedBytes).toBeGreaterThan(0);
    expect(rejections).toMatchObject({
      total: 1,
      rows: [{ deltaId: 'bad', rejections: [{ line: 1, error: 'WrongDimension' }] }],
    });
  });

  it('is listed with the age of what waits, and with its last error until an execution succeeds', async () => {
    const row = async () => (await get('/api/collections')).json[0];
    await createCollection(ports);
    stepFunctions.start({ stateMachineArn: stateMachineArn(COMPACTION), name: 'bad', input: BAD_INPUT });
    await stepFunctions.idle();
    await submitNumber(ports, 1);
    const failed = await row();
    const { arrivedAt } = (await get(`/api/collections/${COLLECTION}`)).json.pending.rows[0];
    await compact('good');

    expect(failed).toMatchObject({ waiting: 1, oldestAt: arrivedAt });
    expect(failed.lastError).toMatchObject({ execution: 'bad', status: 'FAILED', error: 'InvalidInputError' });
    expect(await row()).toMatchObject({ version: 1, oldestAt: null, lastError: null });
  });

  it('of a client says what it is called, what of it waits in the log, and where its deltas came from', async () => {
    // Prepare
    const { record } = await names(ports).create('pets');
    const { collection } = record;
    await store(ports, collection);
    await append(ports, collection, 1);
    await append(ports, collection, 2);
    await submit(ports, 'by-hand', [upsert('x', 3)], collection);
    await compact('third', collection);
    const { number } = await append(ports, collection, 4);
    const made = ports.ids.ulid();
    await submit(ports, made, [upsert('y', 5)], collection);

    // Act
    const rows = (await get('/api/collections')).json;
    const detail = (await get(`/api/collections/${collection}`)).json;
    const versions = (await get(`/api/collections/${collection}/versions`)).json;

    // Assess
    expect(rows).toMatchObject([{ collection, name: 'pets', waiting: 2, logged: 1 }]);
    expect(detail).toMatchObject({ name: 'pets', log: { decided: 2, waiting: 1 } });
    expect(detail.pending.rows).toMatchObject([
      { source: 'endpoint', number },
      { deltaId: made, source: 'library', number: null },
    ]);
    expect(versions.rows[0].sources).toEqual({ endpoint: 2, library: 0, producer: 1 });
  });

  it('whose pointer is damaged says so, beside those that are well', async () => {
    await createCollection(ports);
    await createCollection(ports, 'damaged');
    const { etag, key } = await ports.store.head('pointers/damaged.json');
    await ports.store.putIfMatch(key, Buffer.from('{'), etag);

    const rows = (await get('/api/collections')).json;

    expect(rows).toMatchObject([
      { collection: COLLECTION, version: 0, problem: null },
      { collection: 'damaged', version: null, problem: expect.stringContaining('CorruptObjectError') },
    ]);
    expect((await get('/api/collections/damaged')).status).toBe(500);
  });
});

it('shows the same lanes after a restart', async () => {
  await createCollection(ports);
  await submitNumber(ports, 1);
  await compact('first');
  await compact('idle');
  const path = `/api/lock-events?collection=${COLLECTION}`;
  const before = (await get(path)).json;

  await close();
  await open();

  const after = (await get(path)).json;
  expect(after).toEqual(before);
  expect(after.lanes.map(({ name }: { name: string }) => name)).toEqual(['first', 'idle']);
  expect(after.lanes[0].spans.map(({ kind }: { kind: string }) => kind)).toContain('claim');
  const active = (await get(`${path}&active=true`)).json;
  expect(active.lanes.map(({ name }: { name: string }) => name)).toEqual(['first']);
});
