/** Vacuums through the state machine: asked for, in passing, failing, and of what is empty. */
import { expect, it } from 'vitest';
import { EngineUnavailableError } from '../../lambdas/errors/errors.ts';
import { rollback } from '../../lambdas/upkeep/rollback.ts';
import { findVersion } from '../../lambdas/versions/walk-versions.ts';
import { type Fault, throws } from '../support/faulty.ts';
import {
  COLLECTION,
  createCollection,
  type MemoryPorts,
  memoryPorts,
  records,
  submit,
} from '../support/memory-ports.ts';
import { ModelDatabase } from '../support/model-database.ts';
import { run } from '../support/run-machine.ts';
import { EXPIRY_MS, expectNothingHeld, INPUT, inbox, stateOf, submitNumber, upsert } from './support.ts';

const ASKED = { ...INPUT, vacuum: true };
const MANY = Array.from({ length: 40 }, (_, n) => n + 1);
const down = throws(new EngineUnavailableError('It is gone. Retry.'));

/** Version 1 with forty records, and a delta that leaves those that it does not name. */
async function beforeFewer(slotBytes: number | undefined, isLeft: (n: number) => boolean): Promise<MemoryPorts> {
  const ports = memoryPorts(slotBytes === undefined ? {} : { engine: { slotBytes } });
  await createCollection(ports);
  const many = MANY.map((n) => upsert(`r-${n}`, n));
  await submit(ports, 'many', many);
  await run(ports, INPUT);
  const fewer = MANY.filter((n) => !isLeft(n)).map((n) => ({ op: 'delete' as const, id: `r-${n}` }));
  await submit(ports, 'fewer', fewer);
  return ports;
}

/** Version 2 has four of them. */
async function wastefulPorts(slotBytes?: number): Promise<MemoryPorts> {
  const ports = await beforeFewer(slotBytes, (n) => n % 10 === 0);
  await run(ports, INPUT);
  return ports;
}

const current = async (ports: MemoryPorts) => (await findVersion(ports, COLLECTION)).manifest;
const sizeOf = async (ports: MemoryPorts) => (await current(ports)).files.reduce((sum, { size }) => sum + size, 0);

it('one that is asked for is a commit of its own, with nothing waiting', async () => {
  // Prepare
  const ports = await wastefulPorts();
  const [before, sizeBefore] = [await records(ports), await sizeOf(ports)];

  // Act
  const ended = await run(ports, ASKED);

  // Assess
  expect(ended.path.at(-1)).toBe('Compacted');
  expect(stateOf(ended)).toMatchObject({ vacuum: false, totals: { commits: 1, deltas: 0 }, committed: { version: 3 } });
  expect(await records(ports)).toEqual(before);
  expect(await sizeOf(ports)).toBeLessThan(sizeBefore / 4);
  expect((await current(ports)).ledger.filter(({ version }) => version === 3)).toEqual([]);
  expectNothingHeld(ports);
});

it('comes before the deltas that wait, which are merged on top of it', async () => {
  const ports = await wastefulPorts();
  await submitNumber(ports, 1, 2);

  const ended = await run(ports, ASKED);

  expect(stateOf(ended)).toMatchObject({ totals: { commits: 2, deltas: 2 }, committed: { version: 4 } });
  expect(stateOf(ended).vacuum).not.toBe(true);
  // Four of before, two of their own, and one that both write.
  expect((await current(ports)).records).toBe(7);
  expect(inbox(ports)).toEqual([]);
});

it('is still to be done when another execution is compacting', async () => {
  const ports = await wastefulPorts();
  const now = ports.clock.now();
  const request = { owner: 'somebody', phase: 'validation', now, durationMs: EXPIRY_MS, pointerToken: 10 } as const;
  const { token } = await ports.locks.acquireLock(COLLECTION, request);
  const holder = { owner: 'somebody', token };
  await ports.locks.takeClaim(COLLECTION, { holder, now, durationMs: EXPIRY_MS });
  await ports.locks.releaseLock(COLLECTION, holder);

  const ended = await run(ports, ASKED);

  expect(ended.path.at(-1)).toBe('Delegated');
  expect(stateOf(ended).vacuum).toBe(true);
});

