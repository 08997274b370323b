/** What producers and callers get wrong: a named error, or a rejection with line and reason, at nobody else's cost. */
import { describe, expect, it } from 'vitest';
import { KeyCollisionError } from '../../lambdas/errors/errors.ts';
import type { EngineRecord } from '../../lambdas/ports.ts';
import { findStatus } from '../../lambdas/producer/put-delta.ts';
import { sha256 } from '../../lambdas/snapshot/blocks.ts';
import { encodeDelta } from '../../lambdas/snapshot/delta.ts';
import { deltaKey, inboxPrefix, rejectionKey } from '../../lambdas/snapshot/keys.ts';
import { type Operation, REJECTION } from '../../lambdas/snapshot/operation.ts';
import type { Json } from '../../local/sfn/definition.ts';
import type { Fault } from '../support/faulty.ts';
import { COLLECTION, type MemoryPorts, records, submit } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import {
  expectNothingHeld,
  expectSettled,
  history,
  INPUT,
  idOf,
  inbox,
  overwrite,
  submitNumber,
  upsert,
  waitingPorts,
} from './support.ts';

const reportOf = async (ports: MemoryPorts, key: string) => {
  const report: unknown = JSON.parse(Buffer.from((await ports.store.get(key)).body).toString());
  return report as { outcome: string; rejectedOperations: number; rejections: Array<{ line: number; error: string }> };
};

describe('an input that is none', () => {
  const INPUTS: Array<[string, Json]> = [
    ['without collection', {}],
    ['with a number as collection', { collection: 7 }],
    ['with an empty collection', { collection: '' }],
    ['with a collection that climbs', { collection: '../x' }],
    ['with a collection that hides a climb', { collection: 'a..b' }],
    ['with a collection in a folder', { collection: 'a/books' }],
    ['with a collection of 600 characters', { collection: 'x'.repeat(600) }],
    ['with a collection of one character', { collection: 'x' }],
    ['with a line break in the collection', { collection: 'books\n' }],
    ['that is a list', [INPUT]],
    ['that is an empty list', []],
    ['that is a text', 'books'],
    ['that is a number', 5],
    ['that is true', true],
    ['that is null', null],
    ['that is false', false],
    ['that is zero', 0],
    ['that is an empty text', ''],
  ];

  it.each(INPUTS)('%s fails by name, and touches nothing', async (_, input) => {
    const ports = await waitingPorts();
    const before = { store: ports.store.snapshot(), table: ports.table.items() };

    const { path, error, cause } = await run(ports, input);

    expect({ path, error }).toEqual({ path: ['PlanCompaction', 'InvalidInput'], error: 'InvalidInputError' });
    expect(cause).toMatch(/must be|is no collection name/);
    expect(cause?.length).toBeLessThan(6_000);
    expect({ store: ports.store.snapshot(), table: ports.table.items() }).toEqual(before);
  });
});

describe('a delta with a line that is none', () => {
  const line = (operation: object) => `${JSON.stringify(operation)}\n`;
  const good = line(upsert('good', 9));
  const embedding = [1, 2, 3, 4];
  const LINES: Array<[string, string, string]> = [
    ['is not JSON', '{"op":\n', REJECTION.malformedLine],
    ['has NaN in its embedding', '{"op":"upsert","id":"a","embedding":[NaN,0,0,0]}\n', REJECTION.malformedLine],
    ['is a list', '[]\n', REJECTION.invalidOperation],
    ['has an unknown operation', line({ op: 'replace', id: 'a' }), REJECTION.unknownOperation],
    ['has no id', line({ op: 'delete' }), REJECTION.invalidId],
    ['has an empty id', line({ op: 'delete', id: '' }), REJECTION.invalidId],
    ['has no embedding', line({ op: 'upsert', id: 'a' }), REJECTION.missingEmbedding],
    ['has an embedding of text', line({ op: 'upsert', id: 'a', embedding: ['1'] }), REJECTION.invalidEmbedding],
    ['has the wrong dimension', line({ op: 'upsert', id: 'a', embedding: [1] }), REJECTION.wrongDimension],
    [
      'has nested metadata',
      line({ op: 'upsert', id: 'a', embedding, metadata: { a: { b: 1 } } }),
      REJECTION.invalidMetadata,
    ],
    ['has a number as document', line({ op: 'upsert', id: 'a', embedding, document: 1 }), REJECTION.invalidDocument],
    ['has a field too many', line({ op: 'delete', id: 'a', embedding }), REJECTION.invalidOperation],
    ['updates nothing', line({ op: 'update', id: 'own-1' }), REJECTION.invalidOperation],
    ['updates a record that is not there', line({ op: 'update', id: 'none', document: 'x' }), REJECTION.recordNotFound],
  ];

  it.each(LINES)('that %s costs that line alone', async (_, bad, error) => {
    const ports = await waitingPorts();
    await submit(ports, 'faulty', Buffer.from(good + bad + line(upsert('better', 9))));

    const { path } = await run(ports, INPUT);

    expect(path.at(-1)).toBe('Compacted');
    const report = await reportOf(ports, rejectionKey(COLLECTION, 'faulty'));
    expect(report).toMatchObject({ outcome: 'applied', rejectedOperations: 1, rejections: [{ line: 2, error }] });
    expect(report.rejections).toEqual([expect.objectContaining({ reason: expect.stringMatching(/.{10,}/) })]);
    expect(await findStatus(ports, COLLECTION, 'faulty')).toMatchObject({ outcome: 'applied', rejectedOperations: 1 });
    const all = await records(ports);
    expect([...all.keys()].sort()).toEqual(['better', 'good', 'own-1', 'own-2', 'own-3', 'own-4', 'shared']);
    expect(inbox(ports)).toEqual([]);
  });
});

