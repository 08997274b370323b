/** Defragmentations through the state machine: when one is made, what it changes, and what it leaves to whom (ADR 58). */
import { expect, it } from 'vitest';
import { DirtyDirectoryError } from '../../lambdas/errors/errors.ts';
import { diff } from '../../lambdas/snapshot/diff.ts';
import { isFragmented } from '../../lambdas/snapshot/rewrite.ts';
import { sweep } from '../../lambdas/triggers/sweep-collections.ts';
import { findVersion } from '../../lambdas/versions/walk-versions.ts';
import type { Json } from '../../local/sfn/definition.ts';
import type { TaskHandler } from '../../local/sfn/task.ts';
import {
  COLLECTION,
  createCollection,
  type MemoryPorts,
  memoryPorts,
  records,
  submit,
} from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { expectNothingHeld, INPUT, inbox, stateOf, upsert } from './support.ts';

const SCALE = { along: 0, leastDead: 0 };
/** Records in so many blocks that one of them is less than half of a frame, and more than a quarter. */
const COUNT = 40;

const current = async (ports: MemoryPorts) => (await findVersion(ports, COLLECTION)).manifest;

/** Version 2: one block of the first commit's frame is dead. */
async function fragmentedPorts(settings: Partial<MemoryPorts['settings']> = { scale: SCALE }): Promise<MemoryPorts> {
  const ports = memoryPorts({ settings });
  await createCollection(ports);
  await submit(
    ports,
    'many',
    Array.from({ length: COUNT }, (_, n) => upsert(`r-${n}`, n)),
  );
  await run(ports, INPUT);
  await submit(ports, 'one', [upsert('r-0', 1_000)]);
  await run(ports, INPUT);
  return ports;
}

it('is a commit of an execution that finds nothing waiting', async () => {
  // Prepare
  const ports = await fragmentedPorts();
  const [before, held] = [await current(ports), await records(ports)];
  expect(isFragmented(before, SCALE)).toBe(true);

  // Act
  const ended = await run(ports, INPUT);

  // Assess
  expect(ended.path.at(-1)).toBe('Compacted');
  expect(stateOf(ended)).toMatchObject({
    totals: { commits: 1, deltas: 0, changedBytes: 0 },
    committed: { version: 3 },
  });
  const after = await current(ports);
  expect(isFragmented(after, SCALE)).toBe(false);
  expect(await records(ports)).toEqual(held);
  // Who has the version before fetches nothing.
  expect(diff(before.files, after.files)).toEqual({ removes: [], resizes: [], writes: [] });
  expectNothingHeld(ports);
});

it('is not made twice', async () => {
  const ports = await fragmentedPorts();
  await run(ports, INPUT);

  const ended = await run(ports, INPUT);

  expect(ended.path.at(-1)).toBe('UpToDate');
  expect((await current(ports)).version).toBe(3);
});

it('is left to a later execution when a delta waits', async () => {
  const ports = await fragmentedPorts();
  await submit(ports, 'another', [upsert('r-0', 2_000)]);

  const ended = await run(ports, INPUT);

  expect(stateOf(ended)).toMatchObject({ totals: { commits: 1, deltas: 1 }, committed: { version: 3 } });
  expect(isFragmented(await current(ports), SCALE)).toBe(true);
  expect(inbox(ports)).toEqual([]);
});

it('does not keep a delta that comes meanwhile from being merged', async () => {
  const ports = await fragmentedPorts();
  let swaps = 0;
  const SwapPointer = (real: TaskHandler) => async (input: Json) => {
    if (swaps++ === 0) await submit(ports, 'late', [upsert('late', 1)]);
    return real(input);
  };

  const ended = await run(ports, INPUT, { wrap: { SwapPointer } });

  expect(stateOf(ended)).toMatchObject({ totals: { commits: 2, deltas: 1 }, committed: { version: 4 } });
  expect((await records(ports)).has('late')).toBe(true);
  expectNothingHeld(ports);
});

it('is planned again when it fails, and leaves what was there', async () => {
  const ports = await fragmentedPorts();
  let merges = 0;
  const MergeDeltas = (real: TaskHandler) => async (input: Json) => {
    if (merges++ === 0) throw new DirtyDirectoryError('It is damaged. Repair it.');
    return real(input);
  };

  const ended = await run(ports, INPUT, { wrap: { MergeDeltas } });

  expect(ended.path.at(-1)).toBe('Compacted');
  expect((await current(ports)).version).toBe(3);
  expectNothingHeld(ports);
});

it('is started by the sweep, once', async () => {
  const ports = await fragmentedPorts();

  expect((await sweep(ports)).started).toEqual([COLLECTION]);
  await run(ports, INPUT);
  await ports.clock.advance(60_000);

  expect((await sweep(ports)).started).toEqual([]);
});

it('is not worth a commit for a few kilobytes', async () => {
  const ports = await fragmentedPorts({});

  const ended = await run(ports, INPUT);

  expect(ended.path.at(-1)).toBe('UpToDate');
  expect((await sweep(ports)).started).toEqual([]);
});
