/** The main job on the local stack with a real Chroma server: the one that CHROMA_BIN names, or the one from npm. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { putDelta } from '../../lambdas/producer/put-delta.ts';
import { encodeDelta } from '../../lambdas/snapshot/delta.ts';
import { rejectionKey } from '../../lambdas/snapshot/keys.ts';
import type { Operation } from '../../lambdas/snapshot/operation.ts';
import { verifyVersion } from '../../lambdas/upkeep/verify-version.ts';
import { findVersion, walkVersions } from '../../lambdas/versions/walk-versions.ts';
import { startStack } from '../../local/stack.ts';
import { compact, create, endingOf, readRecords, stateOf, submit, upserts, withStack } from './support.ts';

const run = promisify(execFile);

describe('a compaction', () => {
  test('applies upserts, updates and deletes over several versions, and readers get the right answers', () =>
    withStack(async (stack) => {
      await create(stack, 'pets');
      await submit(stack, 'pets', 'load', upserts('pet', 50));
      const [first] = await compact(stack, 'pets');
      const changes: Operation[] = [
        { op: 'update', id: 'pet-1', metadata: { n: null, seen: true } },
        { op: 'update', id: 'nobody', document: 'not there' },
        { op: 'delete', id: 'pet-2' },
        { op: 'delete', id: 'pet-2' },
        { op: 'upsert', id: 'pet-2', embedding: [9, 9, 9, 9] },
        { op: 'delete', id: 'pet-3' },
      ];
      await submit(stack, 'pets', 'changes', changes);
      const [second] = await compact(stack, 'pets');

      const { count, records } = await readRecords(stack, 'pets', ['pet-0', 'pet-1', 'pet-2', 'pet-3']);
      expect(count).toBe(49);
      const byId = new Map(records.map((record) => [record.id, record]));
      expect(byId.get('pet-0')).toMatchObject({ embedding: [0, 3, 0.5, -1], document: 'pet number 0' });
      expect(byId.get('pet-1')?.metadata).toEqual({ prefix: 'pet', seen: true });
      expect(byId.get('pet-2')).toMatchObject({ embedding: [9, 9, 9, 9] });
      expect(byId.has('pet-3')).toBe(false);
      expect(first && stateOf(first).committed).toMatchObject({ version: 1, records: 50, deltas: 1 });
      expect(second && stateOf(second).merge).toMatchObject({ records: 49, missingDeletes: 1, rejectedOperations: 1 });
      const report = await stack.ports.store.get(rejectionKey('pets', 'changes'));
      expect(JSON.parse(Buffer.from(report.body).toString())).toMatchObject({
        rejections: [{ line: 2, id: 'nobody', error: 'RecordNotFound' }],
      });
    }));

  test('uploads little more than what changed, and every version stays readable', () =>
    withStack(async (stack) => {
      await create(stack, 'pets');
      await submit(stack, 'pets', 'load', upserts('pet', 400));
      await compact(stack, 'pets');
      await submit(stack, 'pets', 'update', [{ op: 'update', id: 'pet-7', metadata: { seen: true } }]);
      const [record] = await compact(stack, 'pets');

      const { totals, committed } = stateOf(record as NonNullable<typeof record>);
      expect(totals.uploadedBytes).toBeLessThan(totals.changedBytes * 1.2);
      expect(totals.changedBytes).toBeLessThan((committed?.snapshotBytes ?? 0) / 4);
      for await (const loaded of walkVersions(stack.ports, 'pets')) {
        if (loaded.manifest.version > 0) expect((await verifyVersion(stack.ports, loaded)).records).toBe(400);
      }
    }));

  test('counts a delta once, however often it is delivered, and reports an id that is used twice', () =>
    withStack(async (stack) => {
      await create(stack, 'pets');
      await submit(stack, 'pets', 'same', upserts('first', 3));
      await compact(stack, 'pets');
      await submit(stack, 'pets', 'same', upserts('first', 3));
      const [again] = await compact(stack, 'pets');
      const other = encodeDelta(upserts('second', 3));
      await putDelta(stack.ports, { collection: 'pets', deltaId: 'same', body: other });
      const [reused] = await compact(stack, 'pets');

      expect(endingOf(stack, again as NonNullable<typeof again>)).toBe('UpToDate');
      expect(endingOf(stack, reused as NonNullable<typeof reused>)).toBe('UpToDate');
      expect((await readRecords(stack, 'pets', [])).count).toBe(3);
      const keys: string[] = [];
      for await (const page of stack.ports.store.list('rejected/')) keys.push(...page.map((object) => object.key));
      expect(keys).toHaveLength(1);
      expect(keys[0]).toMatch(/^rejected\/pets\/same~[0-9a-f]{64}\.json$/);
    }));

  test('survives a restart of the stack: data, history and a warm directory', async () => {
    const dataDirectory = await mkdtemp(join(tmpdir(), 'compactor-e2e-'));
    try {
      const before = await startStack({ dataDirectory });
      await create(before, 'pets');
      await submit(before, 'pets', 'load', upserts('pet', 5));
      const [record] = await compact(before, 'pets');
      await before.close();
      const after = await startStack({ dataDirectory });
      await submit(after, 'pets', 'more', upserts('more', 5));
      await compact(after, 'pets');

      expect(after.stepFunctions.describe(record?.executionArn ?? '').status).toBe('SUCCEEDED');
      expect((await readRecords(after, 'pets', [])).count).toBe(10);
      await after.close();
      const log = await readFile(join(dataDirectory, 'telemetry.jsonl'), 'utf8');
      expect(log).toContain('"hydratedFrom":"warm"');
    } finally {
      await rm(dataDirectory, { recursive: true, force: true });
    }
  });
});

test.skipIf(process.env.CHROMA_PYTHON === undefined)(
  "a checkout opens in Python's PersistentClient with what was submitted",
  () =>
    withStack(async (stack) => {
      await create(stack, 'pets');
      const operations = upserts('pet', 500);
      await submit(stack, 'pets', 'load', operations);
      await compact(stack, 'pets');
      const directory = join(stack.dataDirectory, 'out');
      const loaded = await findVersion(stack.ports, 'pets');
      const { withCheckout } = await import('../../lambdas/versions/checkout.ts');
      const { cp } = await import('node:fs/promises');
      await withCheckout(stack.ports, loaded, async ({ path }) => cp(path, directory, { recursive: true }));
      const script =
        'import chromadb, json, sys\n' +
        'c = chromadb.PersistentClient(sys.argv[1]).get_collection("pets")\n' +
        'r = c.get(include=["embeddings", "documents", "metadatas"])\n' +
        'print(json.dumps([dict(id=i, embedding=[float(x) for x in e], document=d, metadata=m) for i, e, d, m in zip(r["ids"], r["embeddings"], r["documents"], r["metadatas"])]))\n';

      const { stdout } = await run(process.env.CHROMA_PYTHON ?? '', ['-c', script, directory], { maxBuffer: 2 ** 26 });

      const found = new Map((JSON.parse(stdout) as Array<{ id: string }>).map((record) => [record.id, record]));
      expect(found.size).toBe(operations.length);
      for (const { op: _op, ...expected } of operations) expect(found.get(expected.id)).toEqual(expected);
    }),
);
