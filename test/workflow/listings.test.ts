/** What `compactor deltas` and `compactor rejections` list of a collection. */
import { expect, it } from 'vitest';
import { countOperations } from '../../lambdas/snapshot/count-operations.ts';
import { encodeDelta } from '../../lambdas/snapshot/delta.ts';
import { deltaKey, rejectionKey } from '../../lambdas/snapshot/keys.ts';
import { numberedId } from '../../lambdas/snapshot/log-number.ts';
import { listDeltas } from '../../lambdas/upkeep/list-deltas.ts';
import { listReports } from '../../lambdas/upkeep/list-reports.ts';
import { COLLECTION, createCollection, memoryPorts, submit } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { INPUT, upsert } from './support.ts';

const ALL = { limit: 50, offset: 0 };

it('a delta waits, is behind a gap of the log, or is decided and lies there again', async () => {
  // Prepare
  const ports = memoryPorts();
  await createCollection(ports);
  await submit(ports, 'decided', [upsert('a', 1)]);
  await run(ports, INPUT);
  await submit(ports, 'decided', [upsert('a', 1)]);
  await ports.clock.sleep(1_000);
  await ports.store.putIfAbsent(deltaKey(COLLECTION, numberedId(2)), encodeDelta([upsert('b', 1)]));
  await ports.clock.sleep(1_000);
  await submit(ports, 'waits', [upsert('c', 1), upsert('d', 1)]);

  // Act
  const { total, deltas } = await listDeltas(ports, COLLECTION, ALL);

  // Assess
  expect(total).toBe(3);
  expect(deltas.map(({ deltaId, state, source, operations }) => [deltaId, state, source, operations])).toEqual([
    ['decided', 'decided', 'producer', 1],
    [numberedId(2), 'behind a gap', 'endpoint', 1],
    ['waits', 'waiting', 'producer', 2],
  ]);
});

it('content that cannot be decompressed, and a damaged report, do not hide the others', async () => {
  // Prepare
  const ports = memoryPorts();
  await createCollection(ports);
  const line = Buffer.from('{"op":"replace","id":"x"}\n');
  await ports.store.putIfAbsent(deltaKey(COLLECTION, 'bad-line'), line);
  await run(ports, INPUT);
  await ports.clock.sleep(1_000);
  await ports.store.putIfAbsent(rejectionKey(COLLECTION, 'damaged'), Buffer.from('{'));
  await ports.store.putIfAbsent(
    deltaKey(COLLECTION, 'cut'),
    encodeDelta(Array.from({ length: 500 }, () => upsert('e', 1))).subarray(0, 40),
  );

  // Act
  const { deltas } = await listDeltas(ports, COLLECTION, ALL);
  const { total, reports } = await listReports(ports, COLLECTION, ALL);

  // Assess
  expect(deltas).toMatchObject([{ deltaId: 'cut', state: 'waiting', operations: null }]);
  expect(total).toBe(2);
  expect(reports).toMatchObject([
    { deltaId: 'damaged', rejectedOperations: null, problem: expect.stringContaining('is not a report') },
    { deltaId: 'bad-line', rejectedOperations: 1, rejections: [{ line: 1 }], problem: null },
  ]);
});

it.each([
  ['blank lines do not count', '{"op":"delete","id":"a"}\n \r\n\n{"op":"delete","id":"b"}', 2],
  ['requests are counted without the first line', '{"requests":1,"id":"x"}\n{"op":"delete","body":{"ids":["a"]}}\n', 1],
  ['nothing', '', 0],
])('countOperations: %s', (_, text, expected) => {
  expect(countOperations(Buffer.from(text))).toBe(expected);
});
