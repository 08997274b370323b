/** Collections are taken beside whoever creates, renames, writes, reads and compacts, and by runs that die. */
import { describe, expect, it } from 'vitest';
import { LogWriter } from '../../lambdas/log/append.ts';
import type { ObjectStore } from '../../lambdas/ports.ts';
import { looksAt } from '../../lambdas/serving/looks.ts';
import { nameKey, unreachedKey } from '../../lambdas/snapshot/name-keys.ts';
import { directoryOver, interleave, shortly } from '../names/support.ts';
import type { Fault } from '../support/faulty.ts';
import { faulty } from '../support/faulty.ts';
import { type MemoryPorts, memoryPorts } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { append, collect, DAY, elsewhere, full, names, PLACE, states, store, stored, traces } from './unreached.ts';

const SEEDS = Array.from({ length: 300 }, (_, seed) => seed + 1);
/** Nothing is owed to anybody: only the order of calls keeps what is reached. */
const AT_ONCE = { settings: { retainDays: 0 } };

async function dropped(ports: MemoryPorts): Promise<Awaited<ReturnType<typeof full>>> {
  const record = await full(ports, 'pets');
  await names(ports).drop('pets');
  await collect(ports);
  await ports.clock.advance(8 * DAY);
  return record;
}

/** Runs until there is nothing more to do. */
async function finish(ports: MemoryPorts): Promise<void> {
  for (let runs = 0; runs < 6; runs++) {
    await collect(ports);
    await ports.clock.advance(8 * DAY);
  }
}

