/** Commits that list a part of the inbox take what they would take of the whole, in the same order. */
import { expect, it } from 'vitest';
import { StoreUnavailableError } from '../../lambdas/errors/errors.ts';
import { deltaKey } from '../../lambdas/snapshot/keys.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import { findVersion } from '../../lambdas/versions/walk-versions.ts';
import { type Fault, throws } from '../support/faulty.ts';
import { COLLECTION, createCollection, type MemoryPorts, memoryPorts, submit } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { expectNothingHeld, fence, history, INPUT, inbox, upsert } from './support.ts';

/** Deltas under these ids, a second between them; a commit takes two. */
async function arrived(...ids: string[]): Promise<MemoryPorts> {
  const ports = memoryPorts({ settings: { maxDeltasPerCommit: 2 } });
  await createCollection(ports);
  for (const id of ids) await arrive(ports, id);
  return ports;
}

async function arrive(ports: MemoryPorts, id: string): Promise<void> {
  await ports.clock.advance(1_000);
  await submit(ports, id, [upsert(`own-${id}`, 1)]);
}

async function expectDrained(ports: MemoryPorts, ids: string[], faults: readonly Fault[] = []): Promise<void> {
  const { path } = await run(ports, INPUT, { faults: [...faults] });
  expect(path.at(-1)).toBe('Compacted');
  expect((await history(ports)).map(({ deltaId }) => deltaId)).toEqual(ids);
  expect(inbox(ports)).toEqual([]);
  expectNothingHeld(ports);
}

it.each([
  ['rise', ['a', 'b', 'c', 'd', 'e', 'f', 'g']],
  ['fall', ['g', 'f', 'e', 'd', 'c', 'b', 'a']],
  ['are mixed', ['d', 'a', 'g', 'b', 'f', 'c', 'e']],
])('takes deltas in the order of their arrival when their ids %s', async (_how, ids) => {
  await expectDrained(await arrived(...ids), ids);
});

it('takes what comes later after all that waited, whatever its id', async () => {
  const ports = await arrived('c', 'd', 'e', 'f', 'g');
  const late: Fault = { on: 'store.list', in: 'MergeDeltas', times: 1, before: () => arrive(ports, 'a') };
  await expectDrained(ports, ['c', 'd', 'e', 'f', 'g', 'a'], [late]);
});

it('goes on with the rest of a commit that took less', async () => {
  const ports = await arrived('a', 'b', 'c', 'd', 'e', 'f', 'g');
  const smaller: Fault = {
    on: 'store.list',
    in: 'MergeDeltas',
    times: 1,
    before: () => {
      ports.settings.maxDeltasPerCommit = 1;
    },
    after: () => {
      ports.settings.maxDeltasPerCommit = 2;
    },
  };
  await expectDrained(ports, ['a', 'b', 'c', 'd', 'e', 'f', 'g'], [smaller]);
});

it('lists everything again after a rebase', async () => {
  const ports = await arrived('c', 'd', 'e', 'f', 'g');
  const move: Fault = {
    on: 'store.putIfMatch',
    in: 'SwapPointer',
    from: 2,
    times: 1,
    before: () => fence(ports),
  };
  await expectDrained(ports, ['c', 'd', 'e', 'f', 'g'], [move]);
});

it('keeps the ledger entry of a delta whose object lies beyond', async () => {
  // Prepare: "z" is decided and has its status, but its object could not be deleted.
  const ports = await arrived('z');
  const stuck: Fault = {
    on: 'store.deleteIfMatch',
    when: ({ args }) => args[0] === deltaKey(COLLECTION, 'z'),
    before: throws(new StoreUnavailableError('It does not answer.')),
  };
  const failed = await run(ports, INPUT, { faults: [stuck] });
  expect(failed.path.at(-1)).toBe('Failed');
  for (const id of ['a', 'b', 'c', 'd']) await arrive(ports, id);
  // As if the second execution could not delete it, either: that is looked for beyond its horizon in no commit.
  const ledgers: string[][] = [];
  const look: Fault = {
    on: 'store.list',
    in: 'FinishCompaction',
    before: async () => {
      const { pointer } = await readPointer(ports, COLLECTION);
      const { manifest } = await findVersion({ store: ports.store }, COLLECTION, pointer.version);
      ledgers.push(manifest.ledger.map(({ deltaId }) => deltaId));
    },
  };

  // Act
  await ports.clock.advance(61_000);
  await run(ports, INPUT, { faults: [look] });

  // Assess
  expect(ledgers[0]).toEqual(['z', 'a', 'b']);
  expect((await history(ports)).map(({ deltaId }) => deltaId)).toEqual(['z', 'a', 'b', 'c', 'd']);
  expect(inbox(ports)).toEqual([]);
});
