/** Correction of a manifest that names another distance than the one by which its collection ranks. */
import { beforeEach, describe, expect, it } from 'vitest';
import { InvalidInputError, PointerMovedError, StoreUnavailableError } from '../../lambdas/errors/errors.ts';
import { correctSpace } from '../../lambdas/upkeep/correct-space.ts';
import { rollback } from '../../lambdas/upkeep/rollback.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import { findVersion } from '../../lambdas/versions/walk-versions.ts';
import { type Fault, faulty, throws } from '../support/faulty.ts';
import { MemoryEngine } from '../support/memory-engine.ts';
import { COLLECTION, createCollection, type MemoryPorts, memoryPorts } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { commitUnseen, expectNothingHeld, history, INPUT, idOf, inbox, submitNumber } from './support.ts';

const SWAP = 'store.putIfMatch';
let ports: MemoryPorts;

/** Version 1, recorded as l2, ranks by cosine. */
beforeEach(async () => {
  ports = memoryPorts();
  await createCollection(ports);
  await submitNumber(ports, 1);
  await run(ports, INPUT);
  ports = { ...ports, engine: new MemoryEngine({ ranksBy: 'cosine' }) };
});

const correct = (faults: readonly Fault[] = []) => correctSpace(faulty(ports, faults), COLLECTION, 'somebody');
const manifest = async () => (await findVersion(ports, COLLECTION)).manifest;

describe('a correction', () => {
  it('makes a version with the same files that names the distance, and is built upon', async () => {
    const before = await manifest();

    const done = await correct();

    expect(done).toEqual({ collection: COLLECTION, version: 2, space: 'cosine', recorded: 'l2', corrected: true });
    const { files, packs, records, ledger } = before;
    expect(await manifest()).toMatchObject({ version: 2, space: 'cosine', files, packs, records, ledger });
    expect(ports.announcer.announced.at(-1)).toMatchObject({ collection: COLLECTION, version: 2, deltas: [] });
    await submitNumber(ports, 2);
    expect((await run(ports, INPUT)).path.at(-1)).toBe('Compacted');
    expect(await manifest()).toMatchObject({ version: 3, space: 'cosine' });
    expect((await history(ports)).map(({ deltaId }) => deltaId)).toEqual([1, 2].map(idOf));
    expectNothingHeld(ports);
  });

  it('survives a rollback to a version that names the wrong one', async () => {
    await correct();

    await rollback(ports, { collection: COLLECTION, version: 1, actor: 'somebody' });

    expect(await manifest()).toMatchObject({ version: 3, space: 'cosine' });
  });

  it('does nothing to a manifest that is right', async () => {
    await correct();
    const before = await readPointer(ports, COLLECTION);

    const again = await correct();

    expect(again).toMatchObject({ version: 2, space: 'cosine', corrected: false });
    expect(await readPointer(ports, COLLECTION)).toEqual(before);
  });

  it('is made of what is current when another commit comes first', async () => {
    await submitNumber(ports, 2);
    const race: Fault = { on: SWAP, times: 1, before: () => commitUnseen(ports) };

    const done = await correct([race]);

    expect(done).toMatchObject({ version: 3, corrected: true });
    expect(await manifest()).toMatchObject({ version: 3, space: 'cosine', records: 3 });
    expect(inbox(ports)).toEqual([]);
  });

  it('finds its own commit when the answer is lost', async () => {
    const lost: Fault = { on: SWAP, times: 1, after: throws(new StoreUnavailableError('No answer.')) };

    expect(await correct([lost])).toMatchObject({ version: 2, corrected: true });
  });
});

it('gives up, and changes nothing, when the pointer moves each time', async () => {
  let moves = 1;
  const move = async () => {
    await submitNumber(ports, ++moves);
    await commitUnseen(ports);
  };

  await expect(correct([{ on: SWAP, before: move }])).rejects.toBeInstanceOf(PointerMovedError);
  expect(await manifest()).toMatchObject({ space: 'l2' });
});

it('cannot measure what holds no record', async () => {
  await createCollection(ports, 'empty');

  await expect(correctSpace(ports, 'empty', 'somebody')).rejects.toBeInstanceOf(InvalidInputError);
});
