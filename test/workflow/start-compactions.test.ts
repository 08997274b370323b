/** From messages of new deltas to executions: one per collection and batch, and nothing lost in between. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { executionName } from '../../lambdas/protocol/execution-name.ts';
import { deltaKey } from '../../lambdas/snapshot/keys.ts';
import { type QueueRecord, startCompactions } from '../../lambdas/triggers/start-compactions.ts';
import { collection, deltaId, hostileName } from '../support/arbitraries.ts';
import { type Fault, faulty, throws } from '../support/faulty.ts';
import { type MemoryPorts, memoryPorts } from '../support/memory-ports.ts';

/** As S3 encodes keys in notifications. */
const encoded = (key: string) => encodeURIComponent(key).replaceAll('%20', '+').replaceAll('%2F', '/');
const created = (...keys: string[]) => ({
  Records: keys.map((key) => ({
    ...{ eventVersion: '2.1', eventSource: 'aws:s3', eventName: 'ObjectCreated:Put' },
    s3: { bucket: { name: 'vectors' }, object: { key: encoded(key), size: 12, eTag: 'e', sequencer: '0' } },
  })),
});
const message = (messageId: string, body: unknown): QueueRecord => ({
  messageId,
  body: typeof body === 'string' ? body : JSON.stringify(body),
});
const failing = (ports: MemoryPorts, name: RegExp): MemoryPorts => {
  const fault: Fault = {
    on: 'executions.start',
    when: ({ args }) => name.test(args[0]),
    before: throws(new Error('Throttled.')),
  };
  return faulty(ports, [fault]);
};
const NONE = { batchItemFailures: [] };

describe('a batch of messages', () => {
  it('starts one execution per collection, named by its messages', async () => {
    const ports = memoryPorts();

    const response = await startCompactions(ports, [
      message('m-3', created('deltas/books/d-3')),
      message('m-1', created('deltas/books/d-1')),
      message('m-2', created('production/eu/deltas/maps/d-2')),
    ]);

    expect(response).toEqual(NONE);
    expect([...ports.executions.started]).toEqual([
      [executionName('books', 'batch', 'm-1', 'm-3'), { collection: 'books' }],
      [executionName('maps', 'batch', 'm-2'), { collection: 'maps' }],
    ]);
  });

  it('is read with its keys URL-encoded, as far as the sender likes, and with whatever prefix the store has', async () => {
    const ports = memoryPorts();
    const keys = ['my+vectors/deltas/books/d-1', 'deltas%2Fmaps%2Fd%2D1', 'd%C3%A9p%C3%B4t/deltas/my.letters/d_1'];
    const body = { Records: keys.map((key) => ({ eventName: 'ObjectCreated:Copy', s3: { object: { key } } })) };
    expect(await startCompactions(ports, [message('m-1', body)])).toEqual(NONE);
    expect([...ports.executions.started.values()].map(({ collection }) => collection)).toEqual([
      'books',
      'maps',
      'my.letters',
    ]);
  });

  it('that comes again, in whatever order and at whatever time, starts nothing more, and that is a success', async () => {
    const ports = memoryPorts();
    const batch = [message('m-1', created('deltas/books/d-1')), message('m-2', created('deltas/books/d-2'))];
    await startCompactions(ports, batch);
    await ports.clock.advance(3_600_000);

    expect(await startCompactions(ports, batch.toReversed())).toEqual(NONE);

    expect(ports.executions.started.size).toBe(1);
  });

  it('with any other message starts another execution: no wake-up is swallowed', async () => {
    const ports = memoryPorts();
    const body = created('deltas/books/d-1');
    for (const ids of [['m-1'], ['m-2'], ['m-1', 'm-2']]) {
      await startCompactions(
        ports,
        ids.map((id) => message(id, body)),
      );
    }
    expect(ports.executions.started.size).toBe(3);
  });

  it('gives back exactly the messages of the collections that could not be started', async () => {
    const ports = memoryPorts();
    const batch = [
      message('m-1', created('deltas/books/d-1')),
      message('m-2', created('deltas/maps/d-2')),
      message('m-3', created('deltas/books/d-3', 'deltas/maps/d-4')),
      message('m-4', created('deltas/books/d-5')),
      message('m-5', 'no notification'),
    ];

    const response = await startCompactions(failing(ports, /^maps/), batch);

    expect(response).toEqual({ batchItemFailures: [{ itemIdentifier: 'm-2' }, { itemIdentifier: 'm-3' }] });
    expect([...ports.executions.started.values()]).toEqual([{ collection: 'books' }]);
    expect(ports.telemetry.warnings).toHaveLength(2);
  });

  it('gives every message back when nothing can be started, each of them once', async () => {
    const batch = ['m-1', 'm-2', 'm-3'].map((id) => message(id, created('deltas/books/d-1', 'deltas/maps/d-1')));
    const { batchItemFailures } = await startCompactions(failing(memoryPorts(), /./), batch);
    expect(batchItemFailures.map((failure) => failure.itemIdentifier).sort()).toEqual(['m-1', 'm-2', 'm-3']);
  });

  it.each<[string, unknown]>([
    ['test event of a new notification', { Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'vectors' }],
    ['deletion', { Records: [{ ...created('deltas/books/d-1').Records[0], eventName: 'ObjectRemoved:Delete' }] }],
    ['key that is no delta', created('packs/books/x.pack')],
    ['folder', created('deltas/books/')],
    ['deeper key', created('deltas/books/sub/d-1')],
    ['hostile collection', created('deltas/../d-1')],
    [
      'broken encoding',
      { Records: [{ eventName: 'ObjectCreated:Put', s3: { object: { key: 'deltas/books/%E0%A4%A' } } }] },
    ],
    ['empty list', { Records: [] }],
    ['list of nothing', { Records: [null] }],
    ['text', 'hello'],
    ['number', '7'],
    ['empty body', ''],
  ])('drops a message with a %s, and says so', async (_what, body) => {
    const ports = memoryPorts();
    const batch = [message('m-1', body), message('m-2', created('deltas/maps/d-1'))];

    expect(await startCompactions(ports, batch)).toEqual(NONE);

    expect([...ports.executions.started.values()]).toEqual([{ collection: 'maps' }]);
    expect(ports.telemetry.warnings).toHaveLength(1);
  });

  it('is understood whatever collection and delta it names', async () => {
    const key = fc.oneof(
      fc.tuple(collection, deltaId).map(([collection, id]) => ({ collection, key: deltaKey(collection, id) })),
      fc.tuple(hostileName, deltaId).map(([name, id]) => ({ collection: undefined, key: `deltas/${name}/${id}` })),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(key, { maxLength: 8 }), async (keys) => {
        const ports = memoryPorts();
        const wellFormed = keys.filter(({ key }) => key.isWellFormed());
        const batch = wellFormed.map(({ key }, n) => message(`m-${n}`, created(key)));
        expect(await startCompactions(ports, batch)).toEqual(NONE);
        const started = [...ports.executions.started.values()].map((input) => input.collection);
        expect(started.sort()).toEqual([...new Set(wellFormed.flatMap(({ collection }) => collection ?? []))].sort());
      }),
    );
  });
});
