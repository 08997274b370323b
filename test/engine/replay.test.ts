/**
 * Requests that were logged and merged, beside the same requests sent to a server of Chroma's own: both collections must
 * give the same text, in the same order.
 */
import { describe, expect, test, vi } from 'vitest';
import { ChromaEngine } from '../../lambdas/adapters/chroma/engine.ts';
import { HOST } from '../../lambdas/adapters/chroma/free-port.ts';
import { locateEngine } from '../../lambdas/adapters/chroma/locator.ts';
import { ChromaServer } from '../../lambdas/adapters/chroma/server.ts';
import { EngineRejectedDataError } from '../../lambdas/errors/errors.ts';
import { parseRequests } from '../../lambdas/inbox/parse-requests.ts';
import type { ReadDelta } from '../../lambdas/inbox/read-deltas.ts';
import { applyDeltas, outcomes } from '../../lambdas/merge/apply-deltas.ts';
import { findRefused } from '../../lambdas/merge/find-refused.ts';
import type { Operation } from '../../lambdas/snapshot/delta.ts';
import type { LoggedRequest } from '../../lambdas/snapshot/request-delta.ts';
import { canonical } from '../endpoint/support.ts';
import { encodeRequests } from '../support/request-deltas.ts';
import { cleanUpAfterEach, makeDirectory, onCleanup, SERVERS, type TestDirectory } from './support.ts';

const TIMES = { startMs: 30_000, graceMs: 200 };
const SHAPE = { collection: 'notes', space: 'l2', dimension: 3, records: 0 } as const;
const ALL = JSON.stringify({ include: ['embeddings', 'metadatas', 'documents', 'uris'] });
const FILTERS = ['1', '1.0', '9007199254740993', '9007199254740992'].map(
  (value) => `{"where":{"n":${value}},"include":[]}`,
);

vi.setConfig({ testTimeout: 180_000 });
const engine = new ChromaEngine();
cleanUpAfterEach();

const base64 = (...numbers: number[]) => Buffer.from(Float32Array.from(numbers).buffer).toString('base64');

/** Everything that a parser or a fold of operations would change, or that Chroma takes and says nothing. */
const REQUESTS: LoggedRequest[] = [
  { op: 'add', body: '{"ids":["int","float"],"embeddings":[[1,2,3],[1.0,2.50,3e0]],"metadatas":[{"n":1},{"n":1.0}]}' },
  {
    op: 'add',
    body: `{"ids":["big","bigger"],"embeddings":["${base64(0.1, 0.2, 0.3)}","${base64(4, 5, 6)}"],"metadatas":[{"n":9007199254740993},{"n":9007199254740992,"z":1,"a":2}]}`,
  },
  {
    op: 'add',
    body: '{"ids":["int"],"embeddings":[[9,9,9]],"metadatas":[{"n":7}],"documents":["of one that is there"]}',
  },
  { op: 'update', body: '{"ids":["absent"],"embeddings":[[9,9,9]],"metadatas":[{"n":7}]}' },
  {
    op: 'add',
    body: '{"ids":["bare","uri","text"],"embeddings":[[0,0,1],[0,1,0],[1,0,0]],"metadatas":[null,{"k":"","l":true},null],"documents":[null,null,"purrs \\u2028 \\n"],"uris":[null,"file:///a b",null]}',
  },
  {
    op: 'upsert',
    body: '{"ids":["float","new"],"embeddings":[[3,2,1],[5,5,5]],"metadatas":[{"m":"x","n":null},{"m":-0.0}]}',
  },
  {
    op: 'update',
    body: '{"ids":["uri","text"],"embeddings":null,"metadatas":[{"l":null,"n":1.5},null],"documents":["now",null]}',
  },
  { op: 'delete', body: '{"ids":["bigger","nobody"]}' },
  { op: 'add', body: '{"ids":["bigger"],"embeddings":[[7,7,7]]}' },
];
const SILENT = { op: 'update', body: '{"ids":["nobody"],"documents":["x"]}' } as const;

let deltas = 0;
function requestDelta(requests: readonly LoggedRequest[]): ReadDelta {
  const body = encodeRequests(requests);
  const pieces = parseRequests(body, requests.length + 1);
  for (;;) {
    const { done, value } = pieces.next();
    if (done) return { deltaId: `d${++deltas}`, sha256: '', bytes: body.length, ...value };
  }
}

function operationDelta(operations: readonly Operation[]): ReadDelta {
  const numbered = operations.map((operation, n) => ({ ...operation, line: n + 1 }));
  return {
    deltaId: `d${++deltas}`,
    sha256: '',
    bytes: 0,
    operations: numbered,
    rejections: [],
    rejectedOperations: 0,
    values: 0,
  };
}

type Post = (verb: string, text: string) => Promise<{ status: number; text: string }>;

