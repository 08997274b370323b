/** Filters, passed on as they are: what a reader answers is what a plain Chroma server answers over HTTP. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { locateEngine } from '../../lambdas/adapters/chroma/locator.ts';
import { ChromaServer } from '../../lambdas/adapters/chroma/server.ts';
import { DeltaBuilder, InvalidInputError } from '../../lambdas/index.ts';
import type { RecordPage } from '../../lambdas/ports.ts';
import { submitDelta } from '../../lambdas/producer/produce-delta.ts';
import { makeQuery } from '../../lambdas/reader/query-snapshot.ts';
import { SnapshotReader } from '../../lambdas/reader/snapshot-reader.ts';
import { applicationPorts } from '../../lambdas/runtime/connect.ts';
import { withCheckout } from '../../lambdas/versions/checkout.ts';
import { findVersion } from '../../lambdas/versions/walk-versions.ts';
import { collectionsUrl, START_MS } from '../support/chroma-api.ts';
import { compact, create, withStack } from './support.ts';

const FILTERS: readonly RecordPage[] = [
  {},
  { where: { kind: 'even' } },
  { where: { number: { $gte: 3 } } },
  { where: { $and: [{ kind: 'even' }, { number: { $in: [2, 4, 5] } }] } },
  { whereDocument: { $contains: 'seven' } },
  { whereDocument: { $not_contains: 'number' }, where: { number: { $lt: 9 } } },
  { where: { kind: 'none' } },
  { limit: 3 },
  { limit: 3, offset: 2 },
  { where: { kind: 'odd' }, limit: 2, offset: 1 },
  { ids: ['r-7', 'r-2', 'nobody'] },
  { ids: ['r-1', 'r-2', 'r-3', 'r-5'], where: { kind: 'odd' }, limit: 2 },
];
const WORDS = 'zero one two three four five six seven eight nine'.split(' ');
/** At no two records the same distance. */
const EMBEDDING = [4.9, 1, 1, 1];

/** A question as the HTTP interface of Chroma has it. */
async function askPlainly(server: ChromaServer, verb: 'get' | 'query', question: object): Promise<{ ids: unknown }> {
  const base = collectionsUrl(server);
  const { id } = (await (await fetch(`${base}/pets`)).json()) as { id: string };
  const answer = await fetch(`${base}/${id}/${verb}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(question),
  });
  return (await answer.json()) as { ids: unknown };
}

test('of query and find are those of Chroma, and nothing else is taken', () =>
  withStack(async (stack) => {
    // Prepare
    await create(stack, 'pets');
    const delta = new DeltaBuilder();
    for (const [number, word] of WORDS.entries()) {
      const metadata = { number, kind: number % 2 === 0 ? 'even' : 'odd' };
      const document = number % 3 === 0 ? `a ${word}` : `number ${word}`;
      delta.upsert({ id: `r-${number}`, embedding: [number, 1, 1, 1], metadata, document });
    }
    await submitDelta(stack.ports, { collection: 'pets', operations: delta });
    await compact(stack, 'pets');
    const { storeUrl } = stack.file;
    const ports = applicationPorts({ storeUrl, workDirectory: join(stack.dataDirectory, 'reader') });
    const reader = await SnapshotReader.open(ports, 'pets');
    const plain = await withCheckout(stack.ports, await findVersion(stack.ports, 'pets'), async (directory) => {
      await directory.markDirty();
      const server = await ChromaServer.start(await locateEngine(), directory.path, {
        startMs: START_MS,
        graceMs: 100,
      });
      const answers = [];
      for (const { ids, where, whereDocument, limit, offset } of FILTERS) {
        const filter = { where, where_document: whereDocument };
        const found = await askPlainly(server, 'get', { ...filter, ids, limit, offset, include: [] });
        const near = await askPlainly(server, 'query', { ...filter, query_embeddings: [EMBEDDING], n_results: 4 });
        answers.push({ found: found.ids, near: (near.ids as string[][])[0] });
      }
      await server.stop();
      return answers;
    });

    // Act
    const ours = [];
    for (const { ids, limit, offset, ...filter } of FILTERS) {
      const page = { ...filter, ...(ids && { ids }), ...(limit && { limit }), ...(offset && { offset }) };
      const { records } = await reader.find(page);
      const { neighbours } = await reader.query(EMBEDDING, 4, filter);
      ours.push({ found: records.map(({ id }) => id), near: neighbours.map(({ id }) => id) });
    }
    const vectors = await reader.find({ where: { number: 7 }, include: ['embeddings'] });
    const answered = await makeQuery()(ports, {
      ...{ collection: 'pets', embedding: EMBEDDING, limit: 2, where: { kind: 'even' }, include: ['documents'] },
    });

    // Assess
    expect(ours).toEqual(plain);
    expect(plain.some(({ found }) => (found as string[]).length === 0)).toBe(true);
    expect(vectors).toEqual({ version: 1, records: [{ id: 'r-7', embedding: [7, 1, 1, 1] }] });
    expect(answered.neighbours.map(({ id, document, metadata }) => [id, document, metadata])).toEqual([
      ['r-4', 'number four', undefined],
      ['r-6', 'a six', undefined],
    ]);
    const strange = [
      { whre: { number: 1 } },
      { where: { number: { $above: 1 } } },
      { include: ['uris'] },
      { limit: -1 },
      { ids: [] },
    ];
    for (const page of strange) await expect(reader.find(page as RecordPage)).rejects.toThrow(InvalidInputError);
    const misspelt = { collection: 'pets', embedding: EMBEDDING, were: {} };
    await expect(makeQuery()(ports, misspelt)).rejects.toThrow(/were/);
    await reader.close();
  }));