it('fails three times before the execution does, and blames no delta', async () => {
  // Prepare
  const ports = await wastefulPorts();
  await submitNumber(ports, 1);
  const faults: Fault[] = [{ on: 'engine.vacuum', before: down }];

  // Act
  const ended = await run(ports, ASKED, { faults });

  // Assess
  expect(ended.error).toBe('MergeLimitError');
  expect(ended.cause).toContain('failed 3 times; it is as it was.');
  expect((await current(ports)).version).toBe(2);
  expect(inbox(ports)).toHaveLength(1);
  await ports.clock.advance(EXPIRY_MS);
  expect((await run(ports, INPUT)).path.at(-1)).toBe('Compacted');
  expect((await current(ports)).records).toBe(6);
});

it('is made in passing when most of the files is waste', async () => {
  const ports = await wastefulPorts(1024 * 1024);

  // The merge that deleted most was the one that saw it.
  expect((await current(ports)).version).toBe(2);
  expect((await current(ports)).records).toBe(4);
  expect(await freeSlots(ports)).toBe(0);
  expect(await freeSlots(await wastefulPorts())).toBeGreaterThan(10);
});

it('in passing fails no merge', async () => {
  const ports = await beforeFewer(1024 * 1024, (n) => n === MANY.length);

  const faults: Fault[] = [{ on: 'engine.vacuum', before: down }];
  const ended = await run(ports, INPUT, { faults });

  expect(ended.path.at(-1)).toBe('Compacted');
  expect(stateOf(ended).attempts.mergeFailures).toBe(0);
  expect([...(await records(ports)).keys()]).toEqual(['r-40']);
  expect(await freeSlots(ports)).toBeGreaterThan(10);
});

it('a snapshot without records has no files, and the next merge begins with nothing', async () => {
  // Prepare
  const ports = await wastefulPorts();
  await submit(
    ports,
    'none',
    MANY.map((n) => ({ op: 'delete', id: `r-${n}` }) as const),
  );

  // Act
  const emptied = await run(ports, INPUT);
  const empty = await current(ports);
  await submitNumber(ports, 1);
  await run(ports, INPUT);

  // Assess
  expect(stateOf(emptied).committed).toMatchObject({ version: 3, records: 0, snapshotBytes: 0 });
  expect(empty).toMatchObject({ version: 3, records: 0, engine: null, files: [], packs: [] });
  expect([...(await records(ports)).keys()].sort()).toEqual(['own-1', 'shared']);
  expect(inbox(ports)).toEqual([]);
});

it('one can go back across a vacuum, and across an emptied snapshot', async () => {
  // Prepare
  const ports = await wastefulPorts();
  const before = await records(ports);
  await run(ports, ASKED);
  await submit(
    ports,
    'none',
    MANY.map((n) => ({ op: 'delete', id: `r-${n}` }) as const),
  );
  await run(ports, INPUT);
  expect((await records(ports)).size).toBe(0);

  // Act and assess
  for (const version of [3, 2, 1]) {
    await rollback(ports, { collection: COLLECTION, version, actor: 'somebody' });
    const found = await records(ports);
    if (version === 1) expect(found.size).toBe(40);
    else expect(found).toEqual(before);
  }
  await submitNumber(ports, 1);
  await run(ports, INPUT);
  expect((await records(ports)).size).toBe(42);
});

async function freeSlots(ports: MemoryPorts): Promise<number> {
  const directory = await ports.directories.claim(COLLECTION);
  try {
    return (await ModelDatabase.load(directory)).usage().free;
  } finally {
    await directory.release();
  }
}