async function withNative<T>({ path }: TestDirectory, task: (post: Post) => Promise<T>): Promise<T> {
  const server = await ChromaServer.start(await locateEngine(), path, TIMES);
  try {
    const url = `http://${HOST}:${server.port}/api/v2/tenants/default_tenant/databases/default_database/collections`;
    const headers = { 'content-type': 'application/json' };
    const body = '{"name":"notes","get_or_create":true,"configuration":{"hnsw":{"space":"l2"}}}';
    const { id } = (await (await fetch(url, { method: 'POST', headers, body })).json()) as { id: string };
    return await task(async (verb, text) => {
      const response = await fetch(`${url}/${id}/${verb}`, { method: 'POST', headers, body: text });
      return { status: response.status, text: await response.text() };
    });
  } finally {
    await server.stop();
  }
}

/** As text, so that 1 and 1.0, absent and null, and the order of all can be told apart. */
async function answers(directory: TestDirectory): Promise<string[]> {
  return withNative(directory, async (post) => {
    const found: string[] = [];
    for (const question of [ALL, ...FILTERS]) found.push((await post('get', question)).text);
    found.push((await post('query', '{"query_embeddings":[[1,1,1]],"n_results":20,"include":["distances"]}')).text);
    return found;
  });
}

/** By a session of its own, which is closed afterwards. */
async function merge(directory: TestDirectory, batch: readonly ReadDelta[], records = 0) {
  const session = await engine.open(directory);
  try {
    return await applyDeltas(session, { ...SHAPE, records }, batch);
  } finally {
    await session.close();
  }
}

describe.each(SERVERS)('requests merged with $server', ({ bin }) => {
  test('give what Chroma gives that was sent them itself, to the letter', async () => {
    vi.stubEnv('CHROMA_BIN', bin);
    const [ours, native] = [await makeDirectory(), await makeDirectory()];
    await withNative(native, async (post) => {
      for (const { op, body } of [...REQUESTS, SILENT]) {
        const { status, text } = await post(op, body);
        expect(status, `${op} ${body}: ${text}`).toBeLessThan(300);
      }
    });

    const batch = [requestDelta(REQUESTS.slice(0, 4)), requestDelta(REQUESTS.slice(4)), requestDelta([SILENT])];
    const merged = await merge(ours, batch);

    expect(merged.growth).toBe(8);
    expect(merged.missingDeletes).toBe(1);
    expect(outcomes(1, batch, merged)).toMatchObject(
      batch.map(({ deltaId }) => ({ deltaId, outcome: 'applied', rejectedOperations: 0 })),
    );
    expect((await answers(ours)).map(canonical)).toEqual((await answers(native)).map(canonical));
  });

  test('come in their order among operations', async () => {
    vi.stubEnv('CHROMA_BIN', bin);
    const directory = await makeDirectory();
    const embedding = [1, 2, 3];
    const batch = [
      operationDelta([{ op: 'upsert', id: 'a', embedding, metadata: { by: 1 } }]),
      requestDelta([
        { op: 'add', body: '{"ids":["a","b"],"embeddings":[[0,0,0],[0,0,0]],"metadatas":[{"by":2},{"by":2}]}' },
        { op: 'delete', body: '{"ids":["a"]}' },
      ]),
      operationDelta([
        { op: 'update', id: 'a', metadata: { by: 3 } },
        { op: 'update', id: 'b', metadata: { by: 3 } },
      ]),
      requestDelta([{ op: 'add', body: '{"ids":["a"],"embeddings":[[0,0,0]],"metadatas":[{"by":4}]}' }]),
    ];

    const merged = await merge(directory, batch);

    expect(outcomes(1, batch, merged).map(({ rejectedOperations }) => rejectedOperations)).toEqual([0, 0, 1, 0]);
    const session = await engine.open(directory);
    onCleanup(() => session.close());
    await session.useCollection('notes', SHAPE);
    expect((await session.get(['a', 'b'])).map(({ id, metadata }) => [id, metadata])).toEqual([
      ['a', { by: 4 }],
      ['b', { by: 3 }],
    ]);
  });

  test('that Chroma refuses are refused whole, and found', async () => {
    vi.stubEnv('CHROMA_BIN', bin);
    const good = { op: 'add', body: '{"ids":["good"],"embeddings":[[1,2,3]]}' } as const;
    const short = { op: 'add', body: '{"ids":["one","two"],"embeddings":[[1,2,3],[1,2]]}' } as const;
    const unknown = {
      op: 'upsert',
      body: '{"ids":["three"],"embeddings":[[1,2,3]],"metadatas":[{"k":{"l":1}}]}',
    } as const;
    const batch = [requestDelta([good, short]), requestDelta([unknown])];
    const session = await engine.open(await makeDirectory());
    onCleanup(() => session.close());

    await expect(applyDeltas(session, SHAPE, batch)).rejects.toThrow(EngineRejectedDataError);

    expect(await session.existing(['one', 'two'])).toEqual(new Set());
    const refused = await findRefused(session, batch);
    expect(refused.map(({ deltaId, line, id }) => [deltaId, line, id])).toEqual([
      [batch[0]?.deltaId, 3, 'one'],
      [batch[1]?.deltaId, 2, 'three'],
    ]);
    for (const { reason } of refused) expect(reason).not.toMatch(/https?:|127\.0\.0\.1/);
  });
});
