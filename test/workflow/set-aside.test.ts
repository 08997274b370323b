/** A delta at which the engine gives no answer is set aside, kept, and stops nobody; nothing else is. */
import { expect, it } from 'vitest';
import { explainDelta } from '../../cli/explain/delta.ts';
import { settleDeltas } from '../../lambdas/compaction/settle-deltas.ts';
import { EngineUnavailableError, InvalidInputError, StoreUnavailableError } from '../../lambdas/errors/errors.ts';
import { listInbox } from '../../lambdas/inbox/list-inbox.ts';
import type { ObjectStore } from '../../lambdas/ports.ts';
import { discardAside, findAside, listAside, retryAside } from '../../lambdas/producer/aside.ts';
import { traceDelta } from '../../lambdas/producer/trace-delta.ts';
import { METRICS } from '../../lambdas/protocol/metrics.ts';
import { asidePrefix, rejectionKey } from '../../lambdas/snapshot/keys.ts';
import { loadCurrent } from '../../lambdas/versions/load-current.ts';
import { MAX_ALONE_FAILURES, MAX_MERGE_FAILURES } from '../../statemachine/contract.ts';
import { type Fault, throws } from '../support/faulty.ts';
import { MemoryEngine } from '../support/memory-engine.ts';
import {
  COLLECTION,
  createCollection,
  type MemoryPorts,
  memoryPorts,
  records,
  submit,
} from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { expectNothingHeld, expectSettled, history, INPUT, idOf, inbox, submitNumber, upsert } from './support.ts';

const heavy = (n: number) => [upsert(`own-${n}`, n), upsert(`heavy-${n}`, n)];
const hanging = { engine: { hangs: ({ id }: { id: string }) => id.startsWith('heavy-') } };

async function hangingPorts(settings = {}): Promise<MemoryPorts> {
  const ports = memoryPorts({ ...hanging, settings });
  await createCollection(ports);
  return ports;
}

function aside(ports: MemoryPorts): Array<[key: string, body: string]> {
  const objects = [...ports.store.snapshot()].filter(([key]) => key.startsWith(asidePrefix(COLLECTION)));
  return objects.map(([key, body]) => [key, Buffer.from(body).toString()]);
}

const isMerge = (state: string) => state === 'MergeDeltas';

it.each([1, 2, 500])('a delta that hangs lets those behind it pass, with %i per commit', async (maxDeltasPerCommit) => {
  // Prepare
  const ports = await hangingPorts({ maxDeltasPerCommit });
  await submitNumber(ports, 1);
  const { sha256 } = await submit(ports, idOf(2), heavy(2));
  const sent = [...ports.store.snapshot()].find(([key]) => key.endsWith(idOf(2)));
  await submitNumber(ports, 3, 4);

  // Act
  const { path } = await run(ports, INPUT);

  // Assess
  expect(path.at(-1)).toBe('Compacted');
  await expectSettled(ports, [1, 3, 4], [2]);
  expect(aside(ports)).toEqual([[`aside/${COLLECTION}/${idOf(2)}~${sha256}`, Buffer.from(sent?.[1] ?? []).toString()]]);
  const report = JSON.parse(Buffer.from((await ports.store.get(rejectionKey(COLLECTION, idOf(2)))).body).toString());
  expect(report).toMatchObject({
    outcome: 'rejected',
    rejectedOperations: 1,
    rejections: [{ line: 0, error: 'SetAside' }],
  });
  expect(report.rejections[0].reason).toContain('EngineUnavailableError: No answer within 60000 ms at "heavy-2".');
  expect(ports.telemetry.sum(METRICS.setAside)).toBe(1);
});

it('also one that nobody waits behind, after it was tried alone as often as is allowed', async () => {
  const ports = await hangingPorts();
  await submitNumber(ports, 1);
  await run(ports, INPUT);
  await submit(ports, idOf(2), heavy(2));

  const { path } = await run(ports, INPUT);

  expect(path.at(-1)).toBe('Compacted');
  // The first failure says only that merges fail; then it is tried alone; then it is set aside.
  expect(path.filter(isMerge)).toHaveLength(1 + MAX_ALONE_FAILURES + 1);
  await expectSettled(ports, [1], [2]);
  expect(aside(ports)).toHaveLength(1);
});

it('any number in a row', async () => {
  const ports = await hangingPorts();
  const bad = Array.from({ length: 6 }, (_, n) => n + 1);
  for (const n of bad) await submit(ports, idOf(n), heavy(n));
  await submitNumber(ports, 7);

  const { path } = await run(ports, INPUT);

  expect(path.at(-1)).toBe('Compacted');
  await expectSettled(ports, [7], bad);
  expect(aside(ports)).toHaveLength(bad.length);
});

it('none as long as the engine fails without it, too', async () => {
  const ports = await hangingPorts();
  await submitNumber(ports, 1, 2);
  const down: Fault = { on: 'engine.open', before: throws(new EngineUnavailableError('The engine does not start.')) };

  const { path, error } = await run(ports, INPUT, { faults: [down] });

  expect(error).toBe('MergeLimitError');
  expect(path.filter(isMerge).length).toBeGreaterThan(MAX_MERGE_FAILURES);
  expect(inbox(ports)).toHaveLength(2);
  expect(await history(ports)).toEqual([]);
  expect(aside(ports)).toEqual([]);
  expectNothingHeld(ports);
  await run(ports, INPUT);
  await expectSettled(ports, [1, 2]);
});