it('a record whose id is longer than reports repeat is written, changed and deleted like any other', async () => {
  const ports = await waitingPorts();
  const id = 'i'.repeat(700);
  await submit(ports, 'a-write', [upsert(id, 9), { op: 'update', id, document: 'found' }]);
  await run(ports, INPUT);
  const written = (await records(ports)).get(id);

  await submit(ports, 'b-delete', [
    { op: 'delete', id },
    { op: 'update', id, document: 'gone' },
  ]);
  await run(ports, INPUT);

  expect(written).toMatchObject({ document: 'found', metadata: { by: 9 } });
  expect((await records(ports)).has(id)).toBe(false);
  const { rejections } = await reportOf(ports, rejectionKey(COLLECTION, 'b-delete'));
  const reason = `There is no record "${'i'.repeat(100)}…" to update; use an upsert to create one.`;
  expect(rejections).toEqual([{ line: 2, error: REJECTION.recordNotFound, reason }]);
});

describe('a delta with a line that the engine refuses, though it looks right', () => {
  const engine = { refuses: ({ document }: EngineRecord) => document?.startsWith('bad') === true };
  const good = (n: number) => upsert(`good-${n}`, 9);
  const bad = (n: number, document = 'bad'): Operation => ({ ...good(n), id: `bad-${n}`, document }) as Operation;

  it('applies the twenty others, and names the line by number, id and a reason', async () => {
    const ports = await waitingPorts({ engine });
    const lines = Array.from({ length: 21 }, (_, n) => (n === 13 ? bad(n) : good(n)));
    await submit(ports, 'faulty', lines);

    const { path } = await run(ports, INPUT);

    expect(path.filter((state) => state === 'MergeDeltas')).toHaveLength(1);
    const report = await reportOf(ports, rejectionKey(COLLECTION, 'faulty'));
    expect(report).toMatchObject({ outcome: 'applied', rejectedOperations: 1 });
    expect(report.rejections).toEqual([
      {
        ...{ line: 14, id: 'bad-13', error: REJECTION.rejectedByEngine },
        reason: 'Chroma 1.0.0 refuses this line: the engine was told to.',
      },
    ]);
    const all = [...(await records(ports)).keys()];
    expect(all.filter((id) => id.startsWith('good'))).toHaveLength(20);
    expect(all.filter((id) => id.startsWith('bad'))).toEqual([]);
    await expect(findStatus(ports, COLLECTION, idOf(4))).resolves.toMatchObject({ outcome: 'applied' });
  });

  it('as one record, again and again, in several deltas and by every operation', async () => {
    const ports = await waitingPorts({ engine });
    const hot = (document: string): Operation => ({ ...upsert('hot', 1), document }) as Operation;
    const update = (document: string): Operation => ({ op: 'update', id: 'hot', document });
    await submit(ports, 'first', [hot('a'), hot('bad 1'), update('b'), update('bad 2')]);
    await submit(ports, 'second', [bad(1), update('bad 3'), update('c'), { op: 'delete', id: 'shared' }]);
    await submit(ports, 'third', [bad(2), bad(3)]);

    const { path } = await run(ports, INPUT);

    expect(path.filter((state) => state === 'MergeDeltas')).toHaveLength(1);
    const reports = await Promise.all(
      ['first', 'second', 'third'].map((id) => reportOf(ports, rejectionKey(COLLECTION, id))),
    );
    expect(reports.map(({ outcome, rejections }) => [outcome, ...rejections.map(({ line }) => line)])).toEqual([
      ['applied', 2, 4],
      ['applied', 1, 2],
      ['rejected', 1, 2],
    ]);
    expect((await records(ports)).get('hot')).toMatchObject({ document: 'c', metadata: { by: 1 } });
  });

  it('takes an update of the record that it would have made with it', async () => {
    const ports = await waitingPorts({ engine });
    const operations: Operation[] = [bad(1), { op: 'update', id: 'bad-1', metadata: { by: 1 } }, good(2)];
    await submit(ports, 'faulty', operations);

    await run(ports, INPUT);

    const { rejections } = await reportOf(ports, rejectionKey(COLLECTION, 'faulty'));
    expect(rejections.map(({ line, error }) => [line, error])).toEqual([
      [1, REJECTION.rejectedByEngine],
      [2, REJECTION.recordNotFound],
    ]);
  });

  it('is not missed when a later line replaces what the engine would refuse, so that it is never sent', async () => {
    const ports = await waitingPorts({ engine });
    await submit(ports, 'mended', [bad(1), { op: 'update', id: 'bad-1', document: 'fine' }, good(2)]);

    await run(ports, INPUT);

    await expect(findStatus(ports, COLLECTION, 'mended')).resolves.toMatchObject({
      outcome: 'applied',
      rejectedOperations: 0,
    });
    expect((await records(ports)).get('bad-1')).toMatchObject({ document: 'fine' });
  });
});

