/** Folded operations beside the same operations sent to Chroma one at a time, by its own HTTP API. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { locateEngine } from '../../lambdas/adapters/chroma/locator.ts';
import { ChromaServer } from '../../lambdas/adapters/chroma/server.ts';
import { ChromaSession } from '../../lambdas/adapters/chroma/session.ts';
import { planMerge } from '../../lambdas/protocol/merge-plan.ts';
import type { Metadata } from '../../lambdas/snapshot/metadata.ts';
import type { Operation } from '../../lambdas/snapshot/operation.ts';
import { collectionsUrl, START_MS } from '../support/chroma-api.ts';
import { cleanUpAfterEach, makeDirectory, onCleanup } from './support.ts';

const RUNS = 60;
const COLLECTION = 'folded';
const OPTIONS = { startMs: START_MS, requestMs: START_MS, graceMs: 2_000 };

const id = fc.constantFrom('a', 'b');
const embedding = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 3, maxLength: 3 });
/** One key takes values of all types: a key that changes its type is a case of its own to Chroma. */
const metadata: fc.Arbitrary<Metadata> = fc.dictionary(
  fc.constantFrom('x', 'y'),
  fc.constantFrom<Metadata[string]>('text', 7, 0.5, true, null),
);
const rest = { metadata, document: fc.constantFrom('', 'words', 'other words') };
const operation = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record(
      { op: fc.constant('upsert'), id, embedding, ...rest },
      { requiredKeys: ['op', 'id', 'embedding'] },
    ),
  },
  {
    weight: 4,
    arbitrary: fc.record(
      { op: fc.constant('update'), id, embedding, ...rest },
      { requiredKeys: ['op', 'id', 'metadata'] },
    ),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('delete'), id }) },
) as fc.Arbitrary<Operation>;
/** One of the two is there, with every key; operations meet it often enough for three in a row to matter. */
const before: Operation[] = [
  { op: 'upsert', id: 'a', embedding: [1, 2, 3], metadata: { x: 'old', y: 1 }, document: 'old' },
];
const scenario = fc.array(operation, { minLength: 3, maxLength: 10 });

/** Chroma's HTTP API, past everything of ours. */
class Native {
  readonly #base: string;
  #collection = '';

  constructor(server: ChromaServer) {
    this.#base = collectionsUrl(server);
  }

  async use(name: string): Promise<void> {
    const { id } = (await this.#request(`/${name}`)) as { id: string };
    this.#collection = `/${id}`;
  }

  async apply({ op, id, ...fields }: Operation): Promise<void> {
    const { embedding, metadata, document } = fields as Extract<Operation, { op: 'update' }>;
    // The server takes no metadata without keys for an update; it says nothing.
    const says = metadata !== undefined && Object.keys(metadata).length > 0;
    const columns = {
      ids: [id],
      ...(embedding === undefined ? {} : { embeddings: [embedding] }),
      ...(says ? { metadatas: [metadata] } : {}),
      ...(document === undefined ? {} : { documents: [document] }),
    };
    if (op === 'update' && Object.keys(columns).length === 1) return;
    await this.#request(`${this.#collection}/${op}`, op === 'delete' ? { ids: [id] } : columns);
  }

  async read(ids: readonly string[]): Promise<unknown[]> {
    const include = ['embeddings', 'metadatas', 'documents'];
    const found = (await this.#request(`${this.#collection}/get`, { ids, include })) as Record<string, unknown[]>;
    const rows = (found.ids ?? []).map((id, n) => ({
      id: String(id).replace(/^.*:/, ''),
      embedding: found.embeddings?.[n],
      metadata: found.metadatas?.[n] ?? null,
      document: found.documents?.[n] ?? null,
    }));
    return rows.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  async #request(path: string, body?: unknown): Promise<unknown> {
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const response = await fetch(`${this.#base}${path}`, body === undefined ? {} : init);
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return JSON.parse(text);
  }
}

describe('operations that are folded', () => {
  cleanUpAfterEach();

  it(`leave in Chroma what the same operations leave one at a time, ${RUNS} times`, async () => {
    // Prepare
    const directory = await makeDirectory();
    const server = await ChromaServer.start(await locateEngine(), directory.path, OPTIONS);
    onCleanup(() => server.stop());
    const session = new ChromaSession(server, OPTIONS.requestMs);
    await session.useCollection(COLLECTION, { space: 'l2', dimension: 3 });
    const native = new Native(server);
    await native.use(COLLECTION);
    let run = 0;

    const holds = async (after: Operation[]) => {
      const named = (side: string, operations: readonly Operation[]) =>
        operations.map((one) => ({ ...one, id: `${run}-${side}:${one.id}` }));
      const ids = (side: string) => ['a', 'b'].map((id) => `${run}-${side}:${id}`);
      run++;

      // Act
      for (const one of named('single', [...before, ...after])) await native.apply(one);
      for (const one of named('folded', before)) await native.apply(one);
      const operations = named('folded', after).map((one, n) => ({ ...one, line: n + 1 }));
      const plan = planMerge([{ deltaId: 'd', operations }], await session.existing(ids('folded')));
      if (plan.deletes.length > 0) await session.remove(plan.deletes);
      if (plan.updates.length > 0) await session.update(plan.updates);
      if (plan.upserts.length > 0) await session.upsert(plan.upserts);

      // Assess
      expect(await native.read(ids('folded'))).toEqual(await native.read(ids('single')));
    };
    await fc.assert(fc.asyncProperty(scenario, holds), { numRuns: RUNS, endOnFailure: true });
  });
});