it('none that fails now and then', async () => {
  const ports = await hangingPorts();
  await submitNumber(ports, 1);
  const failures: Fault = {
    on: 'engine.open',
    times: 1 + MAX_ALONE_FAILURES - 1,
    before: throws(new EngineUnavailableError('The engine does not start.')),
  };

  await run(ports, INPUT, { faults: [failures] });

  await expectSettled(ports, [1]);
  expect(aside(ports)).toEqual([]);
});

it('failures are counted against the delta that was tried, and no other that takes its place', async () => {
  // Prepare: an older delta appears under each trial, so that the one that was named is not the oldest any more.
  const ports = await hangingPorts();
  await submit(ports, 'x-heavy', heavy(9));
  await submitNumber(ports, 1);
  let merges = 0;
  const overtaken: Fault = {
    on: 'store.list',
    in: 'MergeDeltas',
    before: async () => {
      if (++merges === 3) await submit(ports, 'a-first', [upsert('first', 1)]);
    },
  };

  // Act
  await run(ports, INPUT, { faults: [overtaken] });

  // Assess
  const decided = new Map((await history(ports)).map(({ deltaId, outcome }) => [deltaId, outcome]));
  expect(decided).toEqual(
    new Map([
      ['a-first', 'applied'],
      [idOf(1), 'applied'],
      ['x-heavy', 'rejected'],
    ]),
  );
});

it('a content that a producer sends under its id afterwards is reported, and what was set aside stays', async () => {
  const ports = await hangingPorts();
  const { sha256 } = await submit(ports, idOf(2), heavy(2));
  await run(ports, INPUT);
  await submit(ports, idOf(2), [upsert('other', 1)]);

  await run(ports, INPUT);

  expect(inbox(ports)).toEqual([]);
  expect(aside(ports).map(([key]) => key)).toEqual([`aside/${COLLECTION}/${idOf(2)}~${sha256}`]);
});

it('is kept by whoever removes it, also by an execution that settles an earlier version', async () => {
  // Prepare: its report and its status are written, and then whoever wrote them dies.
  const ports = await hangingPorts();
  const { sha256 } = await submit(ports, idOf(2), heavy(2));
  const { manifest: earlier } = await loadCurrent(ports, COLLECTION);
  const dying: Fault = {
    on: 'store.putIfAbsent',
    when: ({ args: [key] }) => String(key).startsWith('aside/'),
    before: throws(new StoreUnavailableError('Silent.')),
  };
  await run(ports, INPUT, { faults: [dying] });
  expect(aside(ports)).toEqual([]);
  expect((await ports.statuses.getStatuses(COLLECTION, [idOf(2)])).size).toBe(1);

  // Act
  await settleDeltas(ports, earlier, await listInbox(ports, COLLECTION), true, 0);

  // Assess
  expect(inbox(ports)).toEqual([]);
  expect(aside(ports).map(([key]) => key)).toEqual([`aside/${COLLECTION}/${idOf(2)}~${sha256}`]);
});

it('is sent once more by an operator, under an id that repeats do not change, and then applied once', async () => {
  // Prepare
  const ports = await hangingPorts();
  await submit(ports, idOf(2), heavy(2));
  await run(ports, INPUT);
  const found = await findAside(ports, COLLECTION, idOf(2));
  const repaired = { ...ports, engine: new MemoryEngine() };

  // Act: the operator's process dies before it deletes what was kept, and the command is repeated.
  const first = await retryAside({ ...ports, store: withoutDeletes(ports) }, COLLECTION, found);
  const second = await retryAside(ports, COLLECTION, found);
  await run(repaired, INPUT);

  // Assess
  expect(second).toEqual({ ...first, outcome: 'duplicate' });
  expect(await listAside(ports, COLLECTION)).toEqual([]);
  expect((await history(ports)).map(({ deltaId, outcome }) => [deltaId, outcome])).toEqual([
    [idOf(2), 'rejected'],
    [first.deltaId, 'applied'],
  ]);
  expect([...(await records(ports)).keys()].sort()).toEqual(['heavy-2', 'own-2']);
});

it('is explained: what happened, where its content is, and how to send it again', async () => {
  const ports = await hangingPorts();
  await submit(ports, idOf(2), heavy(2));
  await run(ports, INPUT);
  const context = { lock: undefined, now: ports.clock.now(), execution: undefined };

  const kept = explainDelta({ trace: await traceDelta(ports, COLLECTION, idOf(2)), ...context });
  await discardAside(ports, await findAside(ports, COLLECTION, idOf(2)));
  const gone = explainDelta({ trace: await traceDelta(ports, COLLECTION, idOf(2)), ...context });

  expect(kept.verdict).toBe('set aside');
  expect(kept.story.join('\n')).toContain('3 merges of this delta alone failed');
  expect(kept.todo).toContain(`compactor aside ${COLLECTION} ${idOf(2)} --retry`);
  expect(gone.verdict).toBe('set aside');
  expect(gone.todo.join('\n')).not.toContain(`${idOf(2)} --retry`);
  await expect(findAside(ports, COLLECTION, idOf(2))).rejects.toThrow(InvalidInputError);
});

function withoutDeletes({ store }: MemoryPorts): ObjectStore {
  return new Proxy(store, {
    get: (target, property) => {
      if (property === 'deleteIfMatch') return async () => {};
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
