/** A vacuum on a real stack, by the command: what is uploaded, what a reader gets, and what native Chroma opens. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { locateEngine } from '../../lambdas/adapters/chroma/locator.ts';
import { ChromaServer } from '../../lambdas/adapters/chroma/server.ts';
import { collectionsUrl, START_MS } from '../support/chroma-api.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { runCommand } from './command-line.ts';

const DIMENSION = 8;
const RECORDS = 1_500;
let root: string;

const compactor = (args: string[], stdin = '') => runCommand(join(root, 'stack'), args, { stdin });
const line = (n: number, round: number) => {
  const random = seededRandom(n);
  const embedding = Array.from({ length: DIMENSION }, () => (random() - 0.5) * (1 + n));
  return JSON.stringify({
    op: 'upsert',
    id: `r${n}`,
    metadata: { n },
    document: `words of ${n} in ${round}`,
    embedding,
  });
};
type Neighbour = { id: string; distance: number };
const numbers = Array.from({ length: RECORDS }, (_, n) => n);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'compactor-vacuum-'));
  await compactor(['create', 'pets', '--dimension', String(DIMENSION), '--space', 'cosine']);
  for (const round of [1, 2]) {
    await compactor(['submit', 'pets', '--delta-id', `round-${round}`], numbers.map((n) => line(n, round)).join('\n'));
    await compactor(['start', 'pets']);
  }
  const gone = numbers.filter((n) => n % 5 !== 0).map((n) => JSON.stringify({ op: 'delete', id: `r${n}` }));
  await compactor(['submit', 'pets', '--delta-id', 'gone'], gone.join('\n'));
  await compactor(['start', 'pets']);
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** Of a checkout, by Chroma's own interface. */
async function checkedOut(version: number) {
  const path = join(root, `checkout-${version}-${Math.random()}`);
  expect((await compactor(['checkout', 'pets', path, '--version', String(version)])).code).toBe(0);
  const server = await ChromaServer.start(await locateEngine(), path, { startMs: START_MS, graceMs: 2_000 });
  const url = collectionsUrl(server);
  try {
    const { id } = (await (await fetch(`${url}/pets`)).json()) as { id: string };
    const body = JSON.stringify({ include: ['embeddings', 'metadatas', 'documents'] });
    const headers = { 'content-type': 'application/json' };
    return await (await fetch(`${url}/${id}/get`, { method: 'POST', headers, body })).json();
  } finally {
    await server.stop();
  }
}

test('makes the files smaller, and nothing else different; one can go back across it', async () => {
  // Prepare
  const before = await checkedOut(3);
  const query = ['query', 'pets', '--embedding', JSON.stringify(JSON.parse(line(55, 1)).embedding), '--limit', '10'];
  const neighbours: Neighbour[] = (await compactor(query)).json.neighbours;

  // Act
  const vacuumed = await compactor(['vacuum', 'pets']);

  // Assess
  expect(vacuumed.code).toBe(0);
  const { version, records, bytesBefore, bytesAfter, uploadedBytes } = vacuumed.json;
  expect({ version, records }).toEqual({ version: 4, records: RECORDS / 5 });
  expect(bytesAfter).toBeLessThan(bytesBefore);
  expect(uploadedBytes).toBeLessThan(bytesAfter);
  expect(await checkedOut(4)).toEqual(before);
  const found: Neighbour[] = (await compactor(query)).json.neighbours;
  const inBoth = found.filter(({ id }) => neighbours.some((one) => one.id === id));
  expect(found).toHaveLength(neighbours.length);
  // A search of so many misses one now and then: which one is drawn when an index is built.
  expect(inBoth.length).toBeGreaterThanOrEqual(7);
  for (const one of inBoth) expect(neighbours).toContainEqual(one);
  expect((await compactor(['verify', 'pets', '--deep'])).json).toMatchObject({ ok: true });
  expect((await compactor(['rollback', 'pets', '2', '--yes'])).json).toMatchObject({ version: 5, records: RECORDS });
  expect((await compactor(['rollback', 'pets', '4', '--yes'])).json).toMatchObject({ version: 6 });
  expect(await checkedOut(6)).toEqual(before);
});

test('of a collection without records leaves a snapshot without files, on which merges go on', async () => {
  const all = numbers.map((n) => JSON.stringify({ op: 'delete', id: `r${n}` })).join('\n');
  await compactor(['submit', 'pets', '--delta-id', 'all'], all);

  const { json } = await compactor(['start', 'pets']);

  expect(json.state.committed).toMatchObject({ records: 0, snapshotBytes: 0 });
  const path = join(root, 'empty');
  expect((await compactor(['checkout', 'pets', path])).code).toBe(0);
  expect(await readdir(path)).toEqual([]);
  expect((await compactor(['vacuum', 'pets'])).json).toMatchObject({ records: 0, bytesBefore: 0, bytesAfter: 0 });
  await compactor(['submit', 'pets', '--delta-id', 'again'], line(7, 9));
  await compactor(['start', 'pets']);
  expect((await compactor(['get', 'pets'])).json.records).toMatchObject([{ id: 'r7', document: 'words of 7 in 9' }]);
  expect((await compactor(['verify', 'pets', '--deep'])).json).toMatchObject({ ok: true });
});
