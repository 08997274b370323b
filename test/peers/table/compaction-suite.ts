/** From the first delta to garbage collection on one stack; each test goes on where the one before it ended. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { handler as collectGarbage } from '../../../lambdas/collect-garbage.ts';
import { runWithPorts } from '../../../lambdas/runtime/handler.ts';
import { handler as sweep } from '../../../lambdas/sweep.ts';
import { createCollection } from '../../../lambdas/upkeep/create-collection.ts';
import { rollback } from '../../../lambdas/upkeep/rollback.ts';
import { verifyDeep } from '../../../lambdas/upkeep/verify-deep.ts';
import { loadCurrent } from '../../../lambdas/versions/load-current.ts';
import type { ExecutionRecord } from '../../../local/sfn/store.ts';
import { checkCollection, compareRecords } from '../../chaos/check.ts';
import type { Sent } from '../../chaos/model.ts';
import { DELTAS_EACH, expectedRecords, PRODUCERS, produce, producerOf, RECORDS, send } from './producers.ts';
import { type PeerServers, type PeerStack, RETAINED, startPeerStack } from './stack.ts';

const COLLECTION = 'pets';
const STARTERS = 3;

export function describeCompaction(open: () => Promise<PeerServers & { close(): Promise<void> }>): void {
  describe('a compaction', () => {
    let servers: Awaited<ReturnType<typeof open>>;
    let stack: PeerStack;
    const sent = new Map<string, Sent>();
    const outcomes = async () =>
      [...(await stack.ports.statuses.getStatuses(COLLECTION, [...sent.keys()])).values()].map(
        ({ outcome }) => outcome,
      );
    const newest = () => loadCurrent(stack.ports, COLLECTION);

    beforeAll(async () => {
      servers = await open();
      stack = await startPeerStack(servers);
      await createCollection(stack.ports, { collection: COLLECTION, dimension: 4, space: 'l2', creator: 'test' });
    });
    afterAll(async () => {
      await stack?.close();
      await servers?.close();
    });

    test(`applies ${PRODUCERS * DELTAS_EACH} deltas of ${PRODUCERS} producers once each, while they come`, async () => {
      const ended: ExecutionRecord[] = [];
      let isOver = false;
      const starters = Array.from({ length: STARTERS }, async (_, starter) => {
        for (let n = 0; !isOver; n++) ended.push(await stack.run(`starter-${starter}-${n}`, COLLECTION));
      });
      await produce(stack.ports, COLLECTION, sent);
      isOver = true;
      await Promise.all(starters);
      ended.push(await stack.run('last', COLLECTION));

      const check = await checkCollection(stack.ports, COLLECTION, { first: sent, reused: [] }, producerOf);

      expect(check.differences).toEqual([]);
      expect(check.records).toBe(RECORDS);
      expect(check.versions).toBeGreaterThan(1);
      expect(await outcomes()).toEqual(Array(PRODUCERS * DELTAS_EACH).fill('applied'));
      expect(ended.map(({ status }) => status)).toEqual(Array(ended.length).fill('SUCCEEDED'));
    });

    test('is started by the sweep for a delta that nobody spoke of', async () => {
      await send(stack.ports, COLLECTION, 'late-1', [{ op: 'delete', id: 'shared' }], sent);

      const swept = await runWithPorts(stack.ports, () => sweep(undefined));
      await stack.idle();

      expect(swept).toEqual({ collections: 1, started: [COLLECTION] });
      expect(await compareRecords(stack.ports, await newest(), await expected(() => true))).toEqual([]);
      expect((await newest()).manifest.records).toBe(RECORDS - 1);
    });

    test('rebases on a rollback that overtakes it, and loses no delta', async () => {
      const { manifest } = await newest();
      const restored = manifest.version - 1;
      await send(stack.ports, COLLECTION, 'over-1', [{ op: 'upsert', id: 'over', embedding: [2, 2, 2, 2] }], sent);
      const overtake = () => rollback(stack.ports, { collection: COLLECTION, version: restored, actor: 'test' });
      stack.before.set('SwapPointer', overtake);

      const record = await stack.run('overtaken', COLLECTION);

      expect(record.status).toBe('SUCCEEDED');
      expect(stack.path(record).filter((state) => state === 'SwapPointer')).toHaveLength(2);
      expect((await newest()).manifest).toMatchObject({ version: manifest.version + 2, records: RECORDS + 1 });
      const counts = (version: number) => version <= restored || version > manifest.version;
      expect(await compareRecords(stack.ports, await newest(), await expected(counts))).toEqual([]);
      expect(await outcomes()).toEqual(Array(sent.size).fill('applied'));
    });

    test('leaves what verify --deep can read, before and after garbage collection', async () => {
      const before = await verifyDeep(stack.ports, COLLECTION);
      const { version } = (await newest()).manifest;

      const { reports } = await runWithPorts(stack.ports, () => collectGarbage({ collection: COLLECTION }));
      const after = await verifyDeep(stack.ports, COLLECTION);

      expect(before.versions.map((each) => each.version)).toEqual(
        Array.from({ length: version + 1 }, (_, n) => version - n),
      );
      expect(reports).toMatchObject([{ fenced: true, retainedFrom: version - RETAINED + 1 }]);
      expect(reports[0]?.deletedManifests).toBe(version + 1 - RETAINED);
      expect(after.versions).toEqual(before.versions.slice(0, RETAINED));
      expect(after.packs).toBeLessThan(before.packs);
    });

    test('goes on after that', async () => {
      await send(stack.ports, COLLECTION, 'after-1', [{ op: 'upsert', id: 'after', embedding: [3, 3, 3, 3] }], sent);

      const record = await stack.run('after', COLLECTION);

      expect(record.status).toBe('SUCCEEDED');
      expect((await newest()).manifest.records).toBe(RECORDS + 2);
      expect(await outcomes()).toEqual(Array(sent.size).fill('applied'));
    });

    function expected(counts: (version: number) => boolean) {
      return expectedRecords(stack.ports, COLLECTION, sent, counts);
    }
  });
}
