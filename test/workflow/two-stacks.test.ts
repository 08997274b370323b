/** Two stacks on one store whose tables have the same name, as every two local stacks have. */
import { describe, expect, it } from 'vitest';
import { InvalidInputError, StoreUnavailableError } from '../../lambdas/errors/errors.ts';
import { encodePointer } from '../../lambdas/protocol/pointer.ts';
import { decodeAddress } from '../../lambdas/protocol/table-address.ts';
import { pointerKey } from '../../lambdas/snapshot/keys.ts';
import type { Operation } from '../../lambdas/snapshot/operation.ts';
import { sweep } from '../../lambdas/triggers/sweep-collections.ts';
import { adoptCollection } from '../../lambdas/upkeep/adopt-collection.ts';
import { collectGarbage } from '../../lambdas/upkeep/collect-garbage.ts';
import { rollback } from '../../lambdas/upkeep/rollback.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import type { TaskHandler } from '../../local/sfn/task.ts';
import { faulty, throws } from '../support/faulty.ts';
import {
  COLLECTION,
  createCollection,
  type MemoryPorts,
  memoryPorts,
  records,
  submit,
} from '../support/memory-ports.ts';
import { MemoryTable } from '../support/memory-table.ts';
import { run } from '../support/run-machine.ts';
import { history, INPUT, inbox } from './support.ts';

const set = (by: number): Operation[] => [{ op: 'upsert', id: 'x', embedding: [by, by, by, by], metadata: { by } }];
const by = async (ports: MemoryPorts) => (await records(ports)).get('x')?.metadata?.by;
const tableOf = async (ports: MemoryPorts) => (await readPointer(ports, COLLECTION)).pointer.statusTable;

/** Another stack on the same store: everything else is its own, and its table has the same name. */
function otherStack(ports: MemoryPorts): MemoryPorts {
  const table = new MemoryTable(ports.table.tableName);
  return { ...memoryPorts({ seed: 2 }), store: ports.store, clock: ports.clock, table, locks: table, statuses: table };
}

async function twoStacks(): Promise<[MemoryPorts, MemoryPorts]> {
  const one = memoryPorts();
  await createCollection(one);
  return [one, otherStack(one)];
}

/** As it was before tables had an identity. */
async function makeLegacy(ports: MemoryPorts): Promise<void> {
  const { pointer, etag } = await readPointer(ports, COLLECTION);
  const legacy = encodePointer({ ...pointer, statusTable: ports.table.tableName });
  await ports.store.putIfMatch(pointerKey(COLLECTION), legacy, etag);
}

