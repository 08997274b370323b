/** A commit holds as many operations as a merge can, however few bytes they have; others may run while they are read. */
import { expect, it } from 'vitest';
import { MAX_DELTA_LINES } from '../../lambdas/snapshot/delta.ts';
import { deltaKey } from '../../lambdas/snapshot/keys.ts';
import { loadManifest } from '../../lambdas/versions/load-manifest.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import { COLLECTION, createCollection, memoryPorts } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { history, INPUT, idOf, stateOf, submitNumber } from './support.ts';

const HALF = MAX_DELTA_LINES / 2;

function deletes(count: number): Buffer {
  return Buffer.from('{"op":"delete","id":"nobody"}\n'.repeat(count));
}

it('deltas of more operations than one merge holds go into several commits, in order', async () => {
  // Prepare
  const ports = memoryPorts();
  await createCollection(ports);
  for (const [n, count] of [HALF, HALF, 1].entries()) {
    await ports.store.putIfAbsent(deltaKey(COLLECTION, idOf(n + 1)), deletes(count));
  }
  await submitNumber(ports, 4);
  let sleeps = 0;
  const sleep = ports.clock.sleep.bind(ports.clock);
  ports.clock.sleep = (ms) => {
    sleeps++;
    return sleep(ms);
  };

  // Act
  const ended = await run(ports, INPUT);

  // Assess: the third delta is one line too many.
  expect(stateOf(ended).totals).toMatchObject({ commits: 2, deltas: 4, operations: MAX_DELTA_LINES + 3 });
  const { pointer } = await readPointer(ports, COLLECTION);
  const { manifest } = await loadManifest(ports, pointer.manifest);
  expect(manifest.ledger.map(({ deltaId, version }) => [deltaId, version])).toEqual([
    [idOf(3), 2],
    [idOf(4), 2],
  ]);
  expect((await history(ports)).map(({ deltaId }) => deltaId)).toEqual([1, 2, 3, 4].map(idOf));
  // Each is a turn for the heartbeat.
  expect(sleeps).toBeGreaterThanOrEqual(MAX_DELTA_LINES / 1_000);
});

it('a delta of more lines than are read costs no other one anything', async () => {
  const ports = memoryPorts();
  await createCollection(ports);
  await ports.store.putIfAbsent(deltaKey(COLLECTION, idOf(1)), Buffer.from('{}\n'.repeat(4 * MAX_DELTA_LINES)));
  await submitNumber(ports, 2);

  const { path } = await run(ports, INPUT);

  expect(path.at(-1)).toBe('Compacted');
  expect(await history(ports)).toEqual([
    { deltaId: idOf(1), outcome: 'rejected' },
    { deltaId: idOf(2), outcome: 'applied' },
  ]);
});
