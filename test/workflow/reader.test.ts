/** A reader whose server dies: it goes on with another one, by itself. */
import { beforeEach, describe, expect, it } from 'vitest';
import { EngineUnavailableError, InvalidInputError, StoreUnavailableError } from '../../lambdas/errors/errors.ts';
import { makeQuery } from '../../lambdas/reader/query-snapshot.ts';
import { SnapshotReader } from '../../lambdas/reader/snapshot-reader.ts';
import { type Fault, faulty, throws } from '../support/faulty.ts';
import { COLLECTION, createCollection, type MemoryPorts, memoryPorts, submit } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { INPUT } from './support.ts';

const AT = [0, 0, 0, 0];
let ports: MemoryPorts;
let reader: SnapshotReader;

async function commit(number: number): Promise<void> {
  const operation = { op: 'upsert', id: 'one', embedding: [1, 1, 1, 1], metadata: { number } } as const;
  await submit(ports, `d-${number}`, [{ ...operation, embedding: [1, 1, 1, 1] }]);
  expect((await run(ports, INPUT)).path.at(-1)).toBe('Compacted');
}
const ask = () => reader.query(AT, 5).then(({ version, neighbours }) => [version, neighbours.map(({ id }) => id)]);
/** The server that was started last. */
const server = () => {
  const last = ports.engine.sessions.at(-1);
  if (last === undefined) throw new Error('No server was started.');
  return last;
};
const directoriesInUse = () => ports.directories.slots.filter(({ owner }) => owner !== undefined).length;

beforeEach(async () => {
  ports = memoryPorts();
  await createCollection(ports);
  await commit(1);
  reader = await SnapshotReader.open(ports, COLLECTION);
});

describe.each(['seen', 'silent'] as const)('a server that dies (%s)', (how) => {
  it('costs no answer: the question is asked again of another one', async () => {
    server().die(how);

    expect(await ask()).toEqual([1, ['one']]);
    expect(await ask()).toEqual([1, ['one']]);
  });

  it('is replaced without the store, which may be away', async () => {
    await reader.close();
    const away: Fault = { on: 'store.get', when: () => isAway, before: throws(new StoreUnavailableError('away')) };
    let isAway = false;
    reader = await SnapshotReader.open(faulty(ports, [away]), COLLECTION);
    isAway = true;
    server().die(how);

    expect(await ask()).toEqual([1, ['one']]);
    await expect(reader.refresh()).rejects.toThrow(StoreUnavailableError);
  });

  it('is replaced once for fifty who ask at the same time', async () => {
    const before = ports.engine.sessions.length;
    server().die(how);

    const answers = await Promise.all(Array.from({ length: 50 }, ask));

    expect(new Set(answers.map(String))).toEqual(new Set(['1,one']));
    expect(ports.engine.sessions.length - before).toBe(1);
  });

  it('is followed by commits as ever', async () => {
    server().die(how);
    await ask();
    await commit(2);

    expect(await reader.refresh()).toMatchObject({ version: 2, changed: true, reopened: false });
    expect(await ask()).toEqual([2, ['one']]);
  });

  it('is no matter for the query handler', async () => {
    const query = makeQuery();
    const event = { collection: COLLECTION, embedding: AT, maxStalenessSeconds: 60 };
    await query(ports, event);
    server().die(how);

    expect(await query(ports, event)).toMatchObject({ version: 1, neighbours: [{ id: 'one' }] });
  });
});

describe('refresh', () => {
  it('starts the server anew although there is no new version', async () => {
    server().die();

    expect(await reader.refresh()).toMatchObject({ version: 1, changed: false, reopened: true });
    expect(await reader.refresh()).toMatchObject({ version: 1, changed: false, reopened: false });
    expect(await ask()).toEqual([1, ['one']]);
  });
});

describe('use', () => {
  it('finds a server that has died before, and starts another', async () => {
    server().die();

    expect(await reader.use((snapshot) => snapshot.get(['one']))).toMatchObject([{ id: 'one' }]);
  });

  it('fails when it dies in the middle, since the task may not be repeated; the next one finds another', async () => {
    let tasks = 0;
    const using = reader.use(async (snapshot) => {
      tasks++;
      server().die('silent');
      return snapshot.get(['one']);
    });

    await expect(using).rejects.toThrow(EngineUnavailableError);
    expect(tasks).toBe(1);
    expect(await reader.use((snapshot) => snapshot.get(['one']))).toMatchObject([{ id: 'one' }]);
  });
});

it('servers that cannot be started are told of, each time, and not for ever', async () => {
  await reader.close();
  let isBroken = false;
  const down: Fault = { on: 'engine.open', when: () => isBroken, before: throws(new EngineUnavailableError('No.')) };
  reader = await SnapshotReader.open(faulty(ports, [down]), COLLECTION);
  isBroken = true;
  server().die();

  for (let n = 0; n < 3; n++) await expect(ask()).rejects.toThrow(EngineUnavailableError);
  isBroken = false;
  expect(await ask()).toEqual([1, ['one']]);
  await reader.close();
  expect(directoriesInUse()).toBe(0);
});

it('a question that fails with the server alive is not the server’s end', async () => {
  const before = ports.engine.sessions.length;

  await expect(reader.query([1, 2], 5)).rejects.toThrow(InvalidInputError);

  expect(await ask()).toEqual([1, ['one']]);
  expect(ports.engine.sessions.length).toBe(before);
});
