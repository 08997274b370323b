/** Limits count failures in a row: they stop what cannot succeed, and nothing that does. */
import { expect, it } from 'vitest';
import { encodeDelta } from '../../lambdas/snapshot/delta.ts';
import { deltaKey } from '../../lambdas/snapshot/keys.ts';
import { liveBytes } from '../../lambdas/snapshot/manifest.ts';
import { loadManifest, readPointer } from '../../lambdas/steps/read-pointer.ts';
import { MAX_MERGE_FAILURES, MAX_REBASES } from '../../statemachine/contract.ts';
import type { Fault } from '../support/faulty.ts';
import { COLLECTION, createCollection, memoryPorts } from '../support/memory-ports.ts';
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

it('a poison delta is isolated among 5,000 in one commit, and the others are committed', async () => {
  // Prepare: the first one, so that every halving still holds it; few records, so that the engine has little to do.
  const DELTAS = 5_000;
  const ports = memoryPorts({
    settings: { maxDeltasPerCommit: DELTAS },
    engine: { refuses: ({ id }) => id === 'poison' },
  });
  await createCollection(ports);
  for (let n = 1; n <= DELTAS; n++) {
    const body = encodeDelta([upsert(n === 1 ? 'poison' : `r-${n % 10}`, n)]);
    await ports.store.putIfAbsent(deltaKey(COLLECTION, idOf(n)), body);
  }

  // Act
  const { path } = await run(ports, INPUT);

  // Assess: 5,000 down to 1 takes 12 halvings.
  expect(path.at(-1)).toBe('Compacted');
  expect(path.filter((state) => state === 'DiscardUpload')).toHaveLength(MAX_MERGE_FAILURES - 1);
  expect(path.filter((state) => state === 'SwapPointer')).toHaveLength(2);
  const decided = await history(ports);
  expect(decided).toHaveLength(DELTAS);
  expect(decided.filter(({ outcome }) => outcome === 'rejected').map(({ deltaId }) => deltaId)).toEqual([idOf(1)]);
  expect(inbox(ports)).toEqual([]);
});

it('a merge asks for room for its base, what the engine writes, and its batch', async () => {
  const maxBytesPerCommit = 1_000_000;
  const ports = await waitingPorts({ settings: { maxBytesPerCommit } });
  const { pointer } = await readPointer(ports, COLLECTION);
  const { manifest } = await loadManifest(ports, pointer.manifest);
  const asked: unknown[] = [];
  const asking: Fault = { on: 'directories.claim', in: 'MergeDeltas', before: ({ args }) => asked.push(args) };

  await run(ports, INPUT, { faults: [asking] });

  expect(asked).toEqual([[COLLECTION, 2 * liveBytes(manifest.files) + maxBytesPerCommit]]);
});