describe('an object that is no delta at all', () => {
  const OBJECTS: Array<[string, Uint8Array]> = [
    ['is empty', Buffer.alloc(0)],
    ['is blank', Buffer.from('\n \n')],
    ['is not UTF-8', Buffer.from([0xff, 0xfe, 0x00, 0x80])],
  ];

  it.each(OBJECTS)('that %s is rejected whole', async (_, body) => {
    const ports = await waitingPorts();
    await submit(ports, 'no-delta', body);

    expect((await run(ports, INPUT)).path.at(-1)).toBe('Compacted');

    const report = await reportOf(ports, rejectionKey(COLLECTION, 'no-delta'));
    expect(report).toMatchObject({ outcome: 'rejected', rejections: [{ line: 0, error: REJECTION.notADelta }] });
    expect(await findStatus(ports, COLLECTION, 'no-delta')).toMatchObject({ outcome: 'rejected' });
    expect([...(await records(ports)).keys()].sort()).toEqual(['own-1', 'own-2', 'own-3', 'own-4', 'shared']);
    expectNothingHeld(ports);
  });

  it('nor could be, by its key, is left alone', async () => {
    const ports = await waitingPorts();
    const strange = ['~x', 'folder/x', 'x'.repeat(49)].map((name) => `${inboxPrefix(COLLECTION)}${name}`);
    for (const key of strange) await ports.store.putIfAbsent(key, encodeDelta([upsert('strange', 1)]));

    expect((await run(ports, INPUT)).path.at(-1)).toBe('Compacted');
    expect((await run(ports, INPUT)).path.at(-1)).toBe('UpToDate');

    expect(inbox(ports)).toEqual([...strange].sort());
    expect(ports.telemetry.warnings).toContain('An object in the inbox is no delta; it is left alone.');
  });
});

describe('a delta id that was used before', () => {
  const first: Operation[] = [upsert('own-5', 5), upsert('shared', 5)];
  const second: Operation[] = [upsert('own-5', 50), upsert('shared', 50)];

  it('with the same content is a duplicate, and has no further effect', async () => {
    const ports = await waitingPorts();
    await submitNumber(ports, 5);
    await run(ports, INPUT);
    await submitNumber(ports, 6);
    await run(ports, INPUT);

    await submitNumber(ports, 5);
    const { path } = await run(ports, INPUT);

    expect(path).toEqual(['PlanCompaction', 'Nothing?', 'FinishCompaction', 'More?', 'UpToDate']);
    await expectSettled(ports, [1, 2, 3, 4, 5, 6]);
  });

  it.each([false, true])('with other content is reported under <id>~<sha> (more waits: %s)', async (more) => {
    const ports = await waitingPorts();
    await submit(ports, 'reused', first);
    await run(ports, INPUT);
    const reused = await submit(ports, 'reused', second);
    if (more) await submitNumber(ports, 6);

    const { path } = await run(ports, INPUT);

    expect(path.at(-1)).toBe(more ? 'Compacted' : 'UpToDate');
    const report = await reportOf(ports, rejectionKey(COLLECTION, 'reused', reused.sha256));
    expect(report).toMatchObject({ outcome: 'rejected', rejections: [{ line: 0, error: REJECTION.deltaIdReused }] });
    await expect(findStatus(ports, COLLECTION, 'reused', reused.sha256)).rejects.toThrow(KeyCollisionError);
    expect((await records(ports)).get('own-5')?.metadata).toEqual({ by: 5 });
    expect((await history(ports)).filter(({ deltaId }) => deltaId === 'reused')).toHaveLength(1);
    expect(inbox(ports)).toEqual([]);
  });

  it('and is overwritten between comparing and deleting is not dropped in silence', async () => {
    const ports = await waitingPorts();
    const overwritten = encodeDelta(second);
    const late: Fault = {
      ...{ on: 'store.deleteIfMatch', times: 1, when: ({ args }) => args[0] === deltaKey(COLLECTION, 'reused') },
      before: ({ args }) => overwrite(ports, args[0], overwritten),
    };
    await submit(ports, 'reused', first);

    expect((await run(ports, INPUT, { faults: [late] })).path.at(-1)).toBe('Compacted');

    const report = await reportOf(ports, rejectionKey(COLLECTION, 'reused', sha256(overwritten)));
    expect(report.rejections).toMatchObject([{ line: 0, error: REJECTION.deltaIdReused }]);
    expect(inbox(ports)).toEqual([]);
  });
});
