/** A delta id means one content: what a submission says of it, while it waits and after it is decided. */
import { describe, expect, it } from 'vitest';
import { InvalidInputError, KeyCollisionError } from '../../lambdas/errors/errors.ts';
import { DeltaBuilder, submitDelta } from '../../lambdas/producer/produce-delta.ts';
import { submitOnce } from '../../lambdas/producer/put-delta.ts';
import { Connection } from '../../lambdas/runtime/connection.ts';
import { COLLECTION, createCollection, type MemoryPorts, memoryPorts, records } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { INPUT, inbox } from './support.ts';

const builder = (id: string) => new DeltaBuilder().upsert({ id, embedding: [1, 0, 0, 0] });
const MINE = { collection: COLLECTION, deltaId: 'one', operations: builder('mine') };
const THEIRS = { ...MINE, operations: builder('theirs') };

async function withCollection(): Promise<MemoryPorts> {
  const ports = memoryPorts();
  await createCollection(ports);
  return ports;
}

describe('with a table', () => {
  it('is new the first time, and a duplicate while it waits', async () => {
    const ports = await withCollection();

    const first = await submitDelta(ports, MINE);
    const again = await submitDelta(ports, MINE);

    expect(first).toMatchObject({ collection: COLLECTION, deltaId: 'one', outcome: 'new', status: null });
    expect(again).toEqual({ ...first, outcome: 'duplicate' });
  });

  it('is a duplicate, with what became of it and nothing sent, once it is decided', async () => {
    const ports = await withCollection();
    const { sha256: digest } = await submitDelta(ports, MINE);
    await run(ports, INPUT);

    const again = await submitDelta(ports, MINE);

    expect(again).toMatchObject({ outcome: 'duplicate', status: { outcome: 'applied', version: 1, sha256: digest } });
    expect(await inbox(ports)).toEqual([]);
  });

  it('is a conflict while other content waits, which stays', async () => {
    const ports = await withCollection();
    await submitDelta(ports, THEIRS);

    const refused = submitDelta(ports, MINE);

    await expect(refused).rejects.toBeInstanceOf(KeyCollisionError);
    await expect(refused).rejects.toThrow(/"one" of "books" is already waiting with other content.*was not sent/);
    await run(ports, INPUT);
    expect([...(await records(ports)).keys()]).toEqual(['theirs']);
  });

  it('is a conflict once other content is decided, and nothing is sent', async () => {
    const ports = await withCollection();
    await submitDelta(ports, THEIRS);
    await run(ports, INPUT);

    const refused = submitDelta(ports, MINE);

    await expect(refused).rejects.toThrow(/was applied in version 1 with other content.*was not sent/);
    expect(await inbox(ports)).toEqual([]);
  });

  it.each([
    ['the same content', MINE, 'duplicate'],
    ['other content', THEIRS, 'KeyCollisionError'],
  ])('looks again after the PUT: %s was decided meanwhile', async (_, decided, expected) => {
    // Prepare: between the look at the table and the PUT, the id is decided and leaves the inbox.
    const ports = await withCollection();
    let looks = 0;
    const statuses = new Proxy(ports.statuses, {
      get: (table, name) =>
        name === 'getStatuses'
          ? async (...args: Parameters<typeof table.getStatuses>) => {
              const found = await table.getStatuses(...args);
              if (looks++ === 0) {
                await submitDelta(ports, decided);
                await run(ports, INPUT);
              }
              return found;
            }
          : Reflect.get(table, name),
    });

    const outcome = await submitDelta({ ...ports, statuses }, MINE).then(
      (sent) => sent.outcome,
      (error: Error) => error.name,
    );

    expect(outcome).toBe(expected);
    await run(ports, INPUT);
    expect([...(await records(ports)).keys()]).toEqual([decided === MINE ? 'mine' : 'theirs']);
  });

  it('is refused under an id that is none, before anything is asked', async () => {
    const ports = await withCollection();

    const refused = submitOnce(ports, { collection: COLLECTION, deltaId: '../x', body: Buffer.from('{}\n') });

    await expect(refused).rejects.toBeInstanceOf(InvalidInputError);
  });
});

it('without a table, what waits is compared, and what is decided is not known', async () => {
  const ports = await withCollection();
  const blind = { ...ports, statuses: undefined };
  const first = await submitDelta(blind, MINE);

  const again = await submitDelta(blind, MINE);
  const other = submitDelta(blind, THEIRS);

  expect([first.outcome, again.outcome]).toEqual(['new', 'duplicate']);
  await expect(other).rejects.toBeInstanceOf(KeyCollisionError);
  await run(ports, INPUT);
  expect(await submitDelta(blind, MINE)).toMatchObject({ outcome: 'new', status: null });
});

describe('a connection', () => {
  it('tells what came of a submission', async () => {
    const connection = new Connection(await withCollection());

    const sent = await connection.submit(MINE);

    expect(sent).toMatchObject({ outcome: 'new', status: null, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
  });

  it.each<[string, (connection: Connection) => Promise<unknown>, string]>([
    ['submit', (c) => c.submit({ ...MINE, deltaID: 'two' } as never), 'deltaID'],
    ['wait', async (c) => c.wait(await c.submit(MINE), { timeout: 1 } as never), 'timeout'],
    ['openReader', (c) => c.openReader(COLLECTION, { copies: 1 } as never), 'copies'],
    ['createCollection', (c) => c.createCollection('pets', { dimension: 4, metric: 'l2' } as never), 'metric'],
  ])('%s refuses a member that it does not know', async (_, call, name) => {
    const ports = await withCollection();
    const before = ports.store.snapshot().size;

    const refused = call(new Connection(ports));

    await expect(refused).rejects.toBeInstanceOf(InvalidInputError);
    await expect(refused).rejects.toThrow(new RegExp(`cannot have ${name}; known are`));
    expect(ports.store.snapshot().size - before).toBeLessThanOrEqual(name === 'timeout' ? 1 : 0);
  });
});
