/** The state stays small whatever waits: Step Functions refuses more than 256 KiB, and lists would grow with the inbox. */
import { expect, it } from 'vitest';
import { encodeDelta } from '../../lambdas/snapshot/delta.ts';
import { deltaKey } from '../../lambdas/snapshot/keys.ts';
import { COLLECTION, createCollection, memoryPorts, records } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { history, INPUT, idOf, inbox, upsert } from './support.ts';

const LIMIT_BYTES = 32 * 1024;
const DELTAS = 10_000;

it('no state gives more than 32 KiB with 10,000 deltas waiting', async () => {
  // Prepare: few records, so that the model engine has little to do.
  const ports = memoryPorts({ settings: { maxDeltasPerCommit: 2_500 } });
  await createCollection(ports);
  for (let n = 1; n <= DELTAS; n++) {
    const key = deltaKey(COLLECTION, idOf(n));
    await ports.store.putIfAbsent(key, encodeDelta([upsert(`r-${n % 500}`, n)]));
  }

  // Act
  const { path, events } = await run(ports, INPUT);

  // Assess
  const outputs = events.flatMap(({ stateExitedEventDetails: exited }) =>
    exited === undefined ? [] : [{ state: exited.name, bytes: Buffer.byteLength(exited.output ?? '') }],
  );
  expect(outputs.filter(({ bytes }) => bytes > LIMIT_BYTES)).toEqual([]);
  expect(path.filter((state) => state === 'SwapPointer')).toHaveLength(DELTAS / 2_500);
  expect(path.at(-1)).toBe('Compacted');
  expect(new Set((await history(ports)).map(({ deltaId }) => deltaId)).size).toBe(DELTAS);
  expect(inbox(ports)).toEqual([]);
  const all = await records(ports);
  expect([...all.values()].map(({ metadata }) => metadata?.by).sort()).toEqual(
    Array.from({ length: 500 }, (_, n) => DELTAS - 499 + n).sort(),
  );
});