describe('beside a client that', () => {
  it('creates: what it is told to have is there, and stays', async () => {
    let begunAgain = 0;
    for (const seed of SEEDS) {
      const ports = memoryPorts(AT_ONCE);
      let created: Awaited<ReturnType<ReturnType<typeof names>['create']>> | undefined;

      await interleave(seed, ports.store, [
        async (gated) => {
          created = await shortly(directoryOver(gated, 2)).create('pets');
        },
        async (gated) => {
          for (let runs = 0; runs < 2; runs++) await collect(elsewhere(ports, 3, gated));
        },
      ]);
      if ([...ports.store.snapshot().keys()].some((key) => key.startsWith('unreached/'))) begunAgain++;
      await finish(ports);

      expect(created, `seed ${seed}`).toBeDefined();
      const found = await names(ports).find('pets');
      expect(found?.id, `seed ${seed}`).toBe(created?.record.id);
    }
    expect(begunAgain).toBeGreaterThan(0);
  });

  it.each(['before', 'after'] as const)('creates, and ends %s its record is deleted: the same', async (when) => {
    // Prepare
    const ports = memoryPorts(AT_ONCE);
    const isRecord = ({ args }: { args: unknown[] }) => String(args[0]).startsWith('collections/');
    const [reached, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const pause = async () => {
      reached.resolve();
      await released.promise;
    };
    const paused = faulty(ports, [{ on: 'store.putIfMatch', when: isRecord, times: 1, before: pause }]);
    const creation = names(paused).create('pets');
    await reached.promise;
    const marked = await collect(ports);
    const resume = async () => {
      released.resolve();
      await creation;
    };

    // Act
    await collect(faulty(ports, [{ on: 'store.deleteIfMatch', when: isRecord, times: 1, [when]: resume }]));
    await finish(ports);

    // Assess
    const { record, isNew } = await creation;
    const found = await names(ports).find('pets');
    expect([isNew, found?.id]).toEqual([true, record.id]);
    const first = marked.collections[0]?.collection;
    expect(record.collection === first).toBe(when === 'before');
    expect([...ports.store.snapshot().keys()]).toHaveLength(2);
  });

  it('creates what others create as well: one of them has it, and it stays', async () => {
    for (const seed of SEEDS) {
      const ports = memoryPorts(AT_ONCE);
      const told: string[] = [];
      const creator = (n: number) => async (gated: ObjectStore) => {
        told.push((await shortly(directoryOver(gated, n)).create('pets')).record.id);
      };

      await interleave(seed, ports.store, [
        creator(2),
        creator(3),
        async (gated) => {
          for (let runs = 0; runs < 2; runs++) await collect(elsewhere(ports, 4, gated));
        },
      ]);
      await finish(ports);

      const found = await names(ports).find('pets');
      expect(told, `seed ${seed}`).toEqual([found?.id, found?.id]);
      expect([...ports.store.snapshot().keys()], `seed ${seed}`).toHaveLength(2);
    }
  });

  it('renames to and fro, with entries left over: the collection keeps a name', async () => {
    for (const seed of SEEDS) {
      const ports = memoryPorts(AT_ONCE);
      const { record } = await names(ports).create('aaa');
      const entry = ports.store.snapshot().get(nameKey(PLACE.tenant, PLACE.database, 'aaa')) ?? new Uint8Array();
      await names(ports).rename(record.id, 'ccc');
      await ports.store.putIfAbsent(nameKey(PLACE.tenant, PLACE.database, 'aaa'), entry);
      await ports.clock.advance(DAY);

      await interleave(seed, ports.store, [
        async (gated) => {
          const { rename } = shortly(directoryOver(gated, 2));
          for (const name of ['aaa', 'bbb', 'aaa']) await rename(record.id, name);
        },
        async (gated) => {
          const collector = elsewhere(ports, 3, gated);
          await collector.clock.advance(2 * DAY);
          for (let runs = 0; runs < 2; runs++) await collect(collector);
        },
      ]);
      await finish(ports);

      const all = await names(ports).names();
      expect(all, `seed ${seed}`).toEqual(['aaa']);
      expect((await names(ports).find('aaa'))?.id, `seed ${seed}`).toBe(record.id);
    }
  });

  it('still writes: it is told of nothing, and what it leaves is taken later', async () => {
    const ports = memoryPorts();
    const record = await full(ports, 'pets');
    const late = new LogWriter(ports, record.collection);
    await late.append({ op: 'delete', body: '{"ids":["x"]}' });
    await names(ports).drop('pets');
    await collect(ports);
    await ports.clock.advance(8 * DAY);
    await collect(ports);

    const write = late.append({ op: 'delete', body: '{"ids":["y"]}' });

    await expect(write).rejects.toThrow('There is no collection');
    expect(stored(ports, record)).toHaveLength(2);
    await finish(ports);
    expect(stored(ports, record)).toEqual([]);
  });

  it('makes its first write after the drop: what it stores is taken later', async () => {
    const ports = memoryPorts();
    const { record } = await names(ports).create('pets');
    await names(ports).drop('pets');
    await finish(ports);

    await store(ports, record.collection);
    await append(ports, record.collection, 1);

    expect(await states(ports)).toEqual({ [record.collection]: 'found' });
    await finish(ports);
    expect(traces(ports, record)).toEqual([]);
  });

  it('reads: it is told that there is nothing, or an error, and nothing wrong', async () => {
    const ports = memoryPorts();
    const record = await dropped(ports);
    const look = looksAt(ports, record.collection, 'index_and_wal');
    const before = await look();
    await before.confirmed;
    expect(before.waiting.length).toBeGreaterThan(0);

    await collect(ports);
    const during = await look();
    await expect(during.confirmed).rejects.toThrow();
    const after = await look();

    expect(after).toMatchObject({ current: undefined, waiting: [] });
  });
});

describe('beside a compaction', () => {
  const STATES = ['ValidateCas', 'MergeDeltas', 'UploadSnapshot', 'SwapPointer', 'SyncEfs', 'FinishCompaction'];

  it.each(STATES)('at %s: it publishes nothing, and nothing of it stays', async (state) => {
    const ports = memoryPorts();
    const record = await dropped(ports);
    const other = await full(ports, 'other');
    const before = stored(ports, other);
    const take: Fault = { on: '*', in: state, times: 1, before: () => collect(ports) };

    const { status } = await run(ports, { collection: record.collection }, { faults: [take] });

    expect(status).toBe('FAILED');
    expect(ports.store.snapshot().has(`pointers/${record.collection}.json`)).toBe(false);
    await finish(ports);
    expect(stored(ports, record)).toEqual([]);
    expect(stored(ports, other)).toEqual(before);
    expect((await run(ports, { collection: other.collection })).path.at(-1)).toBe('Compacted');
  });
});

describe('a run that dies', () => {
  const isWrite = ({ on }: { on: string }) => /^store\.(put|delete)|^statuses\.forget/.test(on);

  it.each([true, false])('at any of its writes (done: %s) is finished by the next one', async (isDone) => {
    for (let write = 1; ; write++) {
      const ports = memoryPorts();
      const record = await dropped(ports);
      const other = await full(ports, 'other');
      const before = stored(ports, other);
      let isDead = false;
      const die = () => {
        isDead = true;
        throw new Error('the process died');
      };
      const death: Fault = { on: '*', when: isWrite, from: write, [isDone ? 'after' : 'before']: die };

      const first = await collect(faulty(ports, [death]));
      const left = stored(ports, record);
      await finish(ports);

      if (isDead) expect(first.failures, `write ${write}`).toHaveLength(1);
      if (isDead) expect(left, `write ${write}`).toContain(unreachedKey(record.collection));
      expect(stored(ports, record), `write ${write}`).toEqual([]);
      expect(ports.table.items().statuses.has(record.collection), `write ${write}`).toBe(false);
      expect(stored(ports, other), `write ${write}`).toEqual(before);
      if (!isDead) {
        expect(write).toBeGreaterThan(10);
        return;
      }
    }
  });

  it('beside another one that does the same: both end well', async () => {
    for (const seed of SEEDS.slice(0, 50)) {
      const ports = memoryPorts();
      const record = await dropped(ports);
      const failures: unknown[] = [];

      await interleave(seed, ports.store, [
        async (gated) => failures.push(...(await collect({ ...ports, store: gated } as MemoryPorts)).failures),
        async (gated) => failures.push(...(await collect({ ...ports, store: gated } as MemoryPorts)).failures),
      ]);
      await finish(ports);

      expect(failures, `seed ${seed}`).toEqual([]);
      expect(stored(ports, record), `seed ${seed}`).toEqual([]);
    }
  });
});
