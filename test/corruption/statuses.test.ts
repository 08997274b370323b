/** A status that is well formed and wrong: the manifest that decided the delta knows better. */
import { expect, test } from 'vitest';
import { inboxPrefix } from '../../lambdas/snapshot/keys.ts';
import type { DeltaStatus } from '../../lambdas/snapshot/ledger.ts';
import { COLLECTION, createCollection, type MemoryPorts, memoryPorts, submit } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { listKeys, read, upserts } from './world.ts';

const WRONG: DeltaStatus = { outcome: 'rejected', version: 7, sha256: 'b'.repeat(64), rejectedOperations: 3 };

/** A compaction of two deltas; between its swap and its settling, one of them has a status that is not its own. */
async function withWrongStatus(): Promise<{ ports: MemoryPorts; error: string | undefined }> {
  const ports = memoryPorts();
  await createCollection(ports);
  await submit(ports, 'one', upserts('a', 3));
  await submit(ports, 'two', upserts('b', 3));
  const wrap = {
    SyncEfs: (real: (input: unknown) => Promise<unknown>) => async (input: unknown) => {
      await ports.statuses.putStatus(COLLECTION, 'one', WRONG);
      return real(input);
    },
  };
  const { error } = await run(ports, { collection: COLLECTION }, { wrap });
  return { ports, error };
}

test('a wrong status neither takes a record away nor keeps the inbox full, nor spreads to other deltas', async () => {
  const { ports } = await withWrongStatus();

  expect((await read(ports)).size).toBe(6);
  expect(await listKeys(ports.store, inboxPrefix(COLLECTION))).toEqual([]);
  // Judged by the ledger, not by the status: its content was the right one.
  expect(await listKeys(ports.store, 'rejected/')).toEqual([]);
  const statuses = await ports.statuses.getStatuses(COLLECTION, ['two']);
  expect(statuses.get('two')).toMatchObject({ outcome: 'applied', version: 1 });
});

test('a status that contradicts the manifest is named', async () => {
  expect((await withWrongStatus()).error).toBe('StatusConflictError');
});
