/** Limits count failures in a row: they stop what cannot succeed, and nothing that does. */
import { expect, it } from 'vitest';
import { EngineRejectedDataError } from '../../lambdas/errors/errors.ts';
import type { EngineRecord } from '../../lambdas/ports.ts';
import { MAX_AUTOMATIC_BYTES } from '../../lambdas/protocol/vacuum.ts';
import { encodeDelta } from '../../lambdas/snapshot/delta.ts';
import { deltaKey } from '../../lambdas/snapshot/keys.ts';
import { liveBytes } from '../../lambdas/snapshot/manifest.ts';
import { loadManifest } from '../../lambdas/versions/load-manifest.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import { MAX_MERGE_FAILURES, MAX_REBASES } from '../../statemachine/contract.ts';
import { type Call, type Fault, throws } from '../support/faulty.ts';
import type { MemoryEngineOptions } from '../support/memory-engine.ts';
import { COLLECTION, createCollection, type MemoryPorts, memoryPorts } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import {
  expectSettled,
  fence,
  history,
  INPUT,
  idOf,
  inbox,
  stateOf,
  submitNumber,
  upsert,
  waitingPorts,
} from './support.ts';

const DELTAS = 5_000;

it('commits with one rebase each go on beyond the limit of rebases', async () => {
  // Prepare: 23 commits of one delta, and the pointer is fenced once under each.
  const ports = await waitingPorts({ settings: { maxDeltasPerCommit: 1 } });
  const all = Array.from({ length: MAX_REBASES + 4 }, (_, n) => n + 1);
  await submitNumber(ports, ...all.slice(4));
  let looks = 0;
  const moving: Fault = { on: 'store.get', in: 'CheckBase', when: () => ++looks % 2 === 1, before: () => fence(ports) };

  // Act
  const ended = await run(ports, INPUT, { faults: [moving] });

  // Assess
  expect(ended.path.filter((state) => state === 'DiscardUpload')).toHaveLength(MAX_REBASES + 3);
  expect(stateOf(ended).totals.commits).toBe(MAX_REBASES + 3);
  await expectSettled(ports, all);
});

/** In one commit; the first delta is the poison, so that every halving still holds it; few records, so that the engine has little to do. */
async function poisoned(engine: MemoryEngineOptions, poison: string[]): Promise<MemoryPorts> {
  const ports = memoryPorts({ settings: { maxDeltasPerCommit: DELTAS }, engine });
  await createCollection(ports);
  for (let n = 1; n <= DELTAS; n++) {
    const body = encodeDelta((n === 1 ? poison : [`r-${n % 10}`]).map((id) => upsert(id, n)));
    await ports.store.putIfAbsent(deltaKey(COLLECTION, idOf(n)), body);
  }
  return ports;
}

async function expectOnlyFirstRejected(ports: MemoryPorts): Promise<void> {
  const decided = await history(ports);
  expect(decided).toHaveLength(DELTAS);
  expect(decided.filter(({ outcome }) => outcome === 'rejected').map(({ deltaId }) => deltaId)).toEqual([idOf(1)]);
  expect(inbox(ports)).toEqual([]);
}

it('a poison line is isolated among 5,000 deltas in one merge, and the others are committed', async () => {
  const ports = await poisoned({ refuses: ({ id }) => id === 'poison' }, ['poison']);

  const { path } = await run(ports, INPUT);

  expect(path.at(-1)).toBe('Compacted');
  expect(path.filter((state) => state === 'MergeDeltas')).toHaveLength(1);
  await expectOnlyFirstRejected(ports);
});

it('a poison delta without a poison line is isolated among 5,000 by halving, and the others are committed', async () => {
  const ports = await poisoned({}, ['poison', 'company']);
  const isPoison = ({ args: [records] }: Call) =>
    records.length > 1 && records.some(({ id }: EngineRecord) => id === 'poison');
  const refused = new EngineRejectedDataError('The engine refused it all. Correct it.');

  const { path } = await run(ports, INPUT, {
    faults: [{ on: 'session.upsert', when: isPoison, before: throws(refused) }],
  });

  // 5,000 down to 1 takes 12 halvings.
  expect(path.at(-1)).toBe('Compacted');
  expect(path.filter((state) => state === 'DiscardUpload')).toHaveLength(MAX_MERGE_FAILURES - 1);
  expect(path.filter((state) => state === 'SwapPointer')).toHaveLength(2);
  await expectOnlyFirstRejected(ports);
});

/** @returns bytes of the current snapshot, and for how many a merge of it asks */
async function roomFor(
  ports: MemoryPorts,
  input: Parameters<typeof run>[1],
): Promise<{ live: number; asked: unknown[] }> {
  const { pointer } = await readPointer(ports, COLLECTION);
  const { manifest } = await loadManifest(ports, pointer.manifest);
  const asked: unknown[] = [];
  const asking: Fault = { on: 'directories.claim', in: 'MergeDeltas', before: ({ args }) => asked.push(args[1]) };
  await run(ports, input, { faults: [asking] });
  return { live: liveBytes(manifest.files), asked };
}

const BATCH_BYTES = 1_000_000;

/** Delta 1 is committed with a file of the engine's that makes the snapshot too large to be vacuumed without being asked. */
async function largePorts(): Promise<MemoryPorts> {
  const ports = memoryPorts({ settings: { maxBytesPerCommit: BATCH_BYTES } });
  await createCollection(ports);
  await submitNumber(ports, 1);
  const grow: Fault = {
    on: 'engine.open',
    in: 'MergeDeltas',
    before: ({ args: [directory] }) => directory.resize('index.bin', MAX_AUTOMATIC_BYTES),
  };
  await run(ports, INPUT, { faults: [grow] });
  await submitNumber(ports, 2);
  return ports;
}

it('a merge asks for room for its base, what the engine writes, the copy of a vacuum, and its batch', async () => {
  const ports = await waitingPorts({ settings: { maxBytesPerCommit: BATCH_BYTES } });

  const { live, asked } = await roomFor(ports, INPUT);

  expect(asked).toEqual([3 * live + BATCH_BYTES]);
});

it('a merge asks for no room for a copy when its base is too large to be vacuumed without being asked', async () => {
  const ports = await largePorts();

  const { live, asked } = await roomFor(ports, INPUT);

  expect(live).toBeGreaterThan(MAX_AUTOMATIC_BYTES);
  expect(asked).toEqual([2 * live + BATCH_BYTES]);
});

it('a vacuum that is asked for has room for its copy, however large the base is', async () => {
  const ports = await largePorts();

  const { live, asked } = await roomFor(ports, { ...INPUT, vacuum: true });

  expect(live).toBeGreaterThan(MAX_AUTOMATIC_BYTES);
  expect(asked[0]).toBe(3 * live + BATCH_BYTES);
});
