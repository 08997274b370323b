/** The sweep: a wake-up for every collection with work left, whatever is wrong with the others. */
import { describe, expect, it } from 'vitest';
import { CollectionsFailedError, StoreUnavailableError } from '../../lambdas/errors/errors.ts';
import { timeSlotName } from '../../lambdas/protocol/execution-name.ts';
import { deltaKey, pointerKey } from '../../lambdas/snapshot/keys.ts';
import { sweep } from '../../lambdas/triggers/sweep-collections.ts';
import { type Fault, faulty, throws } from '../support/faulty.ts';
import { createCollection, type MemoryPorts, memoryPorts, submit } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { overwrite, upsert } from './support.ts';

/** Three collections; a delta waits in each of `waiting`. */
async function collections(...waiting: string[]): Promise<MemoryPorts> {
  const ports = memoryPorts();
  for (const collection of ['books', 'letters', 'maps']) await createCollection(ports, collection);
  for (const collection of waiting) await submit(ports, 'd-1', [upsert('a', 1)], collection);
  return ports;
}
const startedIn = (ports: MemoryPorts) => [...ports.executions.started.values()].map(({ collection }) => collection);

describe('the sweep', () => {
  it('starts an execution for every collection with a delta waiting, and for no other', async () => {
    const ports = await collections('books', 'maps');

    const swept = await sweep(ports);

    expect(swept.collections).toBe(3);
    expect(swept.started.sort()).toEqual(['books', 'maps']);
    expect([...ports.executions.started.keys()].sort()).toEqual([
      timeSlotName('books', ports.clock.now()),
      timeSlotName('maps', ports.clock.now()),
    ]);
    expect(startedIn(ports).sort()).toEqual(['books', 'maps']);
  });

  it('starts one for leftovers alone: a delta that is committed, but has no status', async () => {
    const ports = await collections('letters');
    await run(ports, { collection: 'letters' }, { wrap: { FinishCompaction: () => throws(new Error('died')) } });
    await ports.store.delete(deltaKey('letters', 'd-1'));

    expect((await sweep(ports)).started).toEqual(['letters']);

    await run(ports, { collection: 'letters' });
    await ports.clock.advance(60_000);
    expect((await sweep(ports)).started).toEqual([]);
  });

  it('starts at most one per minute', async () => {
    const ports = await collections('books');

    const started = [await sweep(ports), await sweep(ports)].map((swept) => swept.started);
    await ports.clock.advance(60_000);

    expect(started).toEqual([['books'], []]);
    expect((await sweep(ports)).started).toEqual(['books']);
  });

  it('goes on when one collection fails, and names it at the end', async () => {
    const ports = await collections('books', 'letters', 'maps');
    await overwrite(ports, pointerKey('books'), Buffer.from('{'));
    const refuses: Fault = {
      on: 'executions.start',
      when: ({ args }) => args[0].startsWith('letters'),
      before: throws(new Error('Too many executions.')),
    };

    const swept = sweep(faulty(ports, [refuses]));

    await expect(swept).rejects.toThrow(CollectionsFailedError);
    await expect(swept).rejects.toThrow(/2 collections.*"books" \(CorruptObjectError.*"letters" \(Error: Too many/);
    expect(startedIn(ports)).toEqual(['maps']);
  });

  it('leaves alone what is no pointer, and fails when the collections cannot be listed', async () => {
    const ports = await collections();
    await ports.store.putIfAbsent('pointers/README.md', Buffer.from('no pointer'));
    expect(await sweep(ports)).toEqual({ collections: 3, started: [] });
    expect(ports.telemetry.warnings).toHaveLength(1);

    const down = faulty(ports, [{ on: 'store.list', before: throws(new StoreUnavailableError('503')) }]);
    await expect(sweep(down)).rejects.toThrow(StoreUnavailableError);
  });
});