describe('two stacks whose tables have one name', () => {
  it('never apply a delta twice, nor go back to an older value', async () => {
    // Prepare: the first stack has applied 1 and then 2; the producer sends 1 again, late.
    const [one, two] = await twoStacks();
    for (const n of [1, 2]) {
      await submit(one, `d-${n}`, set(n));
      expect((await run(one, INPUT)).path.at(-1)).toBe('Compacted');
    }
    await submit(one, 'd-1', set(1));

    const ended = await run(two, INPUT);

    expect([ended.path.at(-1), ended.error]).toEqual(['Failed', 'ForeignStoreError']);
    expect(await by(one)).toBe(2);
    expect((await history(one)).map(({ deltaId }) => deltaId)).toEqual(['d-1', 'd-2']);
    expect(inbox(one)).toHaveLength(1);
    expect((await run(one, INPUT)).status).toBe('SUCCEEDED');
    expect([await by(one), inbox(one)]).toEqual([2, []]);
  });

  it.each<[string, (two: MemoryPorts) => Promise<unknown>]>([
    ['plans', (two) => run(two, INPUT).then(({ error }) => Promise.reject(new Error(error)))],
    ['collects garbage', (two) => collectGarbage(two, { collection: COLLECTION, runId: two.ids.ulid() })],
    ['rolls back', (two) => rollback(two, { collection: COLLECTION, version: 0, actor: 'test' })],
    ['creates', (two) => createCollection(two)],
    ['sweeps', (two) => sweep(two)],
  ])('the one to which the store does not belong never %s', async (_, act) => {
    const [one, two] = await twoStacks();
    await submit(one, 'd-1', set(1));
    await run(one, INPUT);
    const before = one.store.snapshot();

    await expect(act(two)).rejects.toThrow(/ForeignStoreError|belongs to table "memory#/);

    expect(one.store.snapshot()).toEqual(before);
  });

  it('a table made anew is another one, though it has the name: its statuses are gone', async () => {
    const [one, made] = await twoStacks();
    await submit(one, 'd-1', set(1));
    await run(one, INPUT);
    await made.table.ensureIdentity('01KAT2Z5Y8Q3V7M4N6P9R1S2T3');

    await expect(sweep(made)).rejects.toThrow(/01KAT2Z5Y8Q3V7M4N6P9R1S2T3.*compactor adopt books --from "memory#/s);
  });
});

describe('a pointer from before tables had an identity', () => {
  it('takes that of the first table of its name that commits; the other stack is refused from then on', async () => {
    const [one, two] = await twoStacks();
    await makeLegacy(one);
    await submit(one, 'd-1', set(1));

    const committed = await run(one, INPUT);
    const refused = await run(two, INPUT);

    expect(committed.path.at(-1)).toBe('Compacted');
    expect(await tableOf(one)).toBe(`memory#${await one.table.readIdentity()}`);
    expect([refused.path.at(-1), refused.error]).toEqual(['Failed', 'ForeignStoreError']);
  });

  it('takes it from a fence and a rollback, too', async () => {
    const [one] = await twoStacks();
    const settings = { ...one.settings, retainVersions: 2, retainDays: 0 };
    for (const n of [1, 2, 3]) {
      await submit(one, `d-${n}`, set(n));
      await run(one, INPUT);
    }
    const own = await tableOf(one);

    await makeLegacy(one);
    await rollback(one, { collection: COLLECTION, version: 2, actor: 'test' });
    const rolledBack = await tableOf(one);
    await makeLegacy(one);
    await one.clock.advance(1_000);
    const runId = one.ids.ulid();
    const { fenced } = await collectGarbage({ ...one, settings }, { collection: COLLECTION, runId });

    expect([rolledBack, fenced, await tableOf(one)]).toEqual([own, true, own]);
  });

  it('is refused by a table of another name, as before', async () => {
    const [one] = await twoStacks();
    await makeLegacy(one);
    const table = new MemoryTable('theirs');

    await expect(sweep({ ...one, statuses: table })).rejects.toThrow(/belongs to table "memory"/);
  });
});

describe('adopting', () => {
  it('hands the collection over: the new table goes on, and the old one is refused', async () => {
    // Prepare: decided but not settled, so that the status must be written by the new table.
    const [one, two] = await twoStacks();
    await submit(one, 'd-1', set(1));
    await run(one, INPUT, { wrap: { FinishCompaction: () => () => Promise.reject(new Error('died')) } });
    const from = await tableOf(one);

    const adopted = await adoptCollection(two, { collection: COLLECTION, from });

    const own = `memory#${await two.table.readIdentity()}`;
    expect(adopted).toEqual({ collection: COLLECTION, changed: true, from, to: own, version: 1 });
    expect((await run(two, INPUT)).status).toBe('SUCCEEDED');
    expect(two.table.items().statuses.get(COLLECTION)?.get('d-1')).toMatchObject({ outcome: 'applied', version: 1 });
    expect((await history(two)).map(({ deltaId }) => deltaId)).toEqual(['d-1']);
    await submit(two, 'd-2', set(2));
    expect((await run(one, INPUT)).error).toBe('ForeignStoreError');
    expect((await run(two, INPUT)).path.at(-1)).toBe('Compacted');
    expect(await by(two)).toBe(2);
  });

  it('makes a swap fail that the old table planned before', async () => {
    const [one, two] = await twoStacks();
    await submit(one, 'd-1', set(1));
    const from = await tableOf(one);
    const adopt = () => adoptCollection(two, { collection: COLLECTION, from });

    const overtake = (real: TaskHandler) => async (state: unknown) => {
      await adopt();
      return real(state);
    };
    const overtaken = await run(one, INPUT, { wrap: { SwapPointer: overtake } });

    expect([overtaken.path.at(-1), overtaken.error]).toEqual(['Failed', 'ForeignStoreError']);
    expect((await readPointer(one, COLLECTION)).pointer).toMatchObject({ version: 0, fence: 1 });
    expect((await run(two, INPUT)).path.at(-1)).toBe('Compacted');
    expect((await history(two)).map(({ deltaId }) => deltaId)).toEqual(['d-1']);
  });

  it('never makes a pointer that was there before: to and fro are two fences', async () => {
    const [one, two] = await twoStacks();
    const { pointer, etag } = await readPointer(one, COLLECTION);
    const from = pointer.statusTable;

    const { to } = await adoptCollection(two, { collection: COLLECTION, from });
    await adoptCollection(one, { collection: COLLECTION, from: to });

    const back = await readPointer(one, COLLECTION);
    expect(back.pointer).toMatchObject({ statusTable: from, fence: 2 });
    expect(back.etag).not.toBe(etag);
  });

  it('needs the table by its exact name, and changes nothing otherwise', async () => {
    const [one, two] = await twoStacks();
    const before = one.store.snapshot();

    for (const from of ['memory', 'memory#01KAT2Z5Y8Q3V7M4N6P9R1S2T3']) {
      await expect(adoptCollection(two, { collection: COLLECTION, from })).rejects.toThrow(InvalidInputError);
    }

    expect(one.store.snapshot()).toEqual(before);
    expect(decodeAddress(await tableOf(one)).identity).toBe(await one.table.readIdentity());
  });

  it('knows its own write when the response is lost, and does nothing to what is its own', async () => {
    const [one, two] = await twoStacks();
    const from = await tableOf(one);
    const lost = { on: 'store.putIfMatch', after: throws(new StoreUnavailableError('lost')) };
    const flaky = faulty(two, [lost]);

    const adopted = await adoptCollection(flaky, { collection: COLLECTION, from });
    const again = await adoptCollection(flaky, { collection: COLLECTION, from });

    expect([adopted.changed, again.changed]).toEqual([true, false]);
    expect((await readPointer(one, COLLECTION)).pointer.fence).toBe(1);
  });

  it('says of a store that does not answer what it is, and not that the table is in use', async () => {
    const [one, two] = await twoStacks();
    const from = await tableOf(one);
    const down = throws(new StoreUnavailableError('No answer.'));
    const silent = faulty(two, [{ on: 'store.putIfMatch', before: down }]);

    await expect(adoptCollection(silent, { collection: COLLECTION, from })).rejects.toThrow(StoreUnavailableError);

    expect(await tableOf(one)).toBe(from);
  });
});
